//! Storage on SQLite and PostgreSQL. One folder per noun: `rows` maps, `repository` writes inside a unit of work,
//! `queries` reads outside of one.
//!
//! Statements are written as SQL, once, with what the databases spell differently in `sql::Dialect`. All writes
//! are set-based: a batch costs a few statements, however large it is.

mod agent;
mod api_key;
mod arrays;
mod checkpoint;
mod connect;
mod decomposition;
mod error;
mod execution;
mod experience;
mod goal;
mod hook;
mod idempotency;
mod ledger;
mod looking;
mod many;
mod migrate;
mod moment;
mod open;
mod reader;
mod record;
mod row;
mod schedule;
mod selection;
mod sql;
mod task;
mod unit_of_work;
mod usage;
mod vitals;
mod words;
mod workspace;

pub use connect::{Database, DatabaseSettings, OpenError};
pub use experience::Followed;
pub use ledger::continuation::{GoOn, WentOn};
pub use migrate::{apply_migrations, missing_migrations};
pub use vitals::{Pool, Vitals};
