//! One task with the run that drives it, locked.

use goalwright_domain::Rejection;
use goalwright_domain::execution::{Attempt, Run, RunStatus};
use goalwright_domain::task::{Task, TaskId, TaskStatus};

use super::Tasks;
use crate::ports::UnitOfWork;
use crate::{Context, Error};

/// A task, the run that drives it, and the attempt of that run that is suspended.
pub(super) struct Held {
    pub(super) run: Option<Run>,
    pub(super) task: Task,
    pub(super) suspended: Option<Attempt>,
}

impl Tasks {
    /// Runs are locked before tasks, everywhere.
    pub(super) async fn hold(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        id: TaskId,
    ) -> Result<Held, Error> {
        let driving = unit.executions().find_driving(id).await?.map(|run| run.id);
        let run = unit.executions().lock_runs(driving.as_slice()).await?.pop();
        let suspended = match &run {
            Some(run) if run.suspended => unit.executions().lock_suspended(&[run.id]).await?.pop(),
            _ => None,
        };
        let task = unit.tasks().lock_many(&[id]).await?.pop();
        let task = task
            .filter(|task| task.state().workspace_id == context.workspace())
            .ok_or_else(|| Error::not_found("task", id))?;
        // It may have become ready, or been claimed, between the look at its runs and the lock.
        let now = unit.executions().find_driving(id).await?;
        if now.as_ref().map(|run| (run.id, run.fence)) != run.as_ref().map(|run| (run.id, run.fence)) {
            return Err(changed());
        }
        Ok(Held { run, task, suspended })
    }
}

/// Somebody changed the task between two looks; the next look is done at once.
pub(crate) fn changed() -> Error {
    Error::Conflict { code: "conflict", message: "the task changed at the same moment; ask again".to_owned() }
}

/// Nobody takes a task from a worker that holds it.
pub(super) fn refuse(run: Option<&Run>, task: &Task) -> Result<(), Rejection> {
    let held =
        run.is_some_and(|run| run.status == RunStatus::Running) || task.status() == TaskStatus::Running;
    if held {
        let message = "a worker holds this task; wait until it reports or its lease expires";
        return Err(Rejection::new("task_leased", message));
    }
    Ok(())
}
