//! What only computes is done in the unit that claims it: nothing outside the database changes, nothing is waited for, and
//! when the unit fails nothing has happened. It needs no lease, since nobody ever sees it half done.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use goalwright_domain::Timestamp;
use goalwright_domain::agent::AgentKind;
use goalwright_domain::execution::{Action, Effect, ExecutionError, Outcome};
use goalwright_domain::experience::{audit_text, audit_value, whole_copy};
use goalwright_domain::goal::GoalId;
use goalwright_domain::task::{Task, TaskId, TaskState};
use goalwright_domain::template::{self, Scope};
use goalwright_domain::workspace::Actor;
use serde_json::Value;
use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;

use super::book::Ending;
use super::claim::{about, begun};
use super::consequences::conclude_in;
use super::make::{Touched, outcome_of};
use super::{Assignment, Book, Ended, Kernel, Report};
use crate::Error;
use crate::ports::telemetry::{Performed, TraceContext};
use crate::ports::tools::Invocation;
use crate::ports::{CallStatus, Claim, Happening, PickedRun, UnitOfWork};
use crate::retrying::retrying;

/// What one look for work gave.
#[derive(Debug, Default)]
pub struct Claimed {
    /// Held under leases, to be performed.
    pub assignments: Vec<Assignment>,
    /// So many more were done at once.
    pub computed: usize,
    /// Whether everything that was looked at only computes, done or not, so that it is worth looking at more.
    pub only_computes: bool,
}

/// What one unit made of what it picked.
enum Look {
    /// It took these, to be performed.
    Held(Vec<Assignment>),
    /// It did so many, and left the rest as it was; whether there was anything that is to be performed. What it did is
    /// kept where somebody watches.
    Done { count: usize, watched: Vec<Computed>, others: bool },
}

/// What was picked and looked at.
#[derive(Default)]
struct Sorted {
    computed: Vec<Computed>,
    /// Is to be performed.
    others: Vec<PickedRun>,
}

/// A run that was done at once.
#[derive(Clone)]
struct Computed {
    assignment: Assignment,
    report: Report,
}

/// The results of tasks by goal and key.
type Results = HashMap<GoalId, BTreeMap<String, Value>>;

/// So many are done in one unit, at most.
const AT_ONCE: usize = 512;
/// So long a unit goes on computing; what it has not come to by then stays queued.
const LONG_ENOUGH: Duration = Duration::from_millis(50);
/// So long a unit waits for its turn to end.
const TURN: Duration = Duration::from_millis(400);
/// Templates give so much, or the work is done where it may take its time.
const SMALL: usize = 16 * 1024;

impl Kernel {
    /// As [`Kernel::claim`], but of up to `at_once` runs those that only compute are done before it returns, and need no
    /// place.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "execution.claim_or_compute", skip_all, level = "debug")]
    pub async fn claim_or_compute(&self, places: usize, at_once: usize) -> Result<Claimed, Error> {
        let wanted = Claim { limit: at_once.min(AT_ONCE).max(places), ..self.wanted(places) };
        match retrying(|| self.look(&wanted, places)).await {
            Ok(Look::Held(assignments)) => {
                self.tell_of(&assignments, places);
                Ok(Claimed { assignments, ..Claimed::default() })
            }
            Ok(Look::Done { count, watched, others }) => {
                self.tell_of_computed(count, &watched, wanted.limit);
                let assignments = if others { self.claim(places).await? } else { Vec::new() };
                Ok(Claimed { assignments, computed: count, only_computes: !others })
            }
            Err(away @ Error::Unavailable { .. }) => Err(away),
            // Something in it cannot be written. Held under a lease, it is settled by itself and harms nobody else.
            Err(error) => {
                tracing::warn!(error = %error, cause = ?std::error::Error::source(&error), "what computes could not be done at once; it is performed instead");
                Ok(Claimed { assignments: self.claim(places).await?, ..Claimed::default() })
            }
        }
    }

    /// Picks, computes what it can and concludes it; where nothing computes, takes as many as there are places for.
    async fn look(&self, wanted: &Claim, places: usize) -> Result<Look, Error> {
        let unit = self.ports.transactions.begin().await?;
        let picked = unit.executions().pick(wanted).await?;
        if picked.is_empty() {
            return Ok(Look::Held(Vec::new()));
        }
        let ids: Vec<TaskId> = picked.iter().map(|picked| picked.run.task_id).collect();
        let tasks = unit.tasks().lock_many(&ids).await?;
        let tasks: HashMap<TaskId, Task> = tasks.into_iter().map(|task| (task.id(), task)).collect();
        let Sorted { computed, mut others } = self.sort(&*unit, picked, &tasks, wanted.lease).await?;
        if computed.is_empty() {
            others.truncate(places);
            return Ok(Look::Held(self.hold(unit, others, tasks, wanted.lease).await?));
        }
        let now = self.clock().now();
        let count = computed.len();
        let watched = if self.telemetry().watches() { computed.clone() } else { Vec::new() };
        let ending = self.conclude_computed(&*unit, computed, tasks, now).await?;
        let _turn = self.turn().await?;
        ending.end(&*unit, self.ids(), now).await?;
        unit.commit().await?;
        Ok(Look::Done { count, watched, others: !others.is_empty() })
    }

    /// To end alone among the units of this process. This one holds runs and tasks while it waits. Whoever has counters and
    /// waits for these may be what the unit with the turn waits for, and the database knows nothing of the turn: so it is
    /// given up soon, and the unit is done again.
    async fn turn(&self) -> Result<MutexGuard<'_, ()>, Error> {
        let lost =
            |_| Error::Conflict { code: "conflict", message: "other work took too long to end".to_owned() };
        tokio::time::timeout(TURN, self.ending.lock()).await.map_err(lost)
    }

    /// Computes what it can of what was picked, and leaves the rest as it was.
    async fn sort(
        &self,
        unit: &dyn UnitOfWork,
        picked: Vec<PickedRun>,
        tasks: &HashMap<TaskId, Task>,
        lease: Duration,
    ) -> Result<Sorted, Error> {
        let results = self.results(unit, tasks.values()).await?;
        let resting = resting(unit, tasks.values()).await?;
        let since = self.clock().now();
        let mut sorted = Sorted::default();
        for one in picked {
            let task = tasks.get(&one.run.task_id).map(Task::state).filter(|task| {
                !one.run.suspended
                    && one.run.performer == AgentKind::Tool
                    && self.computes(task)
                    && task.goal_id.is_none_or(|goal| !resting.contains(&goal))
            });
            let Some(task) = task else {
                sorted.others.push(one);
                continue;
            };
            if sorted.computed.len() >= AT_ONCE || self.clock().now() > since + LONG_ENOUGH {
                // It stays queued, and is picked the next time.
                continue;
            }
            match self.try_compute(one.clone(), task, &results, lease)? {
                Some(done) => sorted.computed.push(done),
                None => sorted.others.push(one),
            }
        }
        Ok(sorted)
    }

    /// Computes it, unless that is not for here. What panics is performed, where its lease counts its strikes.
    fn try_compute(
        &self,
        picked: PickedRun,
        task: &TaskState,
        results: &Results,
        lease: Duration,
    ) -> Result<Option<Computed>, Error> {
        let claimed = begun(picked, lease);
        let (attempt, lease) = self.begin(&claimed)?;
        let assignment = Assignment::of(claimed, attempt, lease, task.clone());
        let report = catch_unwind(AssertUnwindSafe(|| self.computed(&assignment, results)));
        Ok(report.ok().flatten().map(|report| Computed { assignment, report }))
    }

    fn tell_of_computed(&self, count: usize, watched: &[Computed], limit: usize) {
        let assignments: Vec<Assignment> = watched.iter().map(|one| one.assignment.clone()).collect();
        self.tell_of(&assignments, limit);
        self.telemetry().tell(Happening::Settled(count));
        for call in watched.iter().flat_map(|one| &one.report.calls) {
            self.telemetry().tell(Happening::Called(call));
        }
        self.ports.signals.work_changed();
        self.ports.signals.events_appended();
    }

    fn computes(&self, task: &TaskState) -> bool {
        let Some(Action::Tool { tool, operation, parameters }) = &task.action else { return false };
        self.ports.tools.computes(tool, operation) && is_small(parameters)
    }

    /// The results that the parameters of what computes speak of, with one question for each goal.
    async fn results(
        &self,
        unit: &dyn UnitOfWork,
        tasks: impl Iterator<Item = &Task>,
    ) -> Result<Results, Error> {
        let mut wanted: BTreeMap<GoalId, BTreeSet<String>> = BTreeMap::new();
        for task in tasks.map(Task::state).filter(|task| self.computes(task)) {
            if let (Some(goal), Some(Action::Tool { parameters, .. })) = (task.goal_id, &task.action) {
                let roots = template::inspect(parameters).holes.into_iter().flat_map(|hole| hole.roots);
                wanted.entry(goal).or_default().extend(roots);
            }
        }
        let mut results = HashMap::new();
        for (goal, keys) in wanted.into_iter().filter(|(_, keys)| !keys.is_empty()) {
            let keys: Vec<String> = keys.into_iter().collect();
            let found = unit.tasks().small_results(goal, &keys, SMALL).await?;
            results.insert(goal, found.into_iter().collect());
        }
        Ok(results)
    }

    /// What computing gives; none for what is better performed, since it is large or does more than that.
    fn computed(&self, assignment: &Assignment, results: &Results) -> Option<Report> {
        let Some(Action::Tool { tool, operation, parameters }) = &assignment.task.action else { return None };
        let now = assignment.attempt.started_at;
        let scope = scope_of(&assignment.task, parameters, results);
        // A template that fails here may speak of what was too large to be read: performing it tells.
        let limits =
            template::Limits { max_output_bytes: 4 * SMALL, fuel: 10_000, ..template::Limits::default() };
        let parameters = template::resolve(parameters, &scope, &limits).ok().filter(is_small)?;
        let mut call = self.new_call(assignment, (tool, operation), Effect::None, copy(&parameters)?, now);
        let span = self.span_of(assignment, &call);
        let answer = span.in_scope(|| {
            self.ports.tools.compute(Invocation {
                tool: tool.clone(),
                operation: operation.clone(),
                parameters,
                workspace: assignment.run.workspace_id,
                task: Some(assignment.task.id),
                sandbox: PathBuf::new(),
                idempotency_key: call.idempotency_key.clone(),
                trace: TraceContext::of(call.trace_id, &assignment.lease, self.telemetry()),
                now: now.utc(),
                cancel: CancellationToken::new(),
            })
        })?;
        let Touched { outcome, .. } = outcome_of(answer, Effect::None, &format!("`{tool}.{operation}`"), now);
        match &outcome {
            Outcome::Done { result, .. } => {
                call.status = CallStatus::Succeeded;
                call.result = Some(copy(result)?);
            }
            Outcome::Failed { error, .. } => {
                span.record("error.type", error.kind.as_str());
                call.status = CallStatus::Failed;
                call.error = Some(ExecutionError { message: audit_text(&error.message), ..error.clone() });
            }
            Outcome::Suspended(_)
            | Outcome::GivenUp { .. }
            | Outcome::Released
            | Outcome::LeaseLost { .. } => {
                return None;
            }
        }
        let ended_at = self.clock().now();
        call.ended_at = Some(ended_at);
        let called = Some((now, ended_at));
        let performed =
            Some(Performed { claimed_at: assignment.claimed_at, begun_at: assignment.claimed_at, called });
        Some(Report { calls: vec![call], performed, ..Report::of(outcome) })
    }

    async fn conclude_computed(
        &self,
        unit: &dyn UnitOfWork,
        computed: Vec<Computed>,
        mut tasks: HashMap<TaskId, Task>,
        now: Timestamp,
    ) -> Result<Ending, Error> {
        let mut book = Book::default();
        for one in &computed {
            book.enter(tasks.remove(&one.assignment.task.id).into_iter().collect());
        }
        let mut ended = Vec::with_capacity(computed.len());
        for Computed { assignment, report } in computed {
            let Assignment { run, attempt, claimed_at, .. } = assignment;
            if run.drives_task {
                let at = run.scheduled_at.unwrap_or(claimed_at);
                book.task(run.task_id)?.start(attempt.number, at, about(&run, &attempt), now)?;
            }
            let actor = Actor::agent(attempt.agent_id);
            ended.push(Ended { run, attempt, report, manual: false, actor, unwritten: true });
        }
        conclude_in(book, unit, self.ids(), &self.runner, ended, now).await
    }
}

/// Whether a value is small enough to be worked on where others wait.
fn is_small(value: &Value) -> bool {
    fn fits(value: &Value, left: &mut usize) -> bool {
        let own = match value {
            Value::String(text) => text.len() + 2,
            _ => 8,
        };
        let Some(rest) = left.checked_sub(own) else { return false };
        *left = rest;
        match value {
            Value::Array(items) => items.iter().all(|item| fits(item, left)),
            Value::Object(fields) => fields.iter().all(|(key, value)| {
                *left = left.saturating_sub(key.len());
                fits(value, left)
            }),
            _ => true,
        }
    }
    fits(value, &mut { SMALL })
}

/// An audit copy, unless all of it is too large for one: then it becomes an artifact, and that is a file.
fn copy(value: &Value) -> Option<Value> {
    let copy = audit_value(value);
    whole_copy(value, &copy).is_none().then_some(copy)
}

/// The goals of these tasks that are not worked on.
async fn resting(
    unit: &dyn UnitOfWork,
    tasks: impl Iterator<Item = &Task>,
) -> Result<BTreeSet<GoalId>, Error> {
    let goals: BTreeSet<GoalId> = tasks.filter_map(|task| task.state().goal_id).collect();
    let grounds = unit.goals().grounds(&goals.into_iter().collect::<Vec<_>>()).await?;
    Ok(grounds.into_iter().filter(|(_, ground)| ground.rests).map(|(goal, _)| goal).collect())
}

/// Of the results, those that these parameters speak of.
fn scope_of(task: &TaskState, parameters: &Value, results: &Results) -> Scope {
    let mut scope = Scope::new();
    let Some(known) = task.goal_id.and_then(|goal| results.get(&goal)) else { return scope };
    let roots: BTreeSet<String> =
        template::inspect(parameters).holes.into_iter().flat_map(|hole| hole.roots).collect();
    for root in roots {
        if let Some(result) = known.get(&root) {
            scope.bind_task(root, result.clone());
        }
    }
    scope
}
