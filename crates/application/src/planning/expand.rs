use std::sync::Arc;

use goalwright_domain::execution::{Mode as RunMode, Outcome, Run};
use goalwright_domain::plan::{PresentTask, refuse_expansion};
use goalwright_domain::task::{TaskId, TaskStatus};
use goalwright_domain::{Rejection, Timestamp};

use super::change::Present;
use super::{Aim, DecomposeRequest, Decomposition, Planning};
use crate::execution::{Ended, Report, conclude};
use crate::ports::UnitOfWork;
use crate::{Context, Error};

impl Planning {
    /// Breaks a task of a goal further down. The plan's tasks are added to the goal; each waits for what the task waits for as
    /// well, and the task waits for all of them. `mode` of the request says nothing here.
    ///
    /// # Errors
    /// As [`Planning::decompose`]; `Rejected` (`goal_needed`) for a task without a goal, and (`invalid_transition`) for one that
    /// recurs, has begun or is over. What only a person was asked for has not begun.
    #[tracing::instrument(name = "task.expand", skip_all, fields(task.id = %id, planner = request.planner.as_str()))]
    pub async fn expand(
        self: &Arc<Self>,
        context: &Context,
        id: TaskId,
        request: &DecomposeRequest,
    ) -> Result<Decomposition, Error> {
        let task = self.queries.task(context.workspace(), id).await?;
        let task = task.ok_or_else(|| Error::not_found("task", id))?;
        let Some(goal) = task.state.goal_id else {
            let message = "the task serves no goal, and what it is broken into would belong nowhere; give it a goal first, with \
                           `goal_id`";
            return Err(Rejection::new("goal_needed", message).into());
        };
        // Nobody is asked, and nothing is recorded, for what cannot be broken down anyway.
        let waits = task.state.waiting.as_ref().map(|waiting| waiting.kind);
        if let Some(message) = refuse_expansion(&PresentTask::of(&task.state, task.depends_on), waits) {
            return Err(Rejection::new("invalid_transition", message).into());
        }
        self.plan(context, Aim::task(goal, id), request).await
    }

    /// A person who was asked for the task is not asked any more: they give it back, and are asked again when its parts are
    /// done. That is no attempt that counts. Says whether there was such a person.
    pub(super) async fn give_back(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        id: TaskId,
        present: &mut Present,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let Some(task) = present.tasks.iter().find(|task| task.id() == id) else { return Ok(false) };
        let state = task.state();
        let waits = state.waiting.as_ref().map(|waiting| waiting.kind);
        let refused = refuse_expansion(&PresentTask::of(state, Vec::new()), waits).is_some();
        if refused || state.status != TaskStatus::Waiting {
            return Ok(false);
        }
        let Some(run) = present.runs.take(id)?.filter(|run| run.suspended) else { return Ok(false) };
        let Some(attempt) = unit.executions().lock_suspended(&[run.id]).await?.pop() else {
            return Ok(false);
        };
        let given_back = Ended {
            unwritten: false,
            run: Run { mode: RunMode::Manual, ..run },
            attempt,
            report: Report::of(Outcome::Released),
            manual: true,
            actor: context.actor(),
        };
        conclude(unit, &*self.ids, &self.runner, vec![given_back], now).await?;
        Ok(true)
    }
}
