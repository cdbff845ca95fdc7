//! What Goalwright does: its use cases, and every dependency of theirs as a port.
//!
//! A service per noun, a file per use case. A use case opens a unit of work, loads what it changes (and thereby
//! locks it), lets the domain decide, saves, announces, commits — and awaits nothing else in between.
//!
//! Locks are taken in one order everywhere: runs, attempts, agents, tasks that end or start, tasks that depend on
//! them, counters of goals, goals; rows of one kind by id. Whoever keeps that order cannot deadlock.

pub mod access;
pub mod agents;
pub mod analytics;
pub mod api_keys;
pub mod artifacts;
pub mod audit;
pub mod context;
mod detached;
pub mod error;
pub mod execution;
pub mod experiences;
pub mod goals;
pub mod hooks;
pub mod idempotency;
pub mod maintenance;
pub mod models;
mod past;
pub mod planning;
pub mod ports;
mod precondition;
pub mod read;
pub mod retention;
pub mod retrying;
pub mod schedules;
pub mod selection;
pub mod services;
pub mod tasks;
pub mod traces;
pub mod usage;
pub mod workspaces;

pub use context::Context;
pub use error::Error;
pub use precondition::Precondition;
pub use services::Services;
