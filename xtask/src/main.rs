//! Maintenance and developer commands, run as `cargo xtask <command>`.
//!
//! A command is a module with an `Args` struct (`clap::Args`) and `fn run(self) -> anyhow::Result<ExitCode>`,
//! and one line in `commands!` below.

mod backfill;
mod bench;
mod ci;
mod continue_ledger;
mod contract;
mod fuzz;
mod maintenance;
mod migrate;
mod openapi;
mod plans;
mod postgres;
mod process;
mod product;
mod prune;
mod rebuild;
mod redact;
mod seed_demo;
mod test;
mod torture;
mod verify_audit;

use std::process::ExitCode;

use clap::Parser;

/// Makes the `Command` enum and its dispatch from one line per command.
macro_rules! commands {
    ($($(#[$doc:meta])* $variant:ident => $module:ident,)+) => {
        #[derive(clap::Subcommand)]
        enum Command {
            $($(#[$doc])* $variant($module::Args),)+
        }

        impl Command {
            fn run(self) -> anyhow::Result<ExitCode> {
                match self {
                    $(Self::$variant(args) => args.run(),)+
                }
            }
        }
    };
}

commands! {
    /// Run all tests on SQLite and PostgreSQL; starts a throwaway PostgreSQL server if none is named
    Test => test,
    /// Measure imports, claims, settlements, the start of `serve`, and lists of large tenants
    Bench => bench,
    /// Prove the HTTP interface with other people's tools: requests made up from its document, linters, generated clients
    Contract => contract,
    /// Run the whole gate: formatting, lints, documentation, layering, the domain crate alone, fuzzing, all tests, a short torture
    Ci => ci,
    /// Search for inputs that break a law of readers and templates, with libFuzzer
    Fuzz => fuzz,
    /// Write docs/openapi.json anew
    Openapi => openapi,
    /// Import every plan of a folder, and tell what came of each
    Plans => plans,
    /// Kill workers, end connections, restart the database while work is done, and check that it was done right
    Torture => torture,
    /// Fill a database with goals in every state, to look at
    SeedDemo => seed_demo,
    /// Bring the schema of the database up to date
    Migrate => migrate,
    /// Compute counters anew, and compare goals, tasks and agents with what their events tell
    Rebuild => rebuild,
    /// Remove what is older than a date from the ledger and the record
    Prune => prune,
    /// Take over a folder of result files, as experiences
    Backfill => backfill,
    /// Check that no event was changed, removed, inserted or moved since it was written
    VerifyAudit => verify_audit,
    /// Take personal data out of the record, under an event that says so
    Redact => redact,
    /// Seal the ledger with a new key from now on, because the old one was seen or lost
    ContinueLedger => continue_ledger,
}

/// The developer's side of Goalwright.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
