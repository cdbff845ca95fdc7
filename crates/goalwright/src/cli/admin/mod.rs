//! `goalwright admin`: on the database directly, whether a server runs or not.

mod backfill;
mod config;
mod continue_ledger;
mod hooks;
mod migrate;
mod prune;
mod rebuild;
mod redact;
mod verify_audit;

use clap::{Args, Subcommand};

use crate::compose::App;
use crate::config::Config;
use crate::failure::{Exit, Failure};

/// Look after the database and the settings.
///
/// Works on the database directly, whether a server runs or not.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright admin config")]
pub(super) struct Admin {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Bring the schema of the database up to date
    Migrate(migrate::Migrate),
    /// Show every setting, its value, and where it comes from
    Config(config::Show),
    /// Compute counters anew and mend them; compare rows with what their events tell
    Rebuild(rebuild::Rebuild),
    /// Show what follows executions and failed for good, and have it tried again
    Hooks(hooks::Failed),
    /// Take over a folder of result files, as experiences
    Backfill(backfill::Backfill),
    /// Check that no event was changed, removed, inserted or moved since it was written
    VerifyAudit(verify_audit::VerifyAudit),
    /// Remove what is old: events, executions, experiences
    Prune(prune::Prune),
    /// Take personal data out of the record, under an event that says so
    Redact(redact::Redact),
    /// Seal the ledger with a new key from now on, because the old one was seen or lost
    ContinueLedger(continue_ledger::ContinueLedger),
}

/// Opens the product, has it do this, and closes it whatever came of it.
async fn with_app<T>(work: impl AsyncFnOnce(&App, &Config) -> Result<T, Failure>) -> Result<T, Failure> {
    let config = Config::load()?;
    let app = App::open(&config, "admin").await?;
    let worked = work(&app, &config).await;
    app.close().await;
    worked
}

impl Admin {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        match self.action {
            Action::Migrate(migrate) => migrate.execute().await,
            Action::Config(config) => config.execute(),
            Action::Rebuild(rebuild) => rebuild.execute().await,
            Action::Hooks(failed) => failed.execute().await,
            Action::Backfill(backfill) => backfill.execute().await,
            Action::VerifyAudit(verify) => verify.execute().await,
            Action::Prune(prune) => prune.execute().await,
            Action::Redact(redact) => redact.execute().await,
            Action::ContinueLedger(continuing) => continuing.execute().await,
        }
    }
}
