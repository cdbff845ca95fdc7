//! `goalwright task`: list tasks, make them, order them, run and complete them.

mod change;
mod complete;
mod create;
mod depend;
mod expand;
mod list;
mod next;
mod recover;
mod run;
mod schedule;
mod show;
pub(in crate::cli) mod table;
mod worker;

use clap::{Args, Subcommand};

use super::session::{Session, Shared};
use crate::failure::{Exit, Failure};

/// List tasks, make them, order them, run and complete them.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task next")]
pub(super) struct Task {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List tasks, newest first
    List(list::List),
    /// Show a task: its fields, what it waits for, its result
    Show(show::Show),
    /// Make a task
    Create(create::Create),
    /// Change fields of a task
    Update(change::Update),
    /// Say what a task waits for, instead of what it waited for before
    Depend(depend::Depend),
    /// Break a task further down: into parts that it waits for
    Expand(expand::Expand),
    /// Tell whether a task could be worked on now, and what is missing
    Ready(depend::Ready),
    /// Tell what to work on now, and why
    Next(next::Next),
    Run(run::Run),
    /// Tell when a task is to run, by its schedule
    Schedule(schedule::Schedule),
    /// Complete a task, as a person or as the worker that claimed it
    Complete(complete::Complete),
    /// Try a task again that failed, or that waits for a decision
    Retry(recover::Retry),
    /// Approve of a task that waits for a person, or let it fail
    Approve(recover::Approve),
    /// Answer a task that waits for a person
    Answer(recover::Answer),
    /// Say that a task failed
    Fail(recover::Fail),
    /// Claim tasks of an agent, as a worker
    Claim(worker::Claim),
    /// Keep a task that was claimed
    Heartbeat(worker::Heartbeat),
    /// Give a task back that was claimed
    Release(worker::Release),
    /// Give a task to an agent
    Assign(change::Assign),
    /// Give a task up; it blocks what waits for it
    Cancel(change::Cancel),
    /// Leave a task out
    Skip(change::Skip),
    /// Delete a task; the record of what was done stays
    Delete(change::Delete),
}

impl Task {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        Session::with(self.shared, async |session| match self.action {
            Action::List(list) => list.execute(session).await,
            Action::Show(show) => show.execute(session).await,
            Action::Create(create) => create.execute(session).await,
            Action::Update(update) => update.execute(session).await,
            Action::Depend(depend) => depend.execute(session).await,
            Action::Expand(expand) => expand.execute(session).await,
            Action::Ready(ready) => ready.execute(session).await,
            Action::Next(next) => next.execute(session).await,
            Action::Run(run) => run.execute(session).await,
            Action::Schedule(schedule) => schedule.execute(session).await,
            Action::Complete(complete) => complete.execute(session).await,
            Action::Retry(retry) => retry.execute(session).await,
            Action::Approve(approve) => approve.execute(session).await,
            Action::Answer(answer) => answer.execute(session).await,
            Action::Fail(fail) => fail.execute(session).await,
            Action::Claim(claim) => claim.execute(session).await,
            Action::Heartbeat(heartbeat) => heartbeat.execute(session).await,
            Action::Release(release) => release.execute(session).await,
            Action::Assign(assign) => assign.execute(session).await,
            Action::Cancel(cancel) => cancel.execute(session).await,
            Action::Skip(skip) => skip.execute(session).await,
            Action::Delete(delete) => delete.execute(session).await,
        })
        .await
    }
}
