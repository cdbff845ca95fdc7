//! `goalwright goal`: state goals, read them, and make them of plans.

mod change;
mod decompose;
mod export;
mod import;
mod list;
mod plan_files;
mod progress;
mod show;

use clap::{Args, Subcommand};

use super::session::{Session, Shared};
use crate::failure::{Exit, Failure};

/// State goals, read them, and make them of plans.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright goal create \"Ship the guide\"")]
pub(super) struct Goal {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List goals, newest first
    List(list::List),
    /// Show a goal: its fields, how far it is and why not further, its open tasks
    Show(show::Show),
    /// State a goal
    Create(change::Create),
    /// Change fields of a goal
    Update(change::Update),
    /// Delete a goal with its tasks; the record of what was done stays
    Delete(change::Delete),
    /// Make goals of plan files
    Import(import::Import),
    /// Write a goal as a Markdown plan
    Export(export::Export),
    /// Break a goal down, by a model or with a written plan
    Decompose(decompose::Decompose),
    /// Tell how far a goal is, and why it is not further
    Progress(progress::Progress),
}

impl Goal {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        Session::with(self.shared, async |session| match self.action {
            Action::List(list) => list.execute(session).await,
            Action::Show(show) => show.execute(session).await,
            Action::Create(create) => create.execute(session).await,
            Action::Update(update) => update.execute(session).await,
            Action::Delete(delete) => delete.execute(session).await,
            Action::Import(import) => import.execute(session).await,
            Action::Export(export) => export.execute(session).await,
            Action::Decompose(decompose) => decompose.execute(session).await,
            Action::Progress(progress) => progress.execute(session).await,
        })
        .await
    }
}
