//! Whether the ledger is what was written.

use std::sync::Arc;

use goalwright_domain::ledger::{Broken, EventId, Verifier};
use goalwright_domain::workspace::WorkspaceId;

use crate::Error;
use crate::ports::Ledger;

/// So many events are read at once.
const BATCH: usize = 1_000;

/// Verifies ledgers.
pub struct Audit {
    ledger: Arc<dyn Ledger>,
}

/// What came of verifying one workspace's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Events that are as they were written, from the first one on.
    pub events: i64,
    /// The first thing that is wrong.
    pub first_invalid: Option<Invalid>,
}

/// The first thing that is wrong with a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The event; of a removed tail the last one that is left, and none of an empty ledger.
    pub event_id: Option<EventId>,
    /// Its position.
    pub position: i64,
    /// What is wrong.
    pub reason: Broken,
}

impl Audit {
    /// Over this port.
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger }
    }

    /// Verifies the ledgers of all workspaces, one after the other.
    ///
    /// # Errors
    /// What storage says.
    pub async fn verify_all(&self) -> Result<Vec<Verified>, Error> {
        let mut verified = Vec::new();
        for workspace in self.ledger.workspaces().await? {
            verified.push(self.verify(workspace).await?);
        }
        Ok(verified)
    }

    /// Follows the workspace's ledger from its beginning to where it ends now: recomputes digests and seals, and compares
    /// the end with the head and with what was noted outside the database.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "audit.verify", skip_all)]
    pub async fn verify(&self, workspace: WorkspaceId) -> Result<Verified, Error> {
        let anchor = self.ledger.anchor(workspace)?;
        let head = self.ledger.head(workspace).await?;
        let end = head.position;
        let mut verifier = Verifier::new(self.ledger.key(), workspace, head, anchor);
        let (mut last, mut invalid) = (None, None);
        'following: while verifier.position() < end {
            let links = self.ledger.links(workspace, verifier.position(), BATCH).await?;
            if links.is_empty() {
                break;
            }
            for link in links {
                if let Err(reason) = verifier.follow(&link) {
                    invalid = Some(Invalid { event_id: Some(link.id), position: link.position, reason });
                    break 'following;
                }
                last = Some(link.id);
            }
        }
        let ended = || {
            let reason = verifier.finish().err()?;
            Some(Invalid { event_id: last, position: verifier.position(), reason })
        };
        let first_invalid = invalid.or_else(ended);
        Ok(Verified { workspace_id: workspace, events: verifier.position(), first_invalid })
    }
}
