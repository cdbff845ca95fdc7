//! The schema, one change per file, for SQLite and PostgreSQL alike.
//!
//! Each file is one text in which a few words in braces stand for what the databases spell differently (see
//! `dialect`). Constraints are part of the product: what the domain forbids, plain SQL cannot write either.
//!
//! To add a change: write `mNNNN_what.rs` with `sea_orm_migration::MigrationTrait`, list it in
//! [`Migrator::migrations`], and never touch a file that has been released.

mod dialect;
mod m0001_identity;
mod m0002_agents;
mod m0003_goals;
mod m0004_tasks;
mod m0005_executions;
mod m0006_experiences;
mod m0007_ledger;
mod m0008_task_search;
mod m0009_idempotency;
mod m0010_sealed_ledger;
mod m0011_outside_work;
mod m0012_experience_store;
mod m0013_schedules;
mod m0015_task_words;
mod m0016_api_keys;
mod m0018_set_based_guards;
mod m0019_request_spans;
mod m0020_selection;
mod m0021_hooks;
mod m0022_redaction;
mod m0023_schedules_set_aside;
mod m0024_lighter_writes;
mod m0026_retention;
mod m0027_decompositions;
mod m0028_usage;
mod m0029_expansions;
mod m0030_confirm_destructive;
mod m0031_pruned_words;
mod m0032_runs_never_begun;
mod m0033_model_agents;
mod m0034_calls_by_task;

use sea_orm_migration::prelude::*;

/// Every migration, oldest first.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_identity::Migration),
            Box::new(m0002_agents::Migration),
            Box::new(m0003_goals::Migration),
            Box::new(m0004_tasks::Migration),
            Box::new(m0005_executions::Migration),
            Box::new(m0006_experiences::Migration),
            Box::new(m0007_ledger::Migration),
            Box::new(m0008_task_search::Migration),
            Box::new(m0009_idempotency::Migration),
            Box::new(m0010_sealed_ledger::Migration),
            Box::new(m0011_outside_work::Migration),
            Box::new(m0012_experience_store::Migration),
            Box::new(m0013_schedules::Migration),
            Box::new(m0015_task_words::Migration),
            Box::new(m0016_api_keys::Migration),
            Box::new(m0018_set_based_guards::Migration),
            Box::new(m0019_request_spans::Migration),
            Box::new(m0020_selection::Migration),
            Box::new(m0021_hooks::Migration),
            Box::new(m0022_redaction::Migration),
            Box::new(m0023_schedules_set_aside::Migration),
            Box::new(m0024_lighter_writes::Migration),
            Box::new(m0026_retention::Migration),
            Box::new(m0027_decompositions::Migration),
            Box::new(m0028_usage::Migration),
            Box::new(m0029_expansions::Migration),
            Box::new(m0030_confirm_destructive::Migration),
            Box::new(m0031_pruned_words::Migration),
            Box::new(m0032_runs_never_begun::Migration),
            Box::new(m0033_model_agents::Migration),
            Box::new(m0034_calls_by_task::Migration),
        ]
    }
}
