//! The kernel on both databases: what a task's life looks like, what is recorded of it, what a dead worker leaves.

#![allow(missing_docs, reason = "a test's name says what it shows")]

mod artifacts;
mod audit;
mod changes;
mod concurrency;
mod derived;
mod histories;
mod interleavings;
mod leases;
mod ledger;
mod lifecycle;
mod lineage;
mod maintenance;
mod outside;
mod people;
mod record;
mod recovery;
mod results;
mod retrieval;
mod runs;
mod schedules;
mod seed_001;
mod shell;
mod workers;
