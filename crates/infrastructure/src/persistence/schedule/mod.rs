//! Schedules of tasks: how far they were looked after, and what came of their slots.

pub(crate) mod queries;
mod repository;
