//! The kernel on both databases: what a task's life looks like, what is recorded of it, what a dead worker leaves.

#![allow(missing_docs, reason = "a test's name says what it shows")]

mod artifacts;
mod audit;
mod changes;
mod comparisons;
mod computing;
mod concurrency;
mod decompositions;
mod derived;
mod expansions;
mod figures;
mod forgetting;
mod histories;
mod hooks;
mod interleavings;
mod leases;
mod ledger;
mod lifecycle;
mod lineage;
mod maintenance;
mod model_agents;
mod outside;
mod past;
mod people;
mod placing;
mod planners;
mod plans;
mod pruning;
mod pruning_at_once;
mod record;
mod recovery;
mod redaction;
mod results;
mod retrieval;
mod rows;
mod runs;
mod schedules;
mod seed_001;
mod selection;
mod shell;
mod workers;
