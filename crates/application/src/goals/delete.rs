use std::collections::HashMap;

use goalwright_domain::Rejection;
use goalwright_domain::goal::{GoalId, TaskCounts};
use goalwright_domain::task::{Compensation, Task, TaskId, TaskStatus};

use super::Goals;
use super::edit::changed;
use crate::execution::Book;
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
        let begun = [TaskStatus::Pending, TaskStatus::Ready, TaskStatus::Waiting];
        let open = unit.tasks().in_goal(id, &begun).await?;
        let runs: Vec<_> = unit.executions().driving_of(&open).await?.iter().map(|run| run.id).collect();
        let runs = unit.executions().lock_runs(&runs).await?;
        let mut tasks = unit.tasks().lock_of_goal(id).await?;
        let counts = unit.goals().shift_counts(&[(id, TaskCounts::default())]).await?;
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
        let counted: i64 =
            counts.iter().flat_map(|(_, counts)| TaskStatus::ALL.map(|status| counts.of(status))).sum();
        let has_run = |task: &Task| runs.iter().any(|run| run.task_id == task.id());
        let is_begun = |task: &&Task| matches!(task.status(), TaskStatus::Ready | TaskStatus::Waiting);
        if i64::try_from(tasks.len()) != Ok(counted) || !tasks.iter().filter(is_begun).all(has_run) {
            return Err(changed());
        }
        let (mut told, mut undone) = (Vec::new(), HashMap::new());
        for task in &mut tasks {
            undone.insert(task.id(), task.detach(now)?);
            told.extend(context.events(&*self.ids, task.take_facts(), now));
        }
        // Those that were pending because the goal rested rest no longer.
        let free =
            tasks.iter().filter(|task| task.status() == TaskStatus::Pending && task.open_dependencies() == 0);
        let free: Vec<TaskId> = free.map(Task::id).collect();
        let mut book = Book::default();
        book.enter(tasks);
        // Whoever made the goal is not there any more to work on it; the workers of `serve` are.
        for run in runs {
            let undo = undone.remove(&run.task_id).unwrap_or(Compensation::Nothing);
            book.compensate(undo, Some(run), now);
        }
        book.give(&*unit, &*self.ids, free, now).await?;
        goal.delete(now);
        told.extend(context.events(&*self.ids, goal.take_facts(), now));
        book.close(&*unit, &*self.ids, now).await?;
        unit.goals().delete(id).await?;
        unit.outbox().append(&told).await?;
        Ok(unit.commit().await?)
    }
}
