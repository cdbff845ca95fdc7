use goalwright_domain::Timestamp;
use goalwright_domain::goal::{Goal, GoalEdit, GoalId, TaskCounts};
use goalwright_domain::task::{TaskId, TaskStatus};
use goalwright_domain::workspace::Actor;

use super::Goals;
use crate::execution::Book;
use crate::ports::UnitOfWork;
use crate::read::GoalView;
use crate::retrying::retrying;
use crate::{Context, Error, Precondition};

impl Goals {
    /// Changes a goal. What is the same already changes nothing. The ready tasks of a goal that is put to rest (`draft`,
    /// `abandoned`) are pending again and cannot be claimed; what runs may finish. A goal that is made active again
    /// gets them back.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; `Invalid` with every violation; `Rejected` (`invalid_transition`).
    #[tracing::instrument(name = "goal.edit", skip_all, fields(goal.id = %id))]
    pub async fn edit(
        &self,
        context: &Context,
        id: GoalId,
        edit: GoalEdit,
        seen: &Precondition,
    ) -> Result<GoalView, Error> {
        retrying(|| self.edit_once(context, id, edit.clone(), seen)).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        self.get(context, id).await
    }

    async fn edit_once(
        &self,
        context: &Context,
        id: GoalId,
        edit: GoalEdit,
        seen: &Precondition,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        // Runs, tasks, counters, goal: the order in which settling locks them.
        let ready = match edit.status {
            Some(_) => unit.tasks().ready_of(id).await?,
            None => Vec::new(),
        };
        let runs: Vec<_> = unit.executions().driving_of(&ready).await?.iter().map(|run| run.id).collect();
        let runs = unit.executions().lock_runs(&runs).await?;
        let tasks = unit.tasks().lock_many(&ready).await?;
        unit.goals().lock_counts(&[id]).await?;
        let goal = unit.goals().lock(context.workspace(), id).await?;
        let mut goal = goal.ok_or_else(|| Error::not_found("goal", id))?;
        seen.check(goal.revision())?;
        let was_workable = goal.is_workable();
        goal.edit(edit, now)?;
        let facts = goal.take_facts();
        if facts.is_empty() {
            return Ok(());
        }
        unit.goals().save_many(std::slice::from_ref(&goal)).await?;
        unit.outbox().append(&context.events(&*self.ids, facts, now)).await?;
        match (was_workable, goal.is_workable()) {
            (true, false) => {
                let mut book = Book::default();
                book.enter(tasks);
                self.rest(&*unit, &mut book, &ready, runs, now)?;
                book.close(&*unit, &*self.ids, now).await?;
            }
            (false, true) => self.wake(&*unit, context, goal, now).await?,
            (true, true) | (false, false) => {}
        }
        Ok(unit.commit().await?)
    }

    /// Takes back what can be claimed.
    fn rest(
        &self,
        _unit: &dyn UnitOfWork,
        book: &mut Book,
        ready: &[TaskId],
        runs: Vec<goalwright_domain::execution::Run>,
        now: Timestamp,
    ) -> Result<(), Error> {
        for &id in ready {
            let task = book.task(id)?;
            if task.status() != TaskStatus::Ready {
                // Claimed between the look and the lock; what runs may finish.
                continue;
            }
            let agent = task.state().agent_id;
            task.withdraw(agent, now)?;
            book.tell(&*self.ids, id, &Actor::system("kernel"), None, now)?;
            if let Some(run) = runs.iter().find(|run| run.task_id == id) {
                book.withdraw_run(run.clone(), now);
            }
        }
        Ok(())
    }

    /// Gives what waits for nothing to its agents again, and sees whether everything was done meanwhile.
    async fn wake(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        mut goal: Goal,
        now: Timestamp,
    ) -> Result<(), Error> {
        let tasks = unit.tasks().lock_of_goal(goal.id()).await?;
        let pending = |task: &&goalwright_domain::task::Task| {
            task.status() == TaskStatus::Pending && task.open_dependencies() == 0
        };
        let free: Vec<TaskId> = tasks.iter().filter(pending).map(goalwright_domain::task::Task::id).collect();
        let mut book = Book::default();
        book.enter(tasks.into_iter().filter(|task| free.contains(&task.id())).collect());
        book.give(unit, &*self.ids, free, now).await?;
        book.close(unit, &*self.ids, now).await?;
        let unmoved = [(goal.id(), TaskCounts::default())];
        for (_, counts) in unit.goals().shift_counts(&unmoved).await? {
            goal.take_stock(&counts, now);
        }
        let facts = goal.take_facts();
        if facts.is_empty() {
            return Ok(());
        }
        unit.goals().save_many(std::slice::from_ref(&goal)).await?;
        Ok(unit.outbox().append(&context.events(&*self.ids, facts, now)).await?)
    }
}
