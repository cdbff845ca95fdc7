//! What runs after executions.

pub(crate) mod queries;
mod repository;
