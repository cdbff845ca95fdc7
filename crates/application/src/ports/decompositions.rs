//! Breakdowns as they are kept.

use async_trait::async_trait;
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use uuid::Uuid;

use super::storage::Stored;
use crate::planning::Decomposition;

/// Breakdowns, inside a unit.
#[async_trait]
pub trait DecompositionRepository: Send + Sync {
    /// Adds one. It has a goal.
    async fn insert(&self, workspace: WorkspaceId, decomposition: &Decomposition) -> Stored<()>;
    /// One of the workspace, locked.
    async fn lock(&self, workspace: WorkspaceId, id: Uuid) -> Stored<Option<Decomposition>>;
    /// What the task was broken into by those that were applied.
    async fn parts_of(&self, task: TaskId) -> Stored<Vec<TaskId>>;
    /// Writes what became of a proposal: status, when, the tasks' ids and what was noticed.
    async fn decide(&self, decomposition: &Decomposition) -> Stored<()>;
}
