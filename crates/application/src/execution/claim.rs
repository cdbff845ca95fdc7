use std::collections::{BTreeSet, HashMap};

use goalwright_domain::execution::{Attempt, AttemptStatus, Lease, RunId, idempotency_key};
use goalwright_domain::goal::{GoalId, TaskCounts};
use goalwright_domain::task::{Task, TaskId};
use goalwright_domain::workspace::Actor;
use serde_json::json;

use super::{Assignment, Kernel};
use crate::Error;
use crate::context::events;
use crate::ports::{Claim, ClaimedRun};
use crate::retrying::retrying;

impl Kernel {
    /// Takes up to `limit` runs that can be performed now, each under a lease with a new fence. Each begins an
    /// attempt, or resumes the one that was suspended; the tasks they drive are running from here on.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "execution.claim", skip_all, level = "debug")]
    pub async fn claim(&self, limit: usize) -> Result<Vec<Assignment>, Error> {
        self.take(&Claim {
            queue: self.settings.queue.clone(),
            only: self.settings.only,
            agent: None,
            task_types: Vec::new(),
            performers: self.settings.performers.clone(),
            limit,
            lease: self.settings.lease,
        })
        .await
    }

    /// As [`Kernel::claim`], of what is wanted.
    pub(super) async fn take(&self, wanted: &Claim) -> Result<Vec<Assignment>, Error> {
        if wanted.limit == 0 {
            return Ok(Vec::new());
        }
        let claimed = retrying(|| self.claim_once(wanted)).await?;
        if !claimed.is_empty() {
            self.ports.signals.work_changed();
            self.ports.signals.events_appended();
        }
        Ok(claimed)
    }

    async fn claim_once(&self, wanted: &Claim) -> Result<Vec<Assignment>, Error> {
        let unit = self.ports.transactions.begin().await?;
        let claimed = unit.executions().claim(wanted).await?;
        if claimed.is_empty() {
            return Ok(Vec::new());
        }
        let resuming: Vec<RunId> = claimed.iter().filter(|c| c.run.suspended).map(|c| c.run.id).collect();
        let mut suspended: HashMap<RunId, Attempt> = if resuming.is_empty() {
            HashMap::new()
        } else {
            let attempts = unit.executions().lock_suspended(&resuming).await?;
            attempts.into_iter().map(|attempt| (attempt.run_id, attempt)).collect()
        };
        let task_ids: Vec<TaskId> = claimed.iter().map(|c| c.run.task_id).collect();
        let mut tasks: HashMap<TaskId, Task> =
            unit.tasks().lock_many(&task_ids).await?.into_iter().map(|task| (task.id(), task)).collect();

        let goals: BTreeSet<GoalId> = tasks.values().filter_map(|task| task.state().goal_id).collect();
        let sandboxes = unit.goals().sandboxes(&goals.into_iter().collect::<Vec<_>>()).await?;

        let now = self.clock().now();
        let (mut begun, mut resumed, mut shifts, mut announced) =
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
                    begun.push(attempt.clone());
                    (attempt, lease)
                }
            };
            if claimed.run.drives_task {
                let status = task.status();
                let about = json!({
                    "run_id": claimed.run.id, "span_id": attempt.span_id, "attempt": attempt.number,
                    "worker": attempt.worker,
                });
                let scheduled_at = claimed.run.scheduled_at.unwrap_or(claimed.claimed_at);
                task.start(attempt.number, scheduled_at, about, now)?;
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
            assignments.push(Assignment {
                lease,
                run: claimed.run,
                attempt,
                sandbox: task.state().goal_id.and_then(|goal| sandboxes.get(&goal).cloned()),
                task: task.state().clone(),
                resumed: was,
            });
        }
        let changed: Vec<Task> = {
            let driven: std::collections::HashSet<TaskId> =
                assignments.iter().filter(|a| a.run.drives_task).map(|a| a.run.task_id).collect();
            tasks.into_values().filter(|task| driven.contains(&task.id())).collect()
        };
        unit.executions().insert_attempts(&begun).await?;
        unit.executions().save_attempts(&resumed).await?;
        unit.tasks().save_many(&changed).await?;
        let shifts: Vec<(GoalId, TaskCounts)> = shifts.into_iter().collect();
        unit.goals().shift_counts(&shifts).await?;
        unit.outbox().append(&announced).await?;
        unit.commit().await?;
        Ok(assignments)
    }

    fn begin(&self, claimed: &ClaimedRun) -> Result<(Attempt, Lease), Error> {
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
