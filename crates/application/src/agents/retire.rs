use goalwright_domain::agent::AgentId;
use goalwright_domain::task::TaskStatus;

use super::Agents;
use crate::execution::Book;
use crate::retrying::retrying;
use crate::{Context, Error, Precondition};

/// So many tasks change hands in one unit.
const AT_ONCE: usize = 500;

impl Agents {
    /// Retires an agent: it gets no more work, and what it has not begun goes to others; what nobody else can do waits
    /// without an agent. What it is doing may finish. Nothing happens if it is retired already.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; `Rejected` (`agent_needed`) for the default agent and for the human agent of a member.
    #[tracing::instrument(name = "agent.retire", skip_all, fields(agent.id = %id))]
    pub async fn retire(&self, context: &Context, id: AgentId, seen: &Precondition) -> Result<(), Error> {
        retrying(|| self.retire_once(context, id, seen)).await?;
        while retrying(|| self.hand_over(context, id)).await? == AT_ONCE {}
        self.signals.work_changed();
        self.signals.events_appended();
        Ok(())
    }

    async fn retire_once(&self, context: &Context, id: AgentId, seen: &Precondition) -> Result<(), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        let agent = unit.agents().lock(context.workspace(), id).await?;
        let mut agent = agent.ok_or_else(|| Error::not_found("agent", id))?;
        seen.check(agent.revision())?;
        agent.retire(now)?;
        unit.agents().save(&agent).await?;
        unit.outbox().append(&context.events(&*self.ids, agent.take_facts(), now)).await?;
        Ok(unit.commit().await?)
    }

    /// Gives some of its tasks to others; tells how many it looked at.
    async fn hand_over(&self, context: &Context, id: AgentId) -> Result<usize, Error> {
        let now = self.clock.now();
        let workspace = context.workspace();
        let unit = self.transactions.begin().await?;
        let open = unit.tasks().open_of(workspace, id, AT_ONCE).await?;
        let runs: Vec<_> = unit.executions().driving_of(&open).await?.iter().map(|run| run.id).collect();
        let runs = unit.executions().lock_runs(&runs).await?;
        let tasks = unit.tasks().lock_many(&open).await?;
        let mut directory = unit.agents().directory(workspace).await?;
        let mut book = Book::default();
        let still: Vec<_> = tasks
            .iter()
            .filter(|task| {
                task.state().agent_id == Some(id)
                    && matches!(task.status(), TaskStatus::Pending | TaskStatus::Ready)
            })
            .map(goalwright_domain::task::Task::id)
            .collect();
        book.enter(tasks);
        for task_id in still {
            let task = book.task(task_id)?;
            let state = task.state().clone();
            let heir = directory.assign(&state.task_type, state.action.as_ref()).ok().cloned();
            let run = runs.iter().find(|run| run.task_id == task_id).cloned();
            match (heir, run) {
                (Some(heir), Some(mut run)) => {
                    task.assign(heir.id(), now);
                    run.agent_id = heir.id();
                    run.performer = heir.kind();
                    run.updated_at = now;
                    book.change_run(run);
                }
                (Some(heir), None) => task.assign(heir.id(), now),
                (None, run) => {
                    if state.status == TaskStatus::Ready {
                        let undo = task.withdraw(None, now)?;
                        book.compensate(undo, run, now);
                    } else {
                        task.unassign(now);
                    }
                }
            }
            let actor = context.actor();
            book.tell(&*self.ids, task_id, &actor, context.trace_id, now)?;
        }
        book.close(&*unit, &*self.ids, now).await?;
        unit.commit().await?;
        Ok(open.len())
    }
}
