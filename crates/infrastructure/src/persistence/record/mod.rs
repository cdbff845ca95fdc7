//! What is on record of executions, as it goes: runs, attempts, calls, scripts, experiences, artifacts.

pub(crate) mod remove;
pub(crate) mod ripe;
pub(crate) mod words;
