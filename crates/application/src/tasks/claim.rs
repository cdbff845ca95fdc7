use std::collections::HashMap;
use std::time::Duration;

use goalwright_domain::agent::{Agent, AgentId, AgentStatus};
use goalwright_domain::execution::Lease;
use goalwright_domain::task::{NAME_LIMIT, TaskId};
use goalwright_domain::{Rejection, Violation};

use super::Tasks;
use crate::execution::{Assignment, OUTSIDERS, USUAL_LEASE};
use crate::read::{Offer, TaskView};
use crate::retrying::retrying;
use crate::selection::{LeftOut, left_out};
use crate::{Context, Error};

/// So many tasks may be claimed at once.
pub const CLAIM_LIMIT: u32 = 100;
/// So many types of tasks may be named.
pub const TYPE_LIMIT: usize = 100;
/// The shortest lease.
pub const SHORTEST_LEASE: Duration = Duration::from_secs(1);
/// The longest lease.
pub const LONGEST_LEASE: Duration = Duration::from_secs(60 * 60);
/// The longest wait for a task.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Look for work at least so often while waiting, since another process may have made it claimable.
const LOOK: Duration = Duration::from_millis(250);

/// What an outside worker asks for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The agent that it works for.
    pub agent: AgentId,
    /// Only tasks of these types; of all if there are none.
    pub task_types: Vec<String>,
    /// At most so many, 1 to [`CLAIM_LIMIT`].
    pub limit: u32,
    /// How long the leases hold without a heartbeat; [`USUAL_LEASE`] unless given.
    pub lease: Option<Duration>,
    /// How long to wait for a task if there is none, up to [`LONGEST_WAIT`].
    pub wait: Duration,
}

/// A task with the right to do it.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The task.
    pub task: TaskView,
    /// Its lease.
    pub lease: Lease,
}

/// What a claim gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    /// Most urgent first.
    pub tasks: Vec<Claimed>,
    /// Where there are none, what there is instead, and why the agent does not get it.
    pub left_out: Vec<LeftOut>,
}

impl Tasks {
    /// An outside worker takes tasks of its agent, each under a lease. If there are none, it waits for some. What is
    /// claimed is written before it is told; whoever stops asking while waiting has claimed nothing.
    ///
    /// # Errors
    /// `NotFound` for an unknown agent; `Invalid` for one whose work is not done outside, and for what is out of bounds;
    /// `Rejected` (`invalid_transition`) for one that is retired; `Forbidden` for another agent's key.
    #[tracing::instrument(name = "task.claim", skip_all, fields(agent.id = %wanted.agent))]
    pub async fn claim(&self, context: &Context, wanted: &Wanted) -> Result<Claims, Error> {
        let violations = wanted.violations();
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        context.act_for(wanted.agent)?;
        let agent = self.outsider(context, wanted.agent).await?;
        retrying(|| self.note_life(wanted.agent)).await?;
        let patience = tokio::time::sleep(wanted.wait);
        tokio::pin!(patience);
        let claimed = loop {
            let seen = self.signals.work_seen();
            let claimed = self.take(context, wanted).await?;
            if !claimed.is_empty() {
                break claimed;
            }
            tokio::select! {
                biased;
                () = &mut patience => break Vec::new(),
                () = self.signals.until_work_changes(seen, LOOK) => {}
            }
        };
        if claimed.is_empty() {
            let left_out = self.left_out(context, wanted, &agent).await?;
            return Ok(Claims { tasks: Vec::new(), left_out });
        }
        let ids: Vec<TaskId> = claimed.iter().map(|assignment| assignment.task.id).collect();
        let tasks = self.queries.tasks_by_id(context.workspace(), &ids).await?;
        let mut tasks: HashMap<TaskId, TaskView> =
            tasks.into_iter().map(|task| (task.state.id, task)).collect();
        let told = |Assignment { lease, task, .. }: Assignment| {
            let task = tasks.remove(&task.id).ok_or_else(|| Error::not_found("task", task.id))?;
            Ok(Claimed { task, lease })
        };
        let tasks = claimed.into_iter().map(told).collect::<Result<_, Error>>()?;
        Ok(Claims { tasks, left_out: Vec::new() })
    }

    /// What there is for the agent, and why it does not get it.
    async fn left_out(
        &self,
        context: &Context,
        wanted: &Wanted,
        agent: &Agent,
    ) -> Result<Vec<LeftOut>, Error> {
        let offer = Offer {
            workspace: context.workspace(),
            agent: wanted.agent,
            queue: self.kernel.settings().queue.clone(),
            task_types: wanted.task_types.clone(),
        };
        let offered = self.queries.offered(&offer, self.clock.now()).await?;
        Ok(left_out::of_offer(&offered, agent.state().max_concurrency))
    }

    async fn take(&self, context: &Context, wanted: &Wanted) -> Result<Vec<Assignment>, Error> {
        let agent = (context.workspace(), wanted.agent);
        let limit = usize::try_from(wanted.limit).unwrap_or(1);
        self.kernel.claim_for(agent, &wanted.task_types, limit, wanted.lease.unwrap_or(USUAL_LEASE)).await
    }

    /// Refuses agents whose work nobody may claim.
    async fn outsider(&self, context: &Context, id: AgentId) -> Result<Agent, Error> {
        let agent = self.queries.agent(context.workspace(), id).await?;
        let agent = agent.ok_or_else(|| Error::not_found("agent", id))?;
        if !OUTSIDERS.contains(&agent.kind()) {
            let message = format!(
                "the work of an agent of kind `{}` is not claimed from outside; make one of kind `external`",
                agent.kind().as_str()
            );
            return Err(Error::invalid(vec![Violation::new("agent_id", "unsuitable_agent", message)]));
        }
        if agent.state().status == AgentStatus::Retired {
            let message = "the agent is retired and gets no more work; make a new one";
            return Err(Rejection::new("invalid_transition", message).into());
        }
        Ok(agent)
    }

    async fn note_life(&self, agent: AgentId) -> Result<(), Error> {
        let unit = self.transactions.begin().await?;
        unit.agents().seen(agent, self.clock.now()).await?;
        Ok(unit.commit().await?)
    }
}

impl Wanted {
    fn violations(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        if !(1..=CLAIM_LIMIT).contains(&self.limit) {
            let message = format!("between 1 and {CLAIM_LIMIT}");
            violations.push(Violation::new("limit", "out_of_range", message));
        }
        violations.extend(lease_violation(self.lease));
        if self.wait > LONGEST_WAIT {
            let message = format!("at most {}", LONGEST_WAIT.as_millis());
            violations.push(Violation::new("wait_ms", "out_of_range", message));
        }
        if self.task_types.len() > TYPE_LIMIT {
            let message = format!("at most {TYPE_LIMIT} types");
            violations.push(Violation::new("task_types", "too_many", message));
        }
        for (index, task_type) in self.task_types.iter().enumerate() {
            violations.extend(Violation::of_text(&format!("task_types[{index}]"), task_type, NAME_LIMIT));
        }
        violations
    }
}

/// A lease that is too short to do anything under, or so long that a dead worker would not be noticed.
pub(super) fn lease_violation(lease: Option<Duration>) -> Option<Violation> {
    let fits = lease.is_none_or(|lease| (SHORTEST_LEASE..=LONGEST_LEASE).contains(&lease));
    let message = format!("between {} and {}", SHORTEST_LEASE.as_millis(), LONGEST_LEASE.as_millis());
    (!fits).then(|| Violation::new("lease_ms", "out_of_range", message))
}
