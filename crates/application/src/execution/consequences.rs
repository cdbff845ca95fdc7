//! Everything that follows when attempts end: the one place where runs, tasks, dependents, counters, goals,
//! experiences and events change together.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use goalwright_domain::Timestamp;
use goalwright_domain::agent::{AgentId, Directory};
use goalwright_domain::execution::{Attempt, Decision, Mode, Run, RunStatus, TaskStep, decide};
use goalwright_domain::experience::Runner;
use goalwright_domain::goal::{DEFAULT_QUEUE, GoalId, TaskCounts};
use goalwright_domain::ledger::Fact;
use goalwright_domain::task::{Task, TaskId, TaskState, TaskStatus};
use goalwright_domain::workspace::{Actor, WorkspaceId};
use serde_json::json;

use super::Report;
use super::record::write_executions;
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
    let mut book = Book::open(unit, &ended).await?;
    let mut decided = Vec::with_capacity(ended.len());
    for mut ended in ended {
        let decision = book.apply(ids, &mut ended, now)?;
        decided.push((ended, decision));
    }
    write_executions(unit, ids, runner, &book.tasks, decided, now).await?;
    book.ready_dependents(unit, ids, now).await?;
    book.close(unit, ids, now).await
}

/// The tasks of the unit, as they were and as they become, with everything that must be told of them.
struct Book {
    tasks: BTreeMap<TaskId, Task>,
    /// The status that each task had when it was locked.
    before: HashMap<TaskId, TaskStatus>,
    completed: Vec<TaskId>,
    queued: Vec<Run>,
    told: Vec<goalwright_domain::ledger::Event>,
}

impl Book {
    fn empty() -> Self {
        Self {
            tasks: BTreeMap::new(),
            before: HashMap::new(),
            completed: Vec::new(),
            queued: Vec::new(),
            told: Vec::new(),
        }
    }

    async fn open(unit: &dyn UnitOfWork, ended: &[Ended]) -> Result<Self, Error> {
        let ids: Vec<TaskId> = ended.iter().map(|ended| ended.run.task_id).collect();
        let mut book = Self::empty();
        book.enter(unit.tasks().lock_many(&ids).await?);
        Ok(book)
    }

    fn enter(&mut self, tasks: Vec<Task>) {
        for task in tasks {
            self.before.entry(task.id()).or_insert(task.status());
            self.tasks.entry(task.id()).or_insert(task);
        }
    }

    fn task(&mut self, id: TaskId) -> Result<&mut Task, Error> {
        self.tasks.get_mut(&id).ok_or_else(|| Error::Internal(format!("task {id} is gone").into()))
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
        attempt.ended_at = attempt.status.is_over().then(|| now.max(attempt.started_at));
        run.strikes = decision.strikes;
        *run = run.clone().after(decision.run, attempt.span_id, attempt.status, now);

        let about = json!({
            "run_id": run.id, "span_id": attempt.span_id, "attempt": attempt.number, "agent_id": attempt.agent_id,
        });
        let facts = if run.drives_task {
            match decision.task.clone() {
                TaskStep::Complete(result) => {
                    let at = run.scheduled_at.unwrap_or(now);
                    task.complete(result, attempt.agent_id, (attempt.number, at), about, now)?;
                }
                TaskStep::Fail(error) => task.fail(error, about, now)?,
                TaskStep::Requeue(error) => task.requeue(error, about, now)?,
                TaskStep::Wait(wait) => task.wait(wait, about, now)?,
            }
            task.take_facts()
        } else {
            run_facts(run, attempt, about)
        };
        let done = task.status() == TaskStatus::Completed && run.drives_task;
        self.told.extend(events(ids, run.workspace_id, &ended.actor, Some(run.trace_id), facts, now));
        if done {
            self.completed.push(run.task_id);
        }
        Ok(decision)
    }

    /// Tasks that waited for a completed one: their counters go down, and those with nothing open become ready.
    async fn ready_dependents(
        &mut self,
        unit: &dyn UnitOfWork,
        ids: &dyn Ids,
        now: Timestamp,
    ) -> Result<(), Error> {
        if self.completed.is_empty() {
            return Ok(());
        }
        let met: HashMap<TaskId, u32> =
            unit.tasks().dependents_of(&self.completed).await?.into_iter().collect();
        let waiting: Vec<TaskId> = met.keys().copied().collect();
        self.enter(unit.tasks().lock_many(&waiting).await?);
        let mut freed: Vec<TaskId> = Vec::new();
        for (id, count) in &met {
            let task = self.task(*id)?;
            task.dependencies_met(*count);
            if task.status() == TaskStatus::Pending && task.open_dependencies() == 0 {
                freed.push(*id);
            }
        }
        // By id, that is by age: the order in which a batch of ready tasks is queued must not depend on a hash map.
        freed.sort_unstable();
        self.give(unit, ids, freed, now).await
    }

    /// Gives pending tasks to their agents, or finds some; those with nothing open become ready and are queued.
    async fn give(
        &mut self,
        unit: &dyn UnitOfWork,
        ids: &dyn Ids,
        pending: Vec<TaskId>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut directories: HashMap<WorkspaceId, Directory> = HashMap::new();
        let mut goals: HashMap<GoalId, String> = HashMap::new();
        for id in pending {
            let state = self.task(id)?.state().clone();
            let agent = agent_for(unit, &mut directories, &state).await?;
            let Some((agent, performer)) = agent else { continue };
            let queue = queue_of(unit, &mut goals, state.goal_id).await?;
            let task = self.task(id)?;
            let ready = task.open_dependencies() == 0;
            if ready {
                task.ready(agent, now)?;
            } else {
                task.assign(agent, now);
            }
            let facts = task.take_facts();
            let actor = Actor::system("kernel");
            self.told.extend(events(ids, state.workspace_id, &actor, None, facts, now));
            if ready {
                self.queued.push(driving_run(ids, &state, agent, performer, queue, now));
            }
        }
        Ok(())
    }

    /// Writes tasks, new runs, counters, goals and events.
    async fn close(mut self, unit: &dyn UnitOfWork, ids: &dyn Ids, now: Timestamp) -> Result<(), Error> {
        let mut shifts: BTreeMap<GoalId, TaskCounts> = BTreeMap::new();
        for task in self.tasks.values() {
            let (before, after) = (self.before.get(&task.id()).copied(), task.status());
            if let Some(goal) = task.state().goal_id
                && before != Some(after)
            {
                shifts.entry(goal).or_default().shift(before, Some(after));
            }
        }
        let tasks: Vec<Task> = self.tasks.into_values().collect();
        unit.tasks().save_many(&tasks).await?;
        unit.executions().insert_runs(&self.queued).await?;
        let shifts: Vec<(GoalId, TaskCounts)> = shifts.into_iter().collect();
        self.told.extend(take_stock(unit, ids, &shifts, now).await?);
        unit.outbox().append(&self.told).await?;
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

/// As [`place_unassigned`], for one task, which is locked.
pub(crate) async fn place_one(
    unit: &dyn UnitOfWork,
    ids: &dyn Ids,
    task: Task,
    now: Timestamp,
) -> Result<(), Error> {
    place(unit, ids, vec![task], now).await
}

async fn place(unit: &dyn UnitOfWork, ids: &dyn Ids, tasks: Vec<Task>, now: Timestamp) -> Result<(), Error> {
    let placed: Vec<TaskId> = tasks.iter().map(Task::id).collect();
    if placed.is_empty() {
        return Ok(());
    }
    let mut book = Book::empty();
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
        fence: 0,
        last_span: None,
        suspended: false,
        created_at: now,
        updated_at: now,
    }
}

async fn agent_for(
    unit: &dyn UnitOfWork,
    directories: &mut HashMap<WorkspaceId, Directory>,
    task: &TaskState,
) -> Result<Option<(AgentId, goalwright_domain::agent::AgentKind)>, Error> {
    let directory = match directories.entry(task.workspace_id) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(unknown) => {
            let agents = unit.agents().active(task.workspace_id).await?;
            let load = unit.agents().load(task.workspace_id).await?;
            unknown.insert(Directory::new(agents, load))
        }
    };
    let known = task.agent_id.and_then(|id| directory.find(id)).map(|agent| (agent.id(), agent.kind()));
    Ok(known.or_else(|| {
        directory.assign(&task.task_type, task.action.as_ref()).ok().map(|agent| (agent.id(), agent.kind()))
    }))
}

async fn queue_of(
    unit: &dyn UnitOfWork,
    known: &mut HashMap<GoalId, String>,
    goal: Option<GoalId>,
) -> Result<String, Error> {
    let Some(id) = goal else { return Ok(DEFAULT_QUEUE.to_owned()) };
    if let Some(queue) = known.get(&id) {
        return Ok(queue.clone());
    }
    let queue = unit.goals().queue_of(id).await?.unwrap_or_else(|| DEFAULT_QUEUE.to_owned());
    known.insert(id, queue.clone());
    Ok(queue)
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
