use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use goalwright_domain::Timestamp;
use goalwright_domain::agent::AgentKind;
use goalwright_domain::execution::{Attempt, AttemptStatus, Lease, Run, RunId, idempotency_key};
use goalwright_domain::goal::{GoalId, TaskCounts};
use goalwright_domain::task::{Task, TaskId, TaskState};
use goalwright_domain::workspace::Actor;
use serde_json::{Value, json};

use super::{Assignment, Kernel};
use crate::Error;
use crate::context::events;
use crate::ports::{Claim, Happening, PickedRun, UnitOfWork};
use crate::retrying::retrying;
use crate::selection::tell;

impl Kernel {
    /// Takes up to `limit` runs that can be performed now, each under a lease with a new fence. Each begins an
    /// attempt, or resumes the one that was suspended; the tasks they drive are running from here on.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "execution.claim", skip_all, level = "debug")]
    pub async fn claim(&self, limit: usize) -> Result<Vec<Assignment>, Error> {
        self.take(&self.wanted(limit)).await
    }

    /// What this kernel claims.
    pub(super) fn wanted(&self, limit: usize) -> Claim {
        let mut performers = self.settings.performers.clone();
        if self.ports.models.any() {
            performers.push(AgentKind::Llm);
        }
        Claim {
            queue: self.settings.queue.clone(),
            only: self.settings.only,
            agent: None,
            task_types: Vec::new(),
            performers,
            limit,
            lease: self.settings.lease,
        }
    }

    /// As [`Kernel::claim`], of what is wanted.
    pub(super) async fn take(&self, wanted: &Claim) -> Result<Vec<Assignment>, Error> {
        if wanted.limit == 0 {
            return Ok(Vec::new());
        }
        let claimed = retrying(|| self.claim_once(wanted)).await?;
        self.tell_of(&claimed, wanted.limit);
        Ok(claimed)
    }

    /// Tells of what was claimed, and of what there was to claim from.
    pub(super) fn tell_of(&self, claimed: &[Assignment], limit: usize) {
        if let Some((standings, counted_at)) = self.ports.standings.get() {
            tracing::debug!(claim.taken = claimed.len(), claim.limit = limit, "work was claimed");
            tell(&standings, counted_at, "what there was to claim from");
        }
        self.telemetry().tell(Happening::Claimed(claimed));
        if !claimed.is_empty() {
            self.ports.signals.events_appended();
        }
    }

    async fn claim_once(&self, wanted: &Claim) -> Result<Vec<Assignment>, Error> {
        let unit = self.ports.transactions.begin().await?;
        let picked = unit.executions().pick(wanted).await?;
        if picked.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<TaskId> = picked.iter().map(|picked| picked.run.task_id).collect();
        let tasks = unit.tasks().lock_many(&ids).await?;
        let tasks = tasks.into_iter().map(|task| (task.id(), task)).collect();
        self.hold(unit, picked, tasks, wanted.lease).await
    }

    /// Takes what was picked under leases, and commits.
    pub(super) async fn hold(
        &self,
        unit: Box<dyn UnitOfWork>,
        picked: Vec<PickedRun>,
        mut tasks: HashMap<TaskId, Task>,
        lease: Duration,
    ) -> Result<Vec<Assignment>, Error> {
        if picked.is_empty() {
            return Ok(Vec::new());
        }
        let claimed: Vec<ClaimedRun> = picked.into_iter().map(|picked| begun(picked, lease)).collect();
        let runs: Vec<Run> = claimed.iter().map(|claimed| claimed.run.clone()).collect();
        let resuming: Vec<RunId> = claimed.iter().filter(|c| c.run.suspended).map(|c| c.run.id).collect();
        let mut suspended: HashMap<RunId, Attempt> = if resuming.is_empty() {
            HashMap::new()
        } else {
            let attempts = unit.executions().lock_suspended(&resuming).await?;
            attempts.into_iter().map(|attempt| (attempt.run_id, attempt)).collect()
        };
        let goals: BTreeSet<GoalId> = tasks.values().filter_map(|task| task.state().goal_id).collect();
        let grounds = unit.goals().grounds(&goals.into_iter().collect::<Vec<_>>()).await?;

        let now = self.clock().now();
        let (mut begun_now, mut resumed, mut shifts, mut announced) =
            (Vec::new(), Vec::new(), HashMap::new(), Vec::new());
        let mut assignments = Vec::with_capacity(claimed.len());
        for claimed in claimed {
            let Some(task) = tasks.get_mut(&claimed.run.task_id) else {
                return Err(Error::Internal(format!("run {} has no task", claimed.run.id).into()));
            };
            let before = suspended.remove(&claimed.run.id);
            let was = before.as_ref().and_then(|attempt| attempt.suspension.clone());
            let (attempt, lease) = match before {
                Some(attempt) => {
                    let (attempt, lease) = self.resume(&claimed, attempt);
                    resumed.push(attempt.clone());
                    (attempt, lease)
                }
                None => {
                    let (attempt, lease) = self.begin(&claimed)?;
                    begun_now.push(attempt.clone());
                    (attempt, lease)
                }
            };
            if claimed.run.drives_task {
                let status = task.status();
                let scheduled_at = claimed.run.scheduled_at.unwrap_or(claimed.claimed_at);
                task.start(attempt.number, scheduled_at, about(&claimed.run, &attempt), now)?;
                if let Some(goal) = task.state().goal_id {
                    let shift: &mut TaskCounts = shifts.entry(goal).or_default();
                    shift.shift(Some(status), Some(task.status()));
                }
                let actor = Actor::agent(attempt.agent_id);
                let trace = Some(claimed.run.trace_id);
                announced.extend(events(
                    self.ids(),
                    claimed.run.workspace_id,
                    &actor,
                    trace,
                    task.take_facts(),
                    now,
                ));
            }
            let ground = task.state().goal_id.and_then(|goal| grounds.get(&goal));
            let assignment = Assignment::of(claimed, attempt, lease, task.state().clone());
            assignments.push(Assignment {
                sandbox: ground.and_then(|ground| ground.sandbox.clone()),
                goal_rests: ground.is_some_and(|ground| ground.rests),
                queued: assignment.queued.filter(|_| was.is_none()),
                resumed: was,
                ..assignment
            });
        }
        let changed: Vec<Task> = {
            let driven: std::collections::HashSet<TaskId> =
                assignments.iter().filter(|a| a.run.drives_task).map(|a| a.run.task_id).collect();
            tasks.into_values().filter(|task| driven.contains(&task.id())).collect()
        };
        unit.executions().save_runs(&runs).await?;
        unit.executions().insert_attempts(&begun_now).await?;
        unit.executions().save_attempts(&resumed).await?;
        unit.tasks().save_many(&changed).await?;
        let shifts: Vec<(GoalId, TaskCounts)> = shifts.into_iter().collect();
        unit.goals().shift_counts(&shifts).await?;
        unit.outbox().append(&announced).await?;
        unit.commit().await?;
        Ok(assignments)
    }

    pub(super) fn begin(&self, claimed: &ClaimedRun) -> Result<(Attempt, Lease), Error> {
        let run = &claimed.run;
        let scheduled_at = run
            .scheduled_at
            .ok_or_else(|| Error::Internal(format!("run {} was claimed without a time", run.id).into()))?;
        let lease = self.lease(claimed, self.ids().random());
        let attempt = Attempt {
            span_id: lease.span_id,
            run_id: run.id,
            workspace_id: run.workspace_id,
            task_id: run.task_id,
            number: run.attempts,
            retry_of: run.last_span,
            idempotency_key: idempotency_key(run.task_id, scheduled_at, run.attempts),
            agent_id: run.agent_id,
            worker: self.runner.label(),
            status: AttemptStatus::Running,
            lease_token: Some(lease.token),
            lease_expires_at: Some(lease.expires_at),
            fence: lease.fence,
            suspension: None,
            recorded: None,
            error: None,
            experience_id: None,
            started_at: self.clock().now(),
            ended_at: None,
        };
        Ok((attempt, lease))
    }

    fn resume(&self, claimed: &ClaimedRun, attempt: Attempt) -> (Attempt, Lease) {
        let lease = self.lease(claimed, attempt.span_id);
        let attempt = Attempt {
            status: AttemptStatus::Running,
            worker: self.runner.label(),
            lease_token: Some(lease.token),
            lease_expires_at: Some(lease.expires_at),
            fence: lease.fence,
            suspension: None,
            ..attempt
        };
        (attempt, lease)
    }

    fn lease(&self, claimed: &ClaimedRun, span_id: uuid::Uuid) -> Lease {
        Lease {
            run_id: claimed.run.id,
            span_id,
            token: self.ids().random(),
            fence: claimed.run.fence,
            expires_at: claimed.expires_at,
        }
    }
}

/// A run as a claim leaves it.
pub(super) struct ClaimedRun {
    /// Running, with its new fence.
    run: Run,
    /// When it was claimed.
    claimed_at: Timestamp,
    /// Until when the lease holds.
    expires_at: Timestamp,
}

pub(super) fn begun(picked: PickedRun, lease: Duration) -> ClaimedRun {
    let PickedRun { run, picked_at, moment } = picked;
    let expires_at = moment + lease.max(Duration::from_millis(1));
    ClaimedRun { run: run.begun(picked_at), claimed_at: picked_at, expires_at }
}

/// What the event of a start tells besides the change.
pub(super) fn about(run: &Run, attempt: &Attempt) -> Value {
    json!({ "run_id": run.id, "span_id": attempt.span_id, "attempt": attempt.number, "worker": attempt.worker })
}

impl Assignment {
    /// Without what its goal says.
    pub(super) fn of(claimed: ClaimedRun, attempt: Attempt, lease: Lease, task: TaskState) -> Self {
        Self {
            lease,
            queued: (attempt.number == 1).then(|| queued(&claimed)),
            claimed_at: claimed.claimed_at,
            run: claimed.run,
            attempt,
            task,
            sandbox: None,
            goal_rests: false,
            resumed: None,
        }
    }
}

/// How long a run could have been claimed before it was. Of a run from the graph the claim is the scheduled moment.
fn queued(claimed: &ClaimedRun) -> Duration {
    let run = &claimed.run;
    let own = run.scheduled_at.filter(|at| *at < claimed.claimed_at);
    let since = own.map_or(run.created_at, |at| at.max(run.created_at));
    Duration::from_millis(claimed.claimed_at.millis_since(since).try_into().unwrap_or(0))
}
