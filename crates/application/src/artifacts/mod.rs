//! Artifacts: keeping what is too large for the record, and reading it again.

use std::sync::Arc;

use goalwright_domain::execution::SpanId;
use goalwright_domain::experience::{ARTIFACT_LIMIT, Artifact};
use goalwright_domain::workspace::WorkspaceId;
use uuid::Uuid;

use crate::execution::KernelPorts;
use crate::ports::{Artifacts as Bytes, Clock, Ids, Transactions};
use crate::read::Queries;
use crate::retrying::retrying;
use crate::{Context, Error};

/// What can be done with artifacts.
#[derive(Clone)]
pub struct Artifacts {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    bytes: Arc<dyn Bytes>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl Artifacts {
    /// Over these ports.
    pub fn new(ports: &KernelPorts) -> Self {
        let KernelPorts { transactions, queries, artifacts, clock, ids, .. } = ports.clone();
        Self { transactions, queries, bytes: artifacts, clock, ids }
    }

    /// Keeps bytes; those that the workspace has already are the artifact that there is.
    ///
    /// # Errors
    /// `TooLarge` beyond [`ARTIFACT_LIMIT`]; `Internal` if there is no room for them; what storage says.
    #[tracing::instrument(name = "artifact.keep", skip_all, fields(artifact.size = bytes.len()))]
    pub async fn keep(
        &self,
        workspace: WorkspaceId,
        span: Option<SpanId>,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Artifact, Error> {
        if bytes.len() > ARTIFACT_LIMIT {
            let message = format!("{} bytes; an artifact has at most {ARTIFACT_LIMIT}", bytes.len());
            return Err(Error::Internal(message.into()));
        }
        let id = self.ids.ordered();
        let artifact = Artifact::of(bytes, media_type, (id, workspace, span), self.clock.now());
        // The bytes first: a row says that they are there.
        let kept = self.bytes.keep(workspace, &artifact.digest, bytes).await;
        kept.map_err(|error| Error::Internal(error.into()))?;
        let known = retrying(|| async {
            let unit = self.transactions.begin().await?;
            let known = unit.experiences().keep_artifact(&artifact).await?;
            unit.commit().await?;
            Ok::<_, Error>(known)
        })
        .await?;
        // Whoever pruned the same bytes a moment ago may have taken them away before the row was there.
        let kept = self.bytes.keep(workspace, &artifact.digest, bytes).await;
        kept.map_err(|error| Error::Internal(error.into()))?;
        Ok(known)
    }

    /// What is known of an artifact.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, context: &Context, id: Uuid) -> Result<Artifact, Error> {
        let found = self.queries.artifact(context.workspace(), id).await?;
        found.ok_or_else(|| Error::not_found("artifact", id))
    }

    /// An artifact with its bytes.
    ///
    /// # Errors
    /// `NotFound`, also where its bytes were redacted; `Internal` if they are gone or are not what they were.
    #[tracing::instrument(name = "artifact.read", skip_all)]
    pub async fn read(&self, context: &Context, id: Uuid) -> Result<(Artifact, Vec<u8>), Error> {
        let artifact = self.get(context, id).await?;
        let bytes = self.bytes.read(artifact.workspace_id, &artifact.digest).await;
        match bytes.map_err(|error| Error::Internal(error.into()))? {
            Some(bytes) if artifact.is(&bytes) => Ok((artifact, bytes)),
            Some(_) => Err(Error::Internal(format!("the bytes of artifact {id} were changed").into())),
            None if artifact.redacted => Err(Error::not_found("content of the redacted artifact", id)),
            None => Err(Error::Internal(format!("the bytes of artifact {id} are gone").into())),
        }
    }
}
