//! Breakdowns as they are kept.

use async_trait::async_trait;
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
    /// Writes what became of a proposal: status, when, the tasks' ids and what was noticed.
    async fn decide(&self, decomposition: &Decomposition) -> Stored<()>;
}
