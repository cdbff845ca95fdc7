use goalwright_domain::agent::AgentId;
use goalwright_domain::task::{TaskId, TaskStatus};
use goalwright_domain::{Rejection, Violation};

use super::Tasks;
use super::held::{self, Held};
use crate::execution::Book;
use crate::read::TaskView;
use crate::retrying::retrying;
use crate::{Context, Error};

impl Tasks {
    /// Gives a task to an agent. One that waits for nothing becomes ready.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for an agent that is not there, is retired or cannot perform the task's action; `Rejected`:
    /// `task_leased`, `invalid_transition` unless it is pending or ready.
    #[tracing::instrument(name = "task.assign", skip_all, fields(task.id = %id))]
    pub async fn assign(&self, context: &Context, id: TaskId, agent: AgentId) -> Result<TaskView, Error> {
        // Nobody waits for somebody who has no such task.
        self.get(context, id).await?;
        retrying(|| self.assign_once(context, id, agent)).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        self.get(context, id).await
    }

    async fn assign_once(&self, context: &Context, id: TaskId, agent: AgentId) -> Result<(), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        // Locked first, so that it is not retired while it gets the task. That is early for its lock, and may end in a
        // deadlock with a claim, and be done again.
        unit.agents().lock(context.workspace(), agent).await?;
        let Held { run, task, .. } = self.hold(&*unit, context, id).await?;
        held::refuse(run.as_ref(), &task)?;
        if !matches!(task.status(), TaskStatus::Pending | TaskStatus::Ready) {
            let message = format!("the task is {} and stays with its agent", task.status().as_str());
            return Err(Rejection::new("invalid_transition", message).into());
        }
        let agents = unit.agents().active(context.workspace()).await?;
        let unfit = |code: &'static str, message: String| {
            Error::invalid(vec![Violation::new("agent_id", code, message)])
        };
        let Some(agent) = agents.iter().find(|known| known.id() == agent) else {
            return Err(unfit(
                "unknown_agent",
                format!("there is no active agent `{agent}` in this workspace"),
            ));
        };
        let able = task.state().action.as_ref().is_none_or(|action| action.suits(agent.kind()));
        if !able {
            let message =
                format!("an agent of kind `{}` cannot perform the task's action", agent.kind().as_str());
            return Err(unfit("unsuitable_agent", message));
        }
        let pending = task.status() == TaskStatus::Pending;
        let mut book = Book::default();
        book.enter(vec![task]);
        book.task(id)?.assign(agent.id(), now);
        book.tell(&*self.ids, id, &context.actor(), context.trace_id, now)?;
        if pending {
            // One that was begun once has a run that is revived with it.
            book.give(&*unit, &*self.ids, vec![id], now).await?;
        } else if let Some(mut run) = run {
            run.agent_id = agent.id();
            run.performer = agent.kind();
            run.updated_at = now;
            book.change_run(run);
        }
        book.close(&*unit, &*self.ids, now).await?;
        Ok(unit.commit().await?)
    }
}
