//! What the ledger still tells of the past.

use async_trait::async_trait;
use goalwright_domain::Timestamp;
use goalwright_domain::goal::{GoalId, GoalState};
use goalwright_domain::ledger::{Entity, Folded, Stored, Telling};
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use uuid::Uuid;

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

/// Answers what the ledger tells of the past, behind what was pruned and from what is kept of it. All answers are of the one
/// moment at which it was asked first: what is changed or pruned meanwhile is in none of them.
#[async_trait]
pub trait Histories: Send + Sync {
    /// From when on it is known how things stood in the workspace; none if nothing of its ledger was pruned.
    async fn known_from(&self, workspace: WorkspaceId) -> Result<Option<Timestamp>, Error>;
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
    /// Whether an event that is left tells of an entity.
    async fn is_told_of(&self, workspace: WorkspaceId, entity_type: &str, id: &str) -> Result<bool, Error>;
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
    /// The next rows behind this id, by id.
    async fn stored(
        &self,
        workspace: WorkspaceId,
        entity: Entity,
        after: Option<Uuid>,
        most: usize,
    ) -> Result<Vec<(Uuid, Stored)>, Error>;
    /// The next entities behind this id of which events or snapshots tell, in an order of their own.
    async fn told_of(
        &self,
        workspace: WorkspaceId,
        entity: Entity,
        by: Source,
        after: &str,
        most: usize,
    ) -> Result<Vec<String>, Error>;
    /// Those of these ids that have a row.
    async fn with_row(
        &self,
        workspace: WorkspaceId,
        entity: Entity,
        ids: &[Uuid],
    ) -> Result<Vec<Uuid>, Error>;
    /// The next tellings of these entities behind this one, entity by entity and each with its oldest first, placed or not.
    async fn all_told(
        &self,
        workspace: WorkspaceId,
        entity: Entity,
        ids: &[String],
        after: Option<&Place>,
        most: usize,
    ) -> Result<Vec<(Place, Telling)>, Error>;
    /// Nothing more is asked.
    async fn end(self: Box<Self>);
}

/// What tells of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Events that are there.
    Events,
    /// What is kept of events that were pruned.
    Snapshots,
}

/// Where a telling stands among those of several entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The entity.
    pub entity_id: String,
    /// In the order in which it was told.
    pub number: i64,
}
