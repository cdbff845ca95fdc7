//! The tasks of one unit of work, as they were and as they become, with everything that follows from it: dependents,
//! runs, counters, goals and events.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use goalwright_domain::Timestamp;
use goalwright_domain::agent::{AgentId, AgentKind, Directory};
use goalwright_domain::execution::{Run, RunId, RunStatus};
use goalwright_domain::goal::{DEFAULT_QUEUE, GoalId, TaskCounts};
use goalwright_domain::ledger::{Event, Fact};
use goalwright_domain::task::{Compensation, Task, TaskId, TaskState, TaskStatus};
use goalwright_domain::workspace::{Actor, WorkspaceId};

use super::consequences::{driving_run, take_stock};
use crate::Error;
use crate::context::events;
use crate::ports::{Ids, UnitOfWork};

/// Where a task stood when it was locked: its goal, its status there, and whether somebody had it.
#[derive(Debug, Clone, Copy)]
struct Place {
    goal: Option<GoalId>,
    status: TaskStatus,
    assigned: bool,
}

impl Place {
    fn of(task: &Task) -> Self {
        let state = task.state();
        Self { goal: state.goal_id, status: state.status, assigned: state.agent_id.is_some() }
    }
}

/// Tasks that are locked and change, and what is to be written of it.
#[derive(Default)]
pub(crate) struct Book {
    pub(super) tasks: BTreeMap<TaskId, Task>,
    before: HashMap<TaskId, Place>,
    /// Those whose words changed, so that more of their row is written.
    edited: BTreeSet<TaskId>,
    /// Those that are to be no more.
    pub(super) gone: BTreeSet<TaskId>,
    /// Those that satisfy others from now on.
    pub(super) satisfied: Vec<TaskId>,
    /// The goals of what can be claimed from now on. They must be worked on.
    pub(super) moving: BTreeSet<GoalId>,
    pub(super) queued: Vec<Run>,
    changed_runs: BTreeMap<RunId, Run>,
    dropped_runs: Vec<RunId>,
    /// Tasks that recur and whose slot has come: when it came, and from when on the run may be claimed.
    pub(super) due: HashMap<TaskId, (Timestamp, Timestamp)>,
    pub(super) told: Vec<Event>,
}

impl Book {
    /// Adds tasks that are locked.
    pub(crate) fn enter(&mut self, tasks: Vec<Task>) {
        for task in tasks {
            self.before.entry(task.id()).or_insert(Place::of(&task));
            self.tasks.entry(task.id()).or_insert(task);
        }
    }

    /// Whether the task was entered.
    pub(crate) fn knows(&self, id: TaskId) -> bool {
        self.tasks.contains_key(&id)
    }

    /// A task that was entered.
    pub(crate) fn task(&mut self, id: TaskId) -> Result<&mut Task, Error> {
        self.tasks.get_mut(&id).ok_or_else(|| Error::Internal(format!("task {id} is gone").into()))
    }

    /// Takes note of what a task says of itself, as an event of `actor`.
    pub(crate) fn tell(
        &mut self,
        ids: &dyn Ids,
        id: TaskId,
        actor: &Actor,
        trace: Option<uuid::Uuid>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let task = self.task(id)?;
        let (workspace, facts) = (task.state().workspace_id, task.take_facts());
        self.told_of(ids, workspace, actor, trace, facts, now);
        Ok(())
    }

    fn told_of(
        &mut self,
        ids: &dyn Ids,
        workspace: WorkspaceId,
        actor: &Actor,
        trace: Option<uuid::Uuid>,
        facts: Vec<Fact>,
        now: Timestamp,
    ) {
        self.told.extend(events(ids, workspace, actor, trace, facts, now));
    }

    /// More of the task's row is to be written than what its progress changes.
    pub(crate) fn edited(&mut self, id: TaskId) {
        self.edited.insert(id);
    }

    /// The run is to be written as it is now.
    pub(crate) fn change_run(&mut self, run: Run) {
        self.changed_runs.insert(run.id, run);
    }

    /// The run, new or not, can be claimed from now on.
    pub(super) fn queue_again(&mut self, run: Run) {
        match run.attempts {
            0 => self.queued.push(run),
            _ => self.change_run(run),
        }
    }

    /// Others need not wait for it any longer.
    pub(crate) fn satisfies(&mut self, id: TaskId) {
        self.satisfied.push(id);
    }

    /// Carries out what a change of a task's status asks for on a run of the task. Attempts end, and runs are revived, where
    /// that is settled.
    pub(crate) fn compensate(&mut self, undo: Compensation, run: Option<Run>, now: Timestamp) {
        let Some(run) = run.filter(|run| !run.status.is_over()) else { return };
        match undo {
            Compensation::WithdrawRun => self.withdraw_run(run, now),
            Compensation::CancelRun | Compensation::ForgetEdges => self.cancel_run(run, now),
            Compensation::MoveRun => {
                self.change_run(Run { queue: DEFAULT_QUEUE.to_owned(), updated_at: now, ..run });
            }
            Compensation::Nothing
            | Compensation::EndAttempt
            | Compensation::SuspendAttempt
            | Compensation::ReviveRun => {}
        }
    }

    /// The run cannot be claimed any more. One that never began is dropped; one that did keeps its number, and waits
    /// until its task is ready again.
    fn withdraw_run(&mut self, run: Run, now: Timestamp) {
        if run.attempts == 0 {
            if let Some(at) = run.scheduled_at {
                // Should its task be ready again at once, the slot is not lost.
                self.due.entry(run.task_id).or_insert((at, run.available_at.unwrap_or(now)));
            }
            self.dropped_runs.push(run.id);
        } else {
            self.change_run(Run { status: RunStatus::Waiting, available_at: None, updated_at: now, ..run });
        }
    }

    /// The run is given up together with its task.
    pub(crate) fn cancel_run(&mut self, run: Run, now: Timestamp) {
        self.change_run(Run {
            status: RunStatus::Cancelled,
            available_at: None,
            suspended: false,
            updated_at: now,
            ..run
        });
    }

    /// Those of the entered tasks that wait for nothing and are still pending, by id.
    pub(crate) fn free(&self) -> Vec<TaskId> {
        let waits_for_nothing =
            |task: &&Task| task.status() == TaskStatus::Pending && task.open_dependencies() == 0;
        let free = self.tasks.values().filter(waits_for_nothing).map(Task::id);
        free.filter(|id| !self.gone.contains(id)).collect()
    }

    /// Gives pending tasks to their agents, or finds some; those with nothing open become ready and are queued.
    pub(crate) async fn give(
        &mut self,
        unit: &dyn UnitOfWork,
        ids: &dyn Ids,
        pending: Vec<TaskId>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut directories: HashMap<WorkspaceId, Directory> = HashMap::new();
        let mut goals: HashMap<GoalId, Option<String>> = HashMap::new();
        for id in pending {
            let state = self.task(id)?.state().clone();
            let agent = agent_for(unit, &mut directories, &state).await?;
            let Some((agent, performer)) = agent else { continue };
            let queue = queue_of(unit, &mut goals, state.goal_id).await?;
            let parked = self.parked(unit, &state).await?;
            let due = self.due.get(&id).copied();
            let task = self.task(id)?;
            // The tasks of a goal that rests stay pending, and those that recur until their slot comes.
            let begins = !task.recurs() || due.is_some() || parked.is_some();
            let queue = queue.filter(|_| begins && task.open_dependencies() == 0);
            if queue.is_some() {
                task.ready(agent, now)?;
            } else {
                task.assign(agent, now);
            }
            let facts = task.take_facts();
            let actor = Actor::system("kernel");
            self.told.extend(events(ids, state.workspace_id, &actor, None, facts, now));
            let Some(queue) = queue else { continue };
            self.moving.extend(state.goal_id);
            match parked {
                Some(run) => self.change_run(Run {
                    status: RunStatus::Queued,
                    available_at: Some(now),
                    agent_id: agent,
                    performer,
                    queue,
                    priority: state.priority,
                    updated_at: now,
                    ..run
                }),
                None => {
                    let mut run = driving_run(ids, &state, agent, performer, queue, now);
                    if let Some((slot, begin)) = due.filter(|_| state.schedule.is_some()) {
                        run.scheduled_at = Some(slot);
                        run.available_at = Some(begin.max(now));
                    }
                    self.queued.push(run);
                }
            }
        }
        Ok(())
    }

    /// The run of a task that was begun and withdrawn: it goes on with its next attempt.
    async fn parked(&self, unit: &dyn UnitOfWork, task: &TaskState) -> Result<Option<Run>, Error> {
        let here = self.changed_runs.values().find(|run| {
            run.task_id == task.id && run.drives_task && run.attempts > 0 && !run.status.is_over()
        });
        match here {
            Some(run) => Ok(Some(run.clone())),
            None if task.attempt == 0 => Ok(None),
            None => Ok(unit.executions().find_driving(task.id).await?),
        }
    }

    /// Writes tasks, runs, counters, goals and events.
    pub(crate) async fn close(
        self,
        unit: &dyn UnitOfWork,
        ids: &dyn Ids,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.write(unit).await?.end(unit, ids, now).await
    }

    /// Writes tasks and runs. What is left is what other units wait for.
    pub(super) async fn write(mut self, unit: &dyn UnitOfWork) -> Result<Ending, Error> {
        let shifts = self.shifts();
        let found = self.found_somebody();
        let Self { tasks, edited, gone, .. } = &mut self;
        let (words, progress): (Vec<Task>, Vec<Task>) = std::mem::take(tasks)
            .into_values()
            .filter(|task| !gone.contains(&task.id()))
            .partition(|task| edited.contains(&task.id()));
        let changed_runs: Vec<Run> = self.changed_runs.into_values().collect();
        unit.executions().save_runs(&changed_runs).await?;
        unit.executions().drop_runs(&self.dropped_runs).await?;
        let given_up = |run: &&Run| run.performer == AgentKind::Llm && run.status == RunStatus::Cancelled;
        let silent: Vec<RunId> = changed_runs.iter().filter(given_up).map(|run| run.id).collect();
        if !silent.is_empty() {
            unit.executions().end_dialogues(&silent).await?;
        }
        unit.tasks().save_many(&progress).await?;
        unit.tasks().rewrite_many(&words).await.map_err(crate::tasks::duplicate)?;
        unit.tasks().forget_unassignable(&found).await?;
        unit.tasks().delete_many(&self.gone.into_iter().collect::<Vec<_>>()).await?;
        unit.executions().insert_runs(&self.queued).await?;
        Ok(Ending { shifts, moving: self.moving, told: self.told })
    }

    /// Tasks that nobody had, and somebody has now.
    fn found_somebody(&self) -> Vec<TaskId> {
        let had_nobody = |id: &TaskId| self.before.get(id).is_some_and(|place| !place.assigned);
        let found = self.tasks.values().filter(|task| task.state().agent_id.is_some()).map(Task::id);
        found.filter(had_nobody).collect()
    }

    /// How the counters of goals move.
    fn shifts(&self) -> Vec<(GoalId, TaskCounts)> {
        let mut shifts: BTreeMap<GoalId, TaskCounts> = BTreeMap::new();
        for task in self.tasks.values() {
            let before = self.before.get(&task.id()).map(|place| (place.goal, place.status));
            let after = (!self.gone.contains(&task.id())).then(|| (task.state().goal_id, task.status()));
            if before == after {
                continue;
            }
            if let Some((Some(goal), status)) = before {
                shifts.entry(goal).or_default().shift(Some(status), None);
            }
            if let Some((Some(goal), status)) = after {
                shifts.entry(goal).or_default().shift(None, Some(status));
            }
        }
        shifts.into_iter().collect()
    }
}

/// What a unit ends with: the counters of goals, which every unit that changes tasks of the goal locks, and the ledger.
pub(super) struct Ending {
    shifts: Vec<(GoalId, TaskCounts)>,
    moving: BTreeSet<GoalId>,
    told: Vec<Event>,
}

impl Ending {
    /// Writes counters, goals and events.
    pub(super) async fn end(
        mut self,
        unit: &dyn UnitOfWork,
        ids: &dyn Ids,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.told.extend(take_stock(unit, ids, &self.shifts, now).await?);
        if !self.moving.is_empty() {
            let goals: Vec<GoalId> = self.moving.into_iter().collect();
            // The counters are locked by now. Whoever put a goal to rest in the meantime has not seen these tasks.
            if unit.goals().any_rests(&goals).await? {
                let message = "the goal was put to rest at the same moment; ask again".to_owned();
                return Err(Error::Conflict { code: "conflict", message });
            }
        }
        Ok(unit.outbox().append(&self.told).await?)
    }
}

/// Its own agent while that one is active, else whoever can do it.
pub(super) async fn agent_for(
    unit: &dyn UnitOfWork,
    directories: &mut HashMap<WorkspaceId, Directory>,
    task: &TaskState,
) -> Result<Option<(AgentId, AgentKind)>, Error> {
    let directory = match directories.entry(task.workspace_id) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(unknown) => unknown.insert(unit.agents().directory(task.workspace_id).await?),
    };
    let known = task.agent_id.and_then(|id| directory.find(id)).map(|agent| (agent.id(), agent.kind()));
    Ok(known.or_else(|| {
        directory.assign(&task.task_type, task.action.as_ref()).ok().map(|agent| (agent.id(), agent.kind()))
    }))
}

/// The queue of a goal that is worked on; none while it rests.
pub(crate) async fn queue_of(
    unit: &dyn UnitOfWork,
    known: &mut HashMap<GoalId, Option<String>>,
    goal: Option<GoalId>,
) -> Result<Option<String>, Error> {
    let Some(id) = goal else { return Ok(Some(DEFAULT_QUEUE.to_owned())) };
    if let Some(queue) = known.get(&id) {
        return Ok(queue.clone());
    }
    let queue = unit.goals().queue_of(id).await?;
    known.insert(id, queue.clone());
    Ok(queue)
}
