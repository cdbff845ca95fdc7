use std::time::Duration;

use goalwright_application::Services;
use goalwright_application::execution::LeaseKey;
use goalwright_application::tasks::{Claimed, Wanted};
use goalwright_domain::execution::Lease;
use goalwright_domain::task::TaskId;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::bodies::TaskBody;
use super::decide::LeftOutBody;
use crate::answer::{Found, Shown};
use crate::auth::{Caller, Work};
use crate::body::Body;
use crate::document::Chapter;
use crate::problem::Problem;
use crate::tag::Tag;
use crate::values::Moment;

/// Claim tasks, keep them, give them back.
pub(crate) struct Claim(pub(crate) Services);

/// What a worker asks for.
#[derive(Debug, Object)]
#[oai(rename = "ClaimTasks", deny_unknown_fields)]
pub(crate) struct ClaimBody {
    /// The agent that it works for, of kind `external` or `llm`.
    agent_id: Uuid,
    /// Only tasks of these types; of all types unless given.
    task_types: Option<Vec<String>>,
    /// At most so many; 1 unless given.
    limit: Option<u32>,
    /// How long a lease holds without a heartbeat; 30,000 unless given.
    lease_ms: Option<u32>,
    /// How long to wait for a task if there is none; 0 unless given.
    wait_ms: Option<u32>,
}

/// What a worker that is still at it shows.
#[derive(Debug, Object)]
#[oai(rename = "TaskHeartbeat", deny_unknown_fields)]
pub(crate) struct HeartbeatBody {
    /// `token` of the lease.
    lease_token: String,
    /// How long the lease holds from now on. Unless given it holds for 30,000, and never less long than before.
    lease_ms: Option<u32>,
}

/// What a worker that gives a task back shows.
#[derive(Debug, Object)]
#[oai(rename = "ReleaseTask", deny_unknown_fields)]
pub(crate) struct ReleaseBody {
    /// `token` of the lease.
    lease_token: String,
}

/// The tasks that were claimed.
#[derive(Debug, Object)]
#[oai(rename = "ClaimedTasks")]
pub(crate) struct ClaimedBody {
    /// Most urgent first; none if there were none in time.
    items: Vec<ClaimedTaskBody>,
    /// Where there are none, what there is instead, by the reason why the agent does not get it.
    left_out: Vec<LeftOutBody>,
}

/// A task with the right to do it.
#[derive(Debug, Object)]
#[oai(rename = "ClaimedTask")]
pub(crate) struct ClaimedTaskBody {
    /// The task.
    task: TaskBody,
    /// The right to do it.
    lease: LeaseBody,
}

/// The right to do a task, until it expires.
#[derive(Debug, Object)]
#[oai(rename = "Lease")]
pub(crate) struct LeaseBody {
    /// Shown with every heartbeat and with the report; a secret of the worker.
    token: String,
    /// Higher than that of every earlier lease of the same run: whoever is written to can refuse older ones.
    fence: i64,
    /// Its end, unless a heartbeat comes before.
    expires_at: Moment,
}

/// How long a lease holds.
#[derive(Debug, Object)]
#[oai(rename = "LeaseEnd")]
pub(crate) struct LeaseEndBody {
    /// Its end, unless another heartbeat comes before.
    expires_at: Moment,
}

impl From<Claimed> for ClaimedTaskBody {
    fn from(Claimed { task, lease }: Claimed) -> Self {
        Self { task: task.into(), lease: lease.into() }
    }
}

impl From<Lease> for LeaseBody {
    fn from(lease: Lease) -> Self {
        Self {
            token: LeaseKey::from(&lease).to_string(),
            fence: lease.fence,
            expires_at: lease.expires_at.into(),
        }
    }
}

fn milliseconds(given: Option<u32>) -> Option<Duration> {
    given.map(|given| Duration::from_millis(given.into()))
}

#[OpenApi(tag = "Chapter::Tasks")]
impl Claim {
    /// Claim tasks.
    ///
    /// Takes ready tasks of an agent for a worker outside, each under a lease. If there are none, it waits up to
    /// `wait_ms` for some, and then says what is in the way of those that there are. Whoever does not report and sends no heartbeat before the lease expires is taken for dead, and
    /// the task goes to the next worker. Counts as a heartbeat of the agent.
    #[oai(path = "/v1/tasks/claim", method = "post", operation_id = "claim_tasks")]
    async fn claim(
        &self,
        caller: Caller<Work>,
        body: Body<ClaimBody>,
    ) -> Result<Shown<ClaimedBody>, Problem> {
        let ClaimBody { agent_id, task_types, limit, lease_ms, wait_ms } = body.0;
        let wanted = Wanted {
            agent: agent_id.into(),
            task_types: task_types.unwrap_or_default(),
            limit: limit.unwrap_or(1),
            lease: milliseconds(lease_ms),
            wait: milliseconds(wait_ms).unwrap_or_default(),
        };
        let claimed = self.0.tasks.claim(&caller.0, &wanted).await?;
        Ok(Shown(ClaimedBody {
            items: claimed.tasks.into_iter().map(Into::into).collect(),
            left_out: claimed.left_out.into_iter().map(Into::into).collect(),
        }))
    }

    /// Keep a task.
    ///
    /// A worker that holds the task is still at it: its lease holds for longer. A lost lease is refused with `lease_lost`:
    /// then the worker stops, since somebody else may be at it.
    #[oai(path = "/v1/tasks/:id/heartbeat", method = "post", operation_id = "keep_task")]
    async fn heartbeat(
        &self,
        caller: Caller<Work>,
        /// The task's id.
        id: Path<Uuid>,
        body: Body<HeartbeatBody>,
    ) -> Result<Shown<LeaseEndBody>, Problem> {
        let HeartbeatBody { lease_token, lease_ms } = body.0;
        let lease = milliseconds(lease_ms);
        let until = self.0.tasks.heartbeat(&caller.0, id.0.into(), &lease_token, lease).await?;
        Ok(Shown(LeaseEndBody { expires_at: until.into() }))
    }

    /// Give a task back.
    ///
    /// A worker that holds the task will not do it. The attempt ends, with its experience, as `Released`; it does not count
    /// against `max_attempts`, and the next one may begin at once.
    #[oai(path = "/v1/tasks/:id/release", method = "post", operation_id = "release_task")]
    async fn release(
        &self,
        caller: Caller<Work>,
        /// The task's id.
        id: Path<Uuid>,
        body: Body<ReleaseBody>,
    ) -> Result<Found<TaskBody>, Problem> {
        let id = TaskId::new(id.0);
        let task = self.0.tasks.release(&caller.0, id, &body.0.lease_token).await?;
        Ok(Found { tag: Tag::new(id, task.revision), body: task.into() })
    }
}
