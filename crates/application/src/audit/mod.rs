//! Whether the ledger is what was written, and what is taken out of it.

mod prune;
mod redact;

use std::sync::Arc;

use goalwright_domain::ledger::{Broken, Checkpoint, EventId, Verifier};
use goalwright_domain::workspace::WorkspaceId;

use crate::Error;
use crate::ports::Ledger;

pub use prune::{Prune, Pruned, Pruner, Way};
pub use redact::{Redact, Redacted, Redactor};

/// So many events are read at once.
const BATCH: usize = 1_000;
/// So often a ledger is verified once more of which some was pruned meanwhile.
const AGAIN: usize = 5;

/// Verifies ledgers.
pub struct Audit {
    ledger: Arc<dyn Ledger>,
}

/// What came of verifying one workspace's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Events that are as they were written, from the first one on that is there.
    pub events: i64,
    /// Events before these that were pruned, as the ledger tells.
    pub pruned: i64,
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
    /// The event; of a removed tail the last one that is left, and none of an empty ledger or a checkpoint.
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
    /// the end with the head and with what was noted outside the database. Where something is wrong and the checkpoint moved
    /// meanwhile, what was read before and after does not belong together, and it is done again.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "audit.verify", skip_all)]
    pub async fn verify(&self, workspace: WorkspaceId) -> Result<Verified, Error> {
        let mut checkpoint = self.ledger.checkpoint(workspace).await?;
        for _ in 0..AGAIN {
            let verified = self.verify_behind(workspace, checkpoint.clone()).await?;
            if verified.first_invalid.is_none() {
                return Ok(verified);
            }
            let moved = self.ledger.checkpoint(workspace).await?;
            if moved == checkpoint {
                return Ok(verified);
            }
            checkpoint = moved;
        }
        self.verify_behind(workspace, checkpoint).await
    }

    async fn verify_behind(
        &self,
        workspace: WorkspaceId,
        checkpoint: Option<(Checkpoint, String)>,
    ) -> Result<Verified, Error> {
        let noted = self.ledger.noted(workspace)?;
        // Behind the checkpoint, which an event tells of that is found up to here.
        let head = self.ledger.head(workspace).await?;
        let end = head.position;
        let (mut last, mut invalid) = (None, None);
        let mut verifier = match &checkpoint {
            None => Verifier::new(self.ledger.keys(), workspace, head, &noted),
            Some((kept, mark)) => {
                let begun = Verifier::behind((self.ledger.keys(), workspace), head, &noted, (kept, mark));
                let begun = match begun {
                    Ok(mut verifier) => {
                        self.kept(workspace, kept.position, &mut verifier).await?.map(|()| verifier)
                    }
                    Err(reason) => Err(reason),
                };
                match begun {
                    Ok(verifier) => verifier,
                    Err(reason) => return Ok(not_even_begun(workspace, kept.position, reason)),
                }
            }
        };
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
            events: verifier.position() - verifier.pruned(),
            pruned: verifier.pruned(),
            redacted: verifier.redacted(),
            unverifiable: verifier.unverifiable(),
            first_invalid,
        })
    }

    /// Looks at what is kept at the checkpoint, and that what it stands for is gone.
    async fn kept(
        &self,
        workspace: WorkspaceId,
        position: i64,
        verifier: &mut Verifier<'_>,
    ) -> Result<Result<(), Broken>, Error> {
        let count = self.ledger.not_pruned(workspace, position).await?;
        if count > 0 {
            return Ok(Err(Broken::NotPruned { count }));
        }
        let mut after = None;
        loop {
            let kept = self.ledger.snapshots(workspace, after.take(), BATCH).await?;
            let Some((last, _)) = kept.last() else { return Ok(Ok(())) };
            after = Some((last.entity_type.clone(), last.entity_id.clone()));
            for (snapshot, mark) in &kept {
                if let Err(reason) = verifier.keep(snapshot, mark) {
                    return Ok(Err(reason));
                }
            }
        }
    }
}

/// What stands for the events before the first one is not to be trusted.
fn not_even_begun(workspace_id: WorkspaceId, position: i64, reason: Broken) -> Verified {
    Verified {
        workspace_id,
        events: 0,
        pruned: position,
        redacted: 0,
        unverifiable: 0,
        first_invalid: Some(Invalid { event_id: None, position, reason }),
    }
}
