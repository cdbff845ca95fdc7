//! Requests that are answered once: what is kept of them.

use async_trait::async_trait;
use goalwright_domain::Timestamp;
use goalwright_domain::workspace::{UserId, WorkspaceId};
use serde_json::Value;

use super::StorageError;

type Stored<T> = Result<T, StorageError>;

/// Whose key it is; two callers may use the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyOwner {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The caller.
    pub user_id: UserId,
    /// SHA-256 of the key.
    pub digest: [u8; 32],
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Its headers, a JSON object of texts.
    pub headers: Value,
    /// Its body.
    pub body: String,
}

/// A request that was carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRequest {
    /// SHA-256 of what was asked for.
    pub fingerprint: [u8; 32],
    /// What it made, such as `goal 01a1…`.
    pub made: String,
    /// When.
    pub created_at: Timestamp,
    /// Until when nobody else carries it out, while it waits for something else and has made nothing yet.
    pub reserved_until: Option<Timestamp>,
    /// The answer; none while it is still being prepared, and for good if the process ended meanwhile.
    pub answer: Option<KeptAnswer>,
}

/// Keys, inside the unit that makes what they stand for.
#[async_trait]
pub trait IdempotencyRepository: Send + Sync {
    /// Notes that this request made `made`. One that is older than `expired` makes way, and so does the
    /// reservation of the same request. `Duplicate` if there is another one; on PostgreSQL that waits until the other unit has ended.
    async fn remember(
        &self,
        owner: &KeyOwner,
        fingerprint: &[u8; 32],
        made: &str,
        now: Timestamp,
        expired: Timestamp,
    ) -> Stored<()>;
    /// Notes that this request is being carried out and has made nothing yet. One that is older than `expired`, or was
    /// reserved until before `now`, makes way. `Duplicate` if there is one that is not.
    async fn reserve(
        &self,
        owner: &KeyOwner,
        fingerprint: &[u8; 32],
        until: Timestamp,
        now: Timestamp,
        expired: Timestamp,
    ) -> Stored<()>;
    /// Forgets a request that was reserved and made nothing.
    async fn release(&self, owner: &KeyOwner) -> Stored<()>;
    /// Adds the answer to a request that has none.
    async fn keep(&self, owner: &KeyOwner, answer: &KeptAnswer) -> Stored<()>;
}
