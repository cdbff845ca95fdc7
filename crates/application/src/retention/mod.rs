//! Lets go of what workspaces do not want to keep any longer, in the background.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use goalwright_domain::Timestamp;
use goalwright_domain::workspace::{Actor, WorkspaceId};

use crate::Error;
use crate::audit::{Prune, Pruned, Pruner};
use crate::ports::Clock;
use crate::read::{Queries, Retained};

/// A day.
const DAY: Duration = Duration::from_secs(86_400);
/// A workspace is looked at again after so long, whether there was something to do or not.
const AGAIN: Duration = Duration::from_secs(3_600);
/// So many units of one workspace at a time, so that others have their turn.
const UNITS: usize = 20;

/// Prunes workspaces that have set `retention_days`.
pub struct Retention {
    queries: Arc<dyn Queries>,
    pruner: Pruner,
    clock: Arc<dyn Clock>,
    /// When all of a workspace had been looked at last.
    looked: Mutex<HashMap<WorkspaceId, Timestamp>>,
}

impl Retention {
    /// With this pruner.
    pub fn new(queries: Arc<dyn Queries>, pruner: Pruner, clock: Arc<dyn Clock>) -> Self {
        Self { queries, pruner, clock, looked: Mutex::default() }
    }

    /// Prunes what is due: of each workspace once a day, and in parts, each of which is whole. Any number of processes may
    /// do so; they wait for each other from unit to unit, and none finds what another one has pruned. Gives whether more is
    /// left. A workspace whose ledger is broken is told of in the log, and keeps nobody from the others.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "retention.tick", skip_all, level = "debug")]
    pub async fn tick(&self) -> Result<bool, Error> {
        let mut more = false;
        for retained in self.queries.retained().await? {
            let now = self.clock.now();
            if !self.is_due(&retained, now) {
                continue;
            }
            match self.prune(&retained, now).await {
                Ok(pruned) if pruned.more => {
                    more = true;
                    continue;
                }
                Ok(_) => {}
                Err(error @ (Error::Unavailable { .. } | Error::TimedOut { .. })) => return Err(error),
                Err(error) => {
                    tracing::error!(workspace.id = %retained.workspace_id, error = %error, cause = ?std::error::Error::source(&error), "what a workspace does not want to keep could not be pruned");
                }
            }
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            looked.insert(retained.workspace_id, now);
        }
        Ok(more)
    }

    fn is_due(&self, retained: &Retained, now: Timestamp) -> bool {
        let looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let rested = looked.get(&retained.workspace_id).is_none_or(|at| *at + AGAIN <= now);
        // Once a day: each pruning leaves an event of its own.
        rested && retained.ended_before.is_none_or(|before| before + DAY <= ends(retained, now))
    }

    async fn prune(&self, retained: &Retained, now: Timestamp) -> Result<Pruned, Error> {
        let asked = Prune {
            before: ends(retained, now),
            actor: Actor::system("retention"),
            reason: format!("retention_days is {}", retained.days),
            dry_run: false,
            units: UNITS,
        };
        let pruned = self.pruner.prune(retained.workspace_id, &asked).await?;
        if !pruned.is_nothing() {
            tracing::info!(workspace.id = %retained.workspace_id, events = pruned.events, experiences = pruned.experiences, runs = pruned.runs, "pruned what was kept long enough");
        }
        Ok(pruned)
    }
}

/// What was before is not to be kept.
fn ends(retained: &Retained, now: Timestamp) -> Timestamp {
    now - DAY * retained.days
}
