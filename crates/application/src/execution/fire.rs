//! A slot of a task's schedule comes.

use std::collections::HashMap;

use goalwright_domain::Timestamp;
use goalwright_domain::agent::Directory;
use goalwright_domain::execution::RunId;
use goalwright_domain::task::{TaskId, TaskStatus};
use goalwright_domain::workspace::WorkspaceId;

use super::book::{Book, agent_for};
use super::driving_run;
use crate::Error;
use crate::ports::{Ids, UnitOfWork};

/// Agents by workspace, as they are found.
pub(crate) type Directories = HashMap<WorkspaceId, Directory>;

/// What became of a firing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Firing {
    /// This run is it.
    Run(RunId),
    /// The task still waits for others.
    DependenciesOpen,
    /// The task was begun, and cannot go on now.
    Withdrawn,
    /// Nobody can do it.
    NoAgent,
}

impl Book {
    /// The slot of a task that recurs has come, at the first of these moments; its run may be claimed from the second on.
    pub(crate) fn slot_comes(&mut self, id: TaskId, at: Timestamp, begin: Timestamp) {
        self.due.insert(id, (at, begin));
    }

    /// Makes the run of a slot, for a task that was entered: one that drives the task if none has begun yet, else one
    /// beside it. `queue` is that of the task's goal, which is worked on.
    pub(crate) async fn fire(
        &mut self,
        unit: &dyn UnitOfWork,
        ids: &dyn Ids,
        directories: &mut Directories,
        (id, at, begin): (TaskId, Timestamp, Timestamp),
        queue: &str,
        now: Timestamp,
    ) -> Result<Firing, Error> {
        let task = self.task(id)?;
        match task.status() {
            TaskStatus::Pending if task.open_dependencies() > 0 => Ok(Firing::DependenciesOpen),
            TaskStatus::Pending => self.drive(unit, ids, (id, at, begin), now).await,
            TaskStatus::Ready
            | TaskStatus::Running
            | TaskStatus::Waiting
            | TaskStatus::Completed
            | TaskStatus::Failed
            | TaskStatus::Cancelled
            | TaskStatus::Skipped => {
                let state = task.state().clone();
                let Some((agent, performer)) = agent_for(unit, directories, &state).await? else {
                    return Ok(Firing::NoAgent);
                };
                let mut run = driving_run(ids, &state, agent, performer, queue.to_owned(), now);
                run.drives_task = false;
                run.scheduled_at = Some(at);
                run.available_at = Some(begin.max(now));
                let made = run.id;
                self.queued.push(run);
                Ok(Firing::Run(made))
            }
        }
    }

    async fn drive(
        &mut self,
        unit: &dyn UnitOfWork,
        ids: &dyn Ids,
        (id, at, begin): (TaskId, Timestamp, Timestamp),
        now: Timestamp,
    ) -> Result<Firing, Error> {
        if unit.executions().find_driving(id).await?.is_some() {
            return Ok(Firing::Withdrawn);
        }
        self.slot_comes(id, at, begin);
        self.give(unit, ids, vec![id], now).await?;
        let run = self.queued.iter().find(|run| run.task_id == id && run.drives_task);
        Ok(run.map_or(Firing::NoAgent, |run| Firing::Run(run.id)))
    }
}
