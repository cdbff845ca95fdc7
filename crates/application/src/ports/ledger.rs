//! The ledger: appending to it, placing what was appended, and verifying it.

use async_trait::async_trait;
use goalwright_domain::ledger::{Checkpoint, Event, Head, KeyRing, Link, Noted, Snapshot};
use goalwright_domain::workspace::WorkspaceId;

use super::StorageError;
use crate::Error;

/// The outbox: events that are committed with the change they tell of.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Appends events in this order. They get their positions and seals inside the unit if it can have the ledger to
    /// itself, else from the [`Sequencer`].
    async fn append(&self, events: &[Event]) -> Result<(), StorageError>;
}

/// The ledger as it is verified. It is read without any unit, and events never change, so it may grow meanwhile.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// What the ledger is sealed with, and was before.
    fn keys(&self) -> &KeyRing;
    /// The workspaces that have events.
    async fn workspaces(&self) -> Result<Vec<WorkspaceId>, Error>;
    /// Where the workspace's chain ends.
    async fn head(&self, workspace: WorkspaceId) -> Result<Head, Error>;
    /// The next events behind a position, with the digests of what is stored now.
    async fn links(&self, workspace: WorkspaceId, after: i64, limit: usize) -> Result<Vec<Link>, Error>;
    /// What stands for events that were pruned, with its mark; none if none were.
    async fn checkpoint(&self, workspace: WorkspaceId) -> Result<Option<(Checkpoint, String)>, Error>;
    /// How many events there are up to a position where none should be.
    async fn not_pruned(&self, workspace: WorkspaceId, position: i64) -> Result<i64, Error>;
    /// What is kept at the checkpoint behind this entity (type, id), with marks.
    async fn snapshots(
        &self,
        workspace: WorkspaceId,
        after: Option<(String, String)>,
        limit: usize,
    ) -> Result<Vec<(Snapshot, String)>, Error>;
    /// What was noted of the chain outside the database.
    fn noted(&self, workspace: WorkspaceId) -> Result<Noted, Error>;
    /// Notes the ends of all chains outside the database. What is noted never goes back.
    async fn note(&self) -> Result<(), Error>;
}

/// Gives committed events their positions and seals: per workspace, from 1, without gaps, in the order of their sequence.
/// Any number of processes may call it; one at a time does the work.
#[async_trait]
pub trait Sequencer: Send + Sync {
    /// Places and seals what is not yet; gives how many events were. More may be left if it is many.
    async fn sequence(&self) -> Result<usize, StorageError>;
}
