use std::collections::HashMap;

use goalwright_domain::Timestamp;
use goalwright_domain::execution::{Run, RunId};
use goalwright_domain::goal::{Goal, GoalEdit, GoalId, TaskCounts};
use goalwright_domain::task::{Task, TaskId, TaskStatus};
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
        let mut ready = Claimable::default();
        if edit.status.is_some() {
            ready.lock(&*unit, id).await?;
        }
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
                // What became ready before the counters were locked. It is late for its lock, so this may end in a
                // deadlock with whoever claims it, and be done again.
                ready.lock(&*unit, id).await?;
                self.rest(&*unit, ready, now).await?;
            }
            (false, true) => self.wake(&*unit, context, goal, now).await?,
            (true, true) | (false, false) => {}
        }
        Ok(unit.commit().await?)
    }

    /// Takes back what can be claimed. What was claimed between the look and the lock may finish.
    async fn rest(&self, unit: &dyn UnitOfWork, ready: Claimable, now: Timestamp) -> Result<(), Error> {
        let Claimable { tasks, mut runs } = ready;
        let ready: Vec<Task> =
            tasks.into_values().filter(|task| task.status() == TaskStatus::Ready).collect();
        let ids: Vec<TaskId> = ready.iter().map(Task::id).collect();
        let mut book = Book::default();
        book.enter(ready);
        for id in ids {
            let task = book.task(id)?;
            let agent = task.state().agent_id;
            let undo = task.withdraw(agent, now)?;
            book.tell(&*self.ids, id, &Actor::system("kernel"), None, now)?;
            let run = runs.remove(&id).ok_or_else(changed)?;
            book.compensate(undo, Some(run), now);
        }
        book.close(unit, &*self.ids, now).await
    }

    /// Gives what waits for nothing to its agents again, and sees whether everything was done meanwhile.
    async fn wake(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        mut goal: Goal,
        now: Timestamp,
    ) -> Result<(), Error> {
        // Nothing of what would have come during the pause is caught up.
        unit.schedules().pass_over(goal.id(), now).await?;
        let tasks = unit.tasks().lock_of_goal(goal.id()).await?;
        let pending = |task: &&Task| task.status() == TaskStatus::Pending && task.open_dependencies() == 0;
        let free: Vec<TaskId> = tasks.iter().filter(pending).map(Task::id).collect();
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

/// The ready tasks of a goal with the runs that drive them, locked.
#[derive(Default)]
struct Claimable {
    tasks: HashMap<TaskId, Task>,
    runs: HashMap<TaskId, Run>,
}

impl Claimable {
    /// Locks those that are not locked yet.
    async fn lock(&mut self, unit: &dyn UnitOfWork, goal: GoalId) -> Result<(), Error> {
        let mut ready = unit.tasks().in_goal(goal, &[TaskStatus::Ready]).await?;
        ready.retain(|id| !self.tasks.contains_key(id));
        let runs: Vec<RunId> = unit.executions().driving_of(&ready).await?.iter().map(|run| run.id).collect();
        let runs = unit.executions().lock_runs(&runs).await?;
        self.runs.extend(runs.into_iter().map(|run| (run.task_id, run)));
        let tasks = unit.tasks().lock_many(&ready).await?;
        self.tasks.extend(tasks.into_iter().map(|task| (task.id(), task)));
        Ok(())
    }
}

/// A run was exchanged between two looks; the next look is done at once.
pub(super) fn changed() -> Error {
    Error::Conflict { code: "conflict", message: "the goal changed at the same moment; ask again".to_owned() }
}
