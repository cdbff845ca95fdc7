//! Whether the ledger is what was written, and what is taken out of it.

mod redact;

use std::sync::Arc;

use goalwright_domain::ledger::{Broken, EventId, Verifier};
use goalwright_domain::workspace::WorkspaceId;

use crate::Error;
use crate::ports::Ledger;

pub use redact::{Redact, Redacted, Redactor};

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
    /// Those of them whose payload was redacted, which the ledger tells of.
    pub redacted: i64,
    /// Those of them, the first ones, that nobody can verify since the key that they are sealed with was given up for
    /// lost. That their contents agree with their digests is all that is known of them.
    pub unverifiable: i64,
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
        let noted = self.ledger.noted(workspace)?;
        let head = self.ledger.head(workspace).await?;
        let end = head.position;
        let mut verifier = Verifier::new(self.ledger.keys(), workspace, head, &noted);
        let (mut last, mut invalid) = (None, None);
        // What is redacted meanwhile is explained behind the end.
        'following: while verifier.position() < end || verifier.unexplained().is_some() {
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
            let (event_id, position) = match verifier.unexplained() {
                Some((id, position)) => (Some(id), position),
                None => (last, verifier.position()),
            };
            Some(Invalid { event_id, position, reason })
        };
        let first_invalid = invalid.or_else(ended);
        Ok(Verified {
            workspace_id: workspace,
            events: verifier.position(),
            redacted: verifier.redacted(),
            unverifiable: verifier.unverifiable(),
            first_invalid,
        })
    }
}
