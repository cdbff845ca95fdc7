//! Storage on SQLite and PostgreSQL. One folder per noun: `rows` maps, `repository` writes inside a unit of work,
//! `queries` reads outside of one.
//!
//! Statements are written as SQL, once, with what the databases spell differently in `sql::Dialect`. All writes
//! are set-based: a batch costs a few statements, however large it is.

mod agent;
mod api_key;
mod connect;
mod decomposition;
mod error;
mod execution;
mod experience;
mod goal;
mod idempotency;
mod ledger;
mod migrate;
mod reader;
mod row;
mod schedule;
mod sql;
mod task;
mod unit_of_work;
mod words;
mod workspace;

pub use connect::{Database, DatabaseSettings, OpenError};
pub use experience::Followed;
pub use migrate::{apply_migrations, missing_migrations};
