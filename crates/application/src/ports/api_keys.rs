//! API keys.

use async_trait::async_trait;
use goalwright_domain::Timestamp;
use goalwright_domain::api_key::{ApiKey, ApiKeyId};
use goalwright_domain::workspace::WorkspaceId;

use super::StorageError;

/// API keys. Their texts are never stored.
#[async_trait]
pub trait ApiKeyRepository: Send + Sync {
    /// Adds one.
    async fn insert(&self, key: &ApiKey) -> Result<(), StorageError>;
    /// One key of the workspace, locked.
    async fn lock(&self, workspace: WorkspaceId, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError>;
    /// Writes that a key is revoked.
    async fn save(&self, key: &ApiKey) -> Result<(), StorageError>;
    /// Notes that a key was used, unless there was a use after `noted`. It is no change, and no event.
    async fn used(&self, id: ApiKeyId, now: Timestamp, noted: Timestamp) -> Result<(), StorageError>;
}
