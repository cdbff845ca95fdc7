//! Everything that follows when attempts end: the one place where runs, tasks, dependents, counters, goals,
//! experiences and events change together.

use std::collections::HashMap;

use goalwright_domain::Timestamp;
use goalwright_domain::agent::AgentId;
use goalwright_domain::execution::{Attempt, Decision, Mode, Run, RunStatus, TaskStep, decide};
use goalwright_domain::experience::{Runner, audit_value};
use goalwright_domain::goal::{GoalId, TaskCounts};
use goalwright_domain::ledger::Fact;
use goalwright_domain::task::{Task, TaskId, TaskState, TaskStatus};
use goalwright_domain::workspace::{Actor, WorkspaceId};
use serde_json::json;

use super::Report;
use super::book::{Book, Ending, agent_for, queue_of};
use super::record::write_executions;
use super::told::told;
use crate::Error;
use crate::context::{events, new_id};
use crate::ports::{Ids, UnitOfWork};

/// An attempt that is about to end, with its run, both locked.
pub(crate) struct Ended {
    pub(crate) run: Run,
    pub(crate) attempt: Attempt,
    pub(crate) report: Report,
    /// Done by a person.
    pub(crate) manual: bool,
    /// Who ended it.
    pub(crate) actor: Actor,
    /// The attempt has no row yet.
    pub(crate) unwritten: bool,
}

/// Ends attempts. Attempts and runs are saved as well; the caller has them locked, or has just inserted them.
pub(crate) async fn conclude(
    unit: &dyn UnitOfWork,
    ids: &dyn Ids,
    runner: &Runner,
    ended: Vec<Ended>,
    now: Timestamp,
) -> Result<(), Error> {
    if ended.is_empty() {
        return Ok(());
    }
    let book = Book::open(unit, &ended).await?;
    conclude_in(book, unit, ids, runner, ended, now).await?.end(unit, ids, now).await
}

/// As [`conclude`], with the tasks locked and in the book already, up to what other units wait for.
pub(super) async fn conclude_in(
    mut book: Book,
    unit: &dyn UnitOfWork,
    ids: &dyn Ids,
    runner: &Runner,
    ended: Vec<Ended>,
    now: Timestamp,
) -> Result<Ending, Error> {
    let mut decided = Vec::with_capacity(ended.len());
    for mut ended in ended {
        let decision = book.apply(ids, &mut ended, now)?;
        decided.push((ended, decision));
    }
    if unit.telemetry().watches() {
        unit.executed(told(unit.telemetry(), &book, &decided, now));
    }
    book.place_requeued(unit, ids, &mut decided, now).await?;
    // What is read comes before what is written: few rows are written together, unless something is read in between.
    book.ready_dependents(unit, ids, now).await?;
    write_executions(unit, ids, runner, &book.tasks, decided, now).await?;
    book.write(unit).await
}

impl Book {
    async fn open(unit: &dyn UnitOfWork, ended: &[Ended]) -> Result<Self, Error> {
        let ids: Vec<TaskId> = ended.iter().map(|ended| ended.run.task_id).collect();
        let mut book = Self::default();
        book.enter(unit.tasks().lock_many(&ids).await?);
        Ok(book)
    }

    /// Decides, and lets the attempt, the run and the task follow.
    fn apply(&mut self, ids: &dyn Ids, ended: &mut Ended, now: Timestamp) -> Result<Decision, Error> {
        let chance = ids.chance();
        let task = self.task(ended.run.task_id)?;
        let decision = decide(&ended.run, ended.report.outcome.clone(), &task.retry_policy(), chance);
        let Ended { run, attempt, .. } = ended;
        attempt.status = decision.attempt.status;
        attempt.error.clone_from(&decision.attempt.error);
        attempt.suspension.clone_from(&decision.attempt.suspension);
        attempt.recorded = None;
        attempt.lease_token = None;
        attempt.lease_expires_at = None;
        // What was done in this unit ended when it was done, and not with the last of its batch.
        let done = ended.report.performed.filter(|_| ended.unwritten).and_then(|performed| performed.called);
        let end = done.map_or(now, |(_, end)| end);
        attempt.ended_at = attempt.status.is_over().then(|| end.max(attempt.started_at));
        run.strikes = decision.strikes;
        run.excused = decision.excused;
        *run = run.clone().after(decision.run, attempt.span_id, attempt.status, now);

        let mut about = json!({
            "run_id": run.id, "span_id": attempt.span_id, "attempt": attempt.number, "agent_id": attempt.agent_id,
        });
        if let Some(evidence) = &ended.report.evidence {
            about["evidence"] = audit_value(evidence);
        }
        let facts = if run.drives_task {
            match decision.task.clone() {
                TaskStep::Complete(result) => {
                    let at = run.scheduled_at.unwrap_or(now);
                    task.complete(result, attempt.agent_id, (attempt.number, at), about, now)?;
                }
                TaskStep::Fail(error) => task.fail(error, about, now)?,
                TaskStep::Requeue(error) => task.requeue(error, about, now)?,
                TaskStep::Wait(wait, error) => task.wait(wait, error, about, now)?,
            }
            task.take_facts()
        } else {
            run_facts(run, attempt, about)
        };
        let done = task.status() == TaskStatus::Completed && run.drives_task;
        self.told.extend(events(ids, run.workspace_id, &ended.actor, Some(run.trace_id), facts, now));
        if done {
            self.satisfied.push(run.task_id);
        }
        Ok(decision)
    }

    /// What is to be tried again goes to another agent if its own has retired. While its goal rests, or while nobody can
    /// do it, it is pending, and its run waits with it.
    async fn place_requeued(
        &mut self,
        unit: &dyn UnitOfWork,
        ids: &dyn Ids,
        decided: &mut [(Ended, Decision)],
        now: Timestamp,
    ) -> Result<(), Error> {
        let (mut goals, mut directories) = (HashMap::new(), HashMap::new());
        for (ended, _) in decided.iter_mut().filter(|(ended, _)| ended.run.drives_task) {
            let (id, trace) = (ended.run.task_id, Some(ended.run.trace_id));
            let state = self.task(id)?.state().clone();
            if state.status != TaskStatus::Ready {
                continue;
            }
            let queue = queue_of(unit, &mut goals, state.goal_id).await?;
            match (queue, agent_for(unit, &mut directories, &state).await?) {
                (Some(_), Some((agent, performer))) => {
                    self.moving.extend(state.goal_id);
                    self.task(id)?.assign(agent, now);
                    ended.run.agent_id = agent;
                    ended.run.performer = performer;
                }
                (_, agent) => {
                    // The run is among those that are written anyway.
                    let _withdrawn_here = self.task(id)?.withdraw(agent.map(|(agent, _)| agent), now)?;
                    ended.run.status = RunStatus::Waiting;
                    ended.run.available_at = None;
                }
            }
            self.tell(ids, id, &Actor::system("kernel"), trace, now)?;
        }
        Ok(())
    }
}

/// At most so many tasks are placed with one new agent; the rest is found when they are asked for.
const PLACED_AT_ONCE: usize = 1_000;

/// Gives open tasks without an agent to whoever can do them by now; those that wait for nothing become ready.
pub(crate) async fn place_unassigned(
    unit: &dyn UnitOfWork,
    ids: &dyn Ids,
    workspace: WorkspaceId,
    now: Timestamp,
) -> Result<(), Error> {
    let found = unit.tasks().lock_unassigned(workspace, PLACED_AT_ONCE).await?;
    place(unit, ids, found, now).await
}

async fn place(unit: &dyn UnitOfWork, ids: &dyn Ids, tasks: Vec<Task>, now: Timestamp) -> Result<(), Error> {
    let placed: Vec<TaskId> = tasks.iter().map(Task::id).collect();
    if placed.is_empty() {
        return Ok(());
    }
    let mut book = Book::default();
    book.enter(tasks);
    book.give(unit, ids, placed, now).await?;
    book.close(unit, ids, now).await
}

/// Moves the counters of goals and lets those that are achieved, or no longer so, know. Gives their events.
pub(crate) async fn take_stock(
    unit: &dyn UnitOfWork,
    ids: &dyn Ids,
    shifts: &[(GoalId, TaskCounts)],
    now: Timestamp,
) -> Result<Vec<goalwright_domain::ledger::Event>, Error> {
    let counts = unit.goals().shift_counts(shifts).await?;
    let before = |goal: &GoalId, after: &TaskCounts| {
        let shift = shifts.iter().find(|(id, _)| id == goal).map(|(_, shift)| *shift).unwrap_or_default();
        let mut before = *after;
        for status in TaskStatus::ALL {
            *before.of_mut(status) -= shift.of(status);
        }
        before
    };
    let turned: HashMap<GoalId, TaskCounts> = counts
        .into_iter()
        .filter(|(goal, after)| before(goal, after).is_achieved() != after.is_achieved())
        .collect();
    if turned.is_empty() {
        return Ok(Vec::new());
    }
    let goal_ids: Vec<GoalId> = turned.keys().copied().collect();
    let mut goals = unit.goals().lock_many(&goal_ids).await?;
    let mut told = Vec::new();
    for goal in &mut goals {
        goal.take_stock(&turned[&goal.id()], now);
        told.extend(events(
            ids,
            goal.state().workspace_id,
            &Actor::system("kernel"),
            None,
            goal.take_facts(),
            now,
        ));
    }
    unit.goals().save_many(&goals).await?;
    Ok(told)
}

/// The run that drives a task which has just become ready.
pub(crate) fn driving_run(
    ids: &dyn Ids,
    task: &TaskState,
    agent: AgentId,
    performer: goalwright_domain::agent::AgentKind,
    queue: String,
    now: Timestamp,
) -> Run {
    Run {
        id: new_id(ids),
        workspace_id: task.workspace_id,
        task_id: task.id,
        scheduled_at: task.scheduled_at,
        trace_id: ids.random(),
        request_trace_id: None,
        request_span_id: None,
        mode: Mode::Scheduled,
        drives_task: true,
        queue,
        priority: task.priority,
        agent_id: agent,
        performer,
        status: RunStatus::Queued,
        // A task with a time of its own is not begun before it.
        available_at: Some(task.scheduled_at.map_or(now, |at| at.max(now))),
        attempts: 0,
        strikes: 0,
        excused: 0,
        fence: 0,
        last_span: None,
        suspended: false,
        created_at: now,
        updated_at: now,
    }
}

/// A new run of a task whose moment another run has already gets its moment when it is claimed.
pub(super) async fn at_a_free_moment(unit: &dyn UnitOfWork, run: Run) -> Result<Run, Error> {
    let taken = match run.scheduled_at {
        Some(at) => unit.executions().find_run(run.task_id, at).await?.is_some(),
        None => false,
    };
    Ok(Run { scheduled_at: run.scheduled_at.filter(|_| !taken), ..run })
}

/// A run that does not drive its task tells of its end itself.
fn run_facts(run: &Run, attempt: &Attempt, about: serde_json::Value) -> Vec<Fact> {
    let event_type = match run.status {
        RunStatus::Succeeded => "run.completed",
        RunStatus::Failed => "run.failed",
        RunStatus::Queued => "run.requeued",
        RunStatus::Waiting => "run.suspended",
        RunStatus::Running | RunStatus::Cancelled => return Vec::new(),
    };
    let mut metadata = about;
    metadata["task_id"] = json!(run.task_id);
    metadata["error"] = json!(attempt.error);
    vec![Fact {
        entity_type: "run",
        entity_id: run.id.to_string(),
        event_type,
        changes: json!({"status": {"from": "running", "to": run.status.as_str()}}),
        metadata,
    }]
}
