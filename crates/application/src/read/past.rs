//! What the ledger still tells of the past.

use async_trait::async_trait;
use goalwright_domain::Timestamp;
use goalwright_domain::goal::{GoalId, GoalState};
use goalwright_domain::ledger::{Folded, Telling};
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;

use crate::Error;
use crate::planning::Touch;

/// Something as it was at a past moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Then<T> {
    /// The moment.
    pub at: Timestamp,
    /// What it was.
    pub what: T,
    /// The fields whose values were redacted, and are not what they were.
    pub redacted: Vec<String>,
}

/// A goal as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct PastGoal {
    /// Its fields.
    pub state: GoalState,
    /// The number of its events by then.
    pub revision: i64,
    /// When it had last changed.
    pub updated_at: Timestamp,
}

/// Answers what the ledger tells of the past, behind what was pruned and from what is kept of it.
#[async_trait]
pub trait Histories: Send + Sync {
    /// Behind which position the workspace's ledger begins, and from when on it is known how things stood; none if nothing
    /// of it was pruned.
    async fn known_from(&self, workspace: WorkspaceId) -> Result<Option<(i64, Timestamp)>, Error>;
    /// How those of these entities stood where the ledger was pruned that were there.
    async fn kept(
        &self,
        workspace: WorkspaceId,
        entity_type: &str,
        ids: &[String],
    ) -> Result<Vec<(String, Folded)>, Error>;
    /// What events until this moment tell of an entity, oldest first.
    async fn tellings(
        &self,
        workspace: WorkspaceId,
        entity_type: &str,
        id: &str,
        until: Timestamp,
    ) -> Result<Vec<Telling>, Error>;
    /// What all events tell of these tasks, oldest first, as far as progress is counted from it: `status`, `goal_id`,
    /// `agent_id`, `waiting` and `depends_on`. Costs as much as the tasks have events.
    async fn told_of_tasks(&self, workspace: WorkspaceId, tasks: &[TaskId]) -> Result<Vec<Telling>, Error>;
    /// What users did to these tasks after a moment, as far as a plan says it: that they made, changed, ordered or deleted
    /// them.
    async fn touched_by_users(
        &self,
        workspace: WorkspaceId,
        tasks: &[TaskId],
        after: Timestamp,
    ) -> Result<Vec<Touch>, Error>;
    /// The tasks that a goal has, or once had.
    async fn tasks_ever_of(&self, workspace: WorkspaceId, goal: GoalId) -> Result<Vec<TaskId>, Error>;
}
