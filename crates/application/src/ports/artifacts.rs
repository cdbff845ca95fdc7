//! Where the bytes of artifacts are.

use async_trait::async_trait;
use goalwright_domain::workspace::WorkspaceId;

/// Why bytes could not be kept or found, in a sentence that names the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ArtifactError(pub String);

/// Keeps bytes under their digest, for each workspace on its own.
///
/// Obligations of an implementation:
///
/// - bytes that were kept survive the process; what is half written is never found;
/// - keeping the same bytes again changes nothing and costs no room;
/// - what was removed can be kept again;
/// - a digest that is none reaches nothing.
#[async_trait]
pub trait Artifacts: Send + Sync {
    /// Keeps bytes under `sha256:…`.
    async fn keep(&self, workspace: WorkspaceId, digest: &str, bytes: &[u8]) -> Result<(), ArtifactError>;
    /// The bytes under `sha256:…`, `None` if there are none.
    async fn read(&self, workspace: WorkspaceId, digest: &str) -> Result<Option<Vec<u8>>, ArtifactError>;
    /// Puts the bytes under `sha256:…` aside, where nobody finds them, until it is known whether they are needed.
    async fn put_aside(&self, workspace: WorkspaceId, digest: &str) -> Result<(), ArtifactError>;
    /// Bytes that were put aside are there again, unless they were kept anew.
    async fn put_back(&self, workspace: WorkspaceId, digest: &str) -> Result<(), ArtifactError>;
    /// Removes bytes that were put aside; `false` if there were none.
    async fn drop_aside(&self, workspace: WorkspaceId, digest: &str) -> Result<bool, ArtifactError>;
    /// Removes the bytes under `sha256:…`; `false` if there were none.
    async fn remove(&self, workspace: WorkspaceId, digest: &str) -> Result<bool, ArtifactError>;
}
