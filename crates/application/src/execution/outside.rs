//! Work that somebody outside does: claimed, kept and reported over the interface.

use std::time::Duration;

use goalwright_domain::Timestamp;
use goalwright_domain::agent::{AgentId, AgentKind};
use goalwright_domain::execution::{AttemptStatus, Lease, LeaseToken, SpanId};
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use uuid::Uuid;

use super::{Assignment, Kernel};
use crate::Error;
use crate::ports::Claim;
use crate::retrying::retrying;

/// The kinds of agents whose work may be claimed from outside.
pub const OUTSIDERS: [AgentKind; 2] = [AgentKind::External, AgentKind::Llm];

/// How long a lease holds unless something else is asked for.
pub const USUAL_LEASE: Duration = Duration::from_secs(30);

/// What a holder of a lease shows: the attempt and the lease's token as one text of 64 hexadecimal digits. Whoever comes
/// too late can still be told from somebody who never held anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseKey {
    span_id: SpanId,
    token: LeaseToken,
}

impl LeaseKey {
    /// Reads what [`std::fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (span, token) = text.split_at_checked(32)?;
        Some(Self { span_id: Uuid::try_parse(span).ok()?, token: Uuid::try_parse(token).ok()? })
    }
}

impl From<&Lease> for LeaseKey {
    fn from(lease: &Lease) -> Self {
        Self { span_id: lease.span_id, token: lease.token }
    }
}

impl std::fmt::Display for LeaseKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.span_id.simple(), self.token.simple())
    }
}

impl Kernel {
    /// Takes up to `limit` runs of one agent, of tasks of these types, or of all types if there are none.
    pub(crate) async fn claim_for(
        &self,
        agent: (WorkspaceId, AgentId),
        task_types: &[String],
        limit: usize,
        lease: Duration,
    ) -> Result<Vec<Assignment>, Error> {
        self.take(&Claim {
            queue: self.settings().queue.clone(),
            only: None,
            agent: Some(agent),
            task_types: task_types.to_vec(),
            performers: OUTSIDERS.to_vec(),
            limit,
            lease,
        })
        .await
    }

    /// The lease that a key is for, or was for; none if it never was one of this task.
    pub(crate) async fn lease_of(
        &self,
        workspace: WorkspaceId,
        task: TaskId,
        key: LeaseKey,
    ) -> Result<Option<(AgentId, Lease)>, Error> {
        let unit = self.ports.transactions.begin().await?;
        let attempt = unit.executions().lock_attempts(&[key.span_id]).await?.pop();
        let attempt = attempt.filter(|attempt| attempt.task_id == task && attempt.workspace_id == workspace);
        Ok(attempt.map(|attempt| {
            let lease = Lease {
                run_id: attempt.run_id,
                span_id: attempt.span_id,
                token: key.token,
                fence: attempt.fence,
                expires_at: attempt.lease_expires_at.unwrap_or(attempt.started_at),
            };
            (attempt.agent_id, lease)
        }))
    }

    /// Keeps a lease for `length` from now. Where none is given it holds for the usual time, and never less long than it
    /// did. Gives its end; none if it is lost.
    pub(crate) async fn prolong(
        &self,
        agent: AgentId,
        lease: &Lease,
        length: Option<Duration>,
    ) -> Result<Option<Timestamp>, Error> {
        retrying(|| self.prolong_once(agent, lease, length)).await
    }

    async fn prolong_once(
        &self,
        agent: AgentId,
        lease: &Lease,
        length: Option<Duration>,
    ) -> Result<Option<Timestamp>, Error> {
        let now = self.clock().now();
        let unit = self.ports.transactions.begin().await?;
        let long_enough = length.is_none() && lease.expires_at >= now + USUAL_LEASE;
        if !long_enough
            && unit.executions().extend(&[*lease], length.unwrap_or(USUAL_LEASE)).await?.is_empty()
        {
            return Ok(None);
        }
        let attempt = unit.executions().lock_attempts(&[lease.span_id]).await?.pop();
        let held = attempt.filter(|attempt| {
            attempt.status == AttemptStatus::Running && attempt.lease_token == Some(lease.token)
        });
        let Some(until) = held.and_then(|attempt| attempt.lease_expires_at) else { return Ok(None) };
        unit.agents().seen(agent, now).await?;
        unit.commit().await?;
        Ok(Some(until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = LeaseKey { span_id: Uuid::from_u128(1), token: Uuid::from_u128(u128::MAX) };
        assert_eq!(LeaseKey::parse(&key.to_string()), Some(key));
        for wrong in ["", "x", "ä".repeat(32).as_str(), &"0".repeat(63), &"g".repeat(64)] {
            assert_eq!(LeaseKey::parse(wrong), None, "{wrong}");
        }
    }
}
