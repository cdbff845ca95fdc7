//! Artifacts: what is too large for the record.

use goalwright_application::Services;
use goalwright_domain::experience::Artifact;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::answer::{Download, Found};
use crate::auth::{Caller, Read};
use crate::document::Chapter;
use crate::nullable::Nullable;
use crate::problem::Problem;
use crate::tag::Tag;
use crate::values::Moment;

/// Read artifacts.
pub(crate) struct Artifacts(pub(crate) Services);

/// What is known of an artifact.
#[derive(Debug, Object)]
#[oai(rename = "Artifact")]
struct ArtifactBody {
    /// Its id.
    id: Uuid,
    /// `sha256:` of its bytes; a workspace has each once.
    digest: String,
    /// What it is, such as `application/json`.
    media_type: String,
    /// In bytes.
    size: u64,
    /// The attempt that left it first.
    span_id: Nullable<Uuid>,
    /// When it was kept.
    created_at: Moment,
}

#[OpenApi(tag = "Chapter::Experiences")]
impl Artifacts {
    /// Read what is known of an artifact.
    ///
    /// Results that are too large for the record are kept as artifacts; the record names them.
    #[oai(path = "/v1/artifacts/:id", method = "get", operation_id = "get_artifact")]
    async fn get(
        &self,
        caller: Caller<Read>,
        /// The artifact's id.
        id: Path<Uuid>,
    ) -> Result<Found<ArtifactBody>, Problem> {
        let artifact = self.0.artifacts.get(&caller.0, id.0).await?;
        Ok(Found { tag: Tag::of_text(&artifact.digest, 1), body: artifact.into() })
    }

    /// Download an artifact.
    ///
    /// Its bytes, to be saved and not to be shown.
    #[oai(path = "/v1/artifacts/:id/content", method = "get", operation_id = "get_artifact_content")]
    async fn content(
        &self,
        caller: Caller<Read>,
        /// The artifact's id.
        id: Path<Uuid>,
    ) -> Result<Download, Problem> {
        let (artifact, bytes) = self.0.artifacts.read(&caller.0, id.0).await?;
        let ending = if artifact.media_type == "application/json" { "json" } else { "txt" };
        Ok(Download { name: format!("{}.{ending}", artifact.id), bytes })
    }
}

impl From<Artifact> for ArtifactBody {
    fn from(artifact: Artifact) -> Self {
        Self {
            id: artifact.id,
            digest: artifact.digest,
            media_type: artifact.media_type,
            size: artifact.size,
            span_id: artifact.span_id.into(),
            created_at: artifact.created_at.into(),
        }
    }
}
