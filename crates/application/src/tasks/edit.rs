use goalwright_domain::execution::Run;
use goalwright_domain::goal::{DEFAULT_QUEUE, GoalId};
use goalwright_domain::task::{Compensation, Refusal, TaskEdit, TaskId, TaskState, TaskStatus};
use goalwright_domain::workspace::Actor;
use goalwright_domain::{Rejection, Timestamp, Violation};

use super::Tasks;
use super::create::taken;
use super::held::{self, Held};
use crate::execution::Book;
use crate::ports::{StorageError, UnitOfWork};
use crate::read::TaskView;
use crate::retrying::retrying;
use crate::schedules::keep;
use crate::{Context, Error, Precondition};

impl Tasks {
    /// Changes a task. What is the same already changes nothing. A task that another agent has to perform from now on
    /// is given to that one; the counters of goals follow a task from one to the other.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; `Invalid` with every violation; `Conflict` (`name_taken`) for a slug or key; `Rejected`:
    /// `task_leased`, `invalid_transition`, `goal_not_active`.
    #[tracing::instrument(name = "task.edit", skip_all, fields(task.id = %id))]
    pub async fn edit(
        &self,
        context: &Context,
        id: TaskId,
        edit: TaskEdit,
        seen: &Precondition,
    ) -> Result<TaskView, Error> {
        retrying(|| self.edit_once(context, id, edit.clone(), seen)).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        self.get(context, id).await
    }

    async fn edit_once(
        &self,
        context: &Context,
        id: TaskId,
        edit: TaskEdit,
        seen: &Precondition,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        // A schedule is locked before its task, as when it fires.
        let considered = match &edit.schedule {
            Some(_) => unit.schedules().lock(id).await?,
            None => None,
        };
        let Held { run, task, suspended } = self.hold(&*unit, context, id).await?;
        seen.check(task.revision())?;
        held::refuse(run.as_ref(), &task)?;
        if suspended.is_some() && edit.concerns_performance() {
            let message = "an attempt of the task has not ended; let the task fail, change it, and retry it";
            return Err(Rejection::new("invalid_transition", message).into());
        }
        let mut violations = match &edit.action {
            Some(action) => self.check_action(action.as_ref()),
            None => Vec::new(),
        };
        let new_schedule =
            edit.schedule.clone().flatten().filter(|new| Some(new) != task.state().schedule.as_ref());
        violations.extend(keep::violations(new_schedule.as_ref(), edit.scheduled_at.flatten(), now));
        let before = task.state().clone();
        let mut book = Book::default();
        book.enter(vec![task]);
        match book.task(id)?.edit(edit, now) {
            Ok(()) => {}
            Err(Refusal::Rejected(rejection)) => return Err(rejection.into()),
            Err(Refusal::Invalid(more)) => violations.extend(more),
        }
        let after = book.task(id)?.state().clone();
        let queue = match after.goal_id.filter(|_| after.goal_id != before.goal_id) {
            Some(goal) => Some(new_home(&*unit, context, goal, &mut violations).await?),
            None if after.goal_id != before.goal_id => Some(DEFAULT_QUEUE.to_owned()),
            None => None,
        };
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        if before == after {
            return Ok(());
        }
        book.edited(id);
        book.tell(&*self.ids, id, &context.actor(), context.trace_id, now)?;
        let recurs_otherwise = before.schedule != after.schedule;
        if recurs_otherwise {
            keep::follow(&*unit, &after, considered, now).await?;
        } else if after.schedule.is_some() {
            // What kept its schedule from being looked after may be over now.
            unit.schedules().take_up(id).await?;
        }
        let performed_otherwise = (&before.action, &before.task_type) != (&after.action, &after.task_type);
        if performed_otherwise && matches!(after.status, TaskStatus::Pending | TaskStatus::Ready) {
            self.place_anew(&*unit, context, &mut book, (id, run), now).await?;
        } else if performed_otherwise {
            self.give_to_next(&*unit, context, &mut book, id, now).await?;
        } else if after.goal_id != before.goal_id && after.status == TaskStatus::Pending {
            // It may have been pending only because its goal rested.
            book.give(&*unit, &*self.ids, vec![id], now).await?;
        } else if recurs_otherwise && after.status == TaskStatus::Pending {
            // Without a schedule, nothing but others keeps it from being ready.
            book.give(&*unit, &*self.ids, vec![id], now).await?;
        } else if let Some(run) = run
            .as_ref()
            .filter(|run| recurs_otherwise && after.schedule.is_some() && run.attempts == 0)
            .filter(|_| after.status == TaskStatus::Ready)
        {
            // From now on it is its schedule that begins it.
            let undo = book.task(id)?.withdraw(after.agent_id, now)?;
            book.tell(&*self.ids, id, &Actor::system("kernel"), context.trace_id, now)?;
            book.compensate(undo, Some(run.clone()), now);
        } else if let Some(run) = run {
            let run = follow(run, &before, &after, now);
            book.change_run(Run { queue: queue.unwrap_or_else(|| run.queue.clone()), ..run });
        }
        book.close(&*unit, &*self.ids, now).await.map_err(|error| named_twice(error, &after))?;
        Ok(unit.commit().await?)
    }

    /// Gives a task that failed, or waits for a decision, to whoever can do it as it is by now, for its next attempt. While
    /// nobody can it stays where it was.
    async fn give_to_next(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        book: &mut Book,
        id: TaskId,
        now: Timestamp,
    ) -> Result<(), Error> {
        let workspace = context.workspace();
        let mut directory = unit.agents().directory(workspace).await?;
        let task = book.task(id)?;
        let state = task.state().clone();
        if let Ok(agent) = directory.assign(&state.task_type, state.action.as_ref()) {
            task.assign(agent.id(), now);
            book.tell(&*self.ids, id, &Actor::system("kernel"), context.trace_id, now)?;
        }
        Ok(())
    }

    /// Gives a task that is performed otherwise from now on to whoever can do that; to nobody if nobody can.
    async fn place_anew(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        book: &mut Book,
        (id, run): (TaskId, Option<Run>),
        now: Timestamp,
    ) -> Result<(), Error> {
        let workspace = context.workspace();
        let mut directory = unit.agents().directory(workspace).await?;
        let task = book.task(id)?;
        let state = task.state().clone();
        let agent = directory.assign(&state.task_type, state.action.as_ref()).ok().map(|agent| agent.id());
        let undo = match (task.status(), agent) {
            (TaskStatus::Ready, _) => task.withdraw(agent, now)?,
            (_, Some(agent)) => {
                task.assign(agent, now);
                Compensation::Nothing
            }
            (_, None) => {
                task.unassign(now);
                Compensation::Nothing
            }
        };
        book.tell(&*self.ids, id, &Actor::system("kernel"), context.trace_id, now)?;
        book.compensate(undo, run, now);
        match agent {
            Some(_) => book.give(unit, &*self.ids, vec![id], now).await,
            None => Ok(()),
        }
    }
}

/// The run of a task that was edited: as urgent as the task is by now, and, if it has not begun, at its time.
pub(crate) fn follow(run: Run, before: &TaskState, after: &TaskState, now: Timestamp) -> Run {
    let mut run = Run { priority: after.priority, updated_at: now, ..run };
    if run.attempts == 0 && after.scheduled_at != before.scheduled_at {
        run.scheduled_at = after.scheduled_at;
        run.available_at = Some(after.scheduled_at.map_or(now, |at| at.max(now)));
    }
    run
}

/// The queue of the goal that a task moves to.
async fn new_home(
    unit: &dyn UnitOfWork,
    context: &Context,
    goal: GoalId,
    violations: &mut Vec<Violation>,
) -> Result<String, Error> {
    unit.goals().lock_counts(&[goal]).await?;
    let Some(goal) = unit.goals().lock(context.workspace(), goal).await? else {
        let message = format!("there is no goal `{goal}` in this workspace");
        violations.push(Violation::new("goal_id", "unknown_goal", message));
        return Ok(DEFAULT_QUEUE.to_owned());
    };
    if !goal.is_workable() {
        let message = format!("the goal is {}; make it active first", goal.state().status.as_str());
        return Err(Rejection::new("goal_not_active", message).into());
    }
    Ok(goal.state().origin.queue.clone())
}

fn named_twice(error: Error, task: &TaskState) -> Error {
    match error {
        Error::Conflict { code: "duplicate", message } if message.contains("slug") => taken(&format!(
            "the workspace has a task with the slug `{}` already; choose another slug",
            task.slug
        )),
        Error::Conflict { code: "duplicate", .. } => taken(&format!(
            "the goal has a task with the key `{}` already; choose another key",
            task.key.as_deref().unwrap_or_default()
        )),
        other => other,
    }
}

/// Where rewriting tasks finds a key or a slug that is taken.
pub(crate) fn duplicate(error: StorageError) -> Error {
    match error {
        StorageError::Duplicate { what } => Error::Conflict { code: "duplicate", message: what },
        other => other.into(),
    }
}
