use goalwright_domain::Rejection;
use goalwright_domain::execution::RunStatus;
use goalwright_domain::goal::{DEFAULT_QUEUE, GoalId};
use goalwright_domain::task::{Task, TaskEdit, TaskStatus};

use super::Goals;
use crate::retrying::retrying;
use crate::{Context, Error, Precondition};

impl Goals {
    /// Removes a goal. Its tasks stay, without a goal; so do its events, and what was executed.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; `Rejected` (`goal_running`) while one of its tasks runs.
    #[tracing::instrument(name = "goal.delete", skip_all, fields(goal.id = %id))]
    pub async fn delete(&self, context: &Context, id: GoalId, seen: &Precondition) -> Result<(), Error> {
        retrying(|| self.delete_once(context, id, seen)).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        Ok(())
    }

    async fn delete_once(&self, context: &Context, id: GoalId, seen: &Precondition) -> Result<(), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        let ready = unit.tasks().ready_of(id).await?;
        let runs: Vec<_> = unit.executions().driving_of(&ready).await?.iter().map(|run| run.id).collect();
        let mut runs = unit.executions().lock_runs(&runs).await?;
        let mut tasks = unit.tasks().lock_of_goal(id).await?;
        unit.goals().lock_counts(&[id]).await?;
        let goal = unit.goals().lock(context.workspace(), id).await?;
        let mut goal = goal.ok_or_else(|| Error::not_found("goal", id))?;
        seen.check(goal.revision())?;
        let running = tasks.iter().filter(|task| task.status() == TaskStatus::Running).count();
        if running > 0 {
            let message = format!(
                "{running} of its tasks {} being worked on; wait, or abandon the goal first",
                if running == 1 { "is" } else { "are" }
            );
            return Err(Rejection::new("goal_running", message).into());
        }
        let mut told = Vec::new();
        for task in &mut tasks {
            task.edit(TaskEdit { goal_id: Some(None), ..TaskEdit::default() }, now)?;
            told.extend(context.events(&*self.ids, task.take_facts(), now));
        }
        // Whoever made the goal is not there any more to work on it; the workers of `serve` are.
        runs.retain(|run| run.status == RunStatus::Queued);
        for run in &mut runs {
            DEFAULT_QUEUE.clone_into(&mut run.queue);
            run.updated_at = now;
        }
        goal.delete(now);
        told.extend(context.events(&*self.ids, goal.take_facts(), now));
        unit.executions().save_runs(&runs).await?;
        unit.tasks().save_many(&tasks.into_iter().collect::<Vec<Task>>()).await?;
        unit.goals().delete(id).await?;
        unit.outbox().append(&told).await?;
        Ok(unit.commit().await?)
    }
}
