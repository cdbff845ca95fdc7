//! Lets go of what workspaces do not want to keep any longer, in the background.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use goalwright_domain::Timestamp;
use goalwright_domain::workspace::{Actor, WorkspaceId};

use crate::Error;
use crate::audit::{Prune, Pruned, Pruner, Way};
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
    /// How far each workspace is.
    passes: Mutex<HashMap<WorkspaceId, Pass>>,
}

/// How far a workspace is.
#[derive(Debug, Clone)]
enum Pass {
    /// What was before this moment goes, and was looked at up to here.
    Under(Timestamp, Way),
    /// All of it had been looked at by then.
    Ended(Timestamp),
}

impl Retention {
    /// With this pruner.
    pub fn new(queries: Arc<dyn Queries>, pruner: Pruner, clock: Arc<dyn Clock>) -> Self {
        Self { queries, pruner, clock, passes: Mutex::default() }
    }

    /// Prunes what is due: of each workspace once a day, and in parts, each of which is whole. A pass that was begun goes on
    /// where it was until it has seen everything; one that another process left is finished first. Any number of processes
    /// may do so; they wait for each other from unit to unit, and none finds what another one has pruned. Gives whether more
    /// is left. A workspace whose ledger is broken is told of in the log, and keeps nobody from the others.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "retention.tick", skip_all, level = "debug")]
    pub async fn tick(&self) -> Result<bool, Error> {
        let mut more = false;
        for retained in self.queries.retained().await? {
            let now = self.clock.now();
            let pass = {
                let passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
                passes.get(&retained.workspace_id).cloned()
            };
            let Some((before, mut way)) = due(pass, &retained, now) else { continue };
            let mut pass = Pass::Ended(now);
            match self.prune(&retained, before, &mut way).await {
                Ok(pruned) if pruned.more => {
                    more = true;
                    pass = Pass::Under(before, way);
                }
                Ok(_) => {}
                Err(error @ (Error::Unavailable { .. } | Error::TimedOut { .. })) => return Err(error),
                Err(error) => {
                    tracing::error!(workspace.id = %retained.workspace_id, error = %error, cause = ?std::error::Error::source(&error), "what a workspace does not want to keep could not be pruned");
                }
            }
            let mut passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
            passes.insert(retained.workspace_id, pass);
        }
        Ok(more)
    }

    async fn prune(&self, retained: &Retained, before: Timestamp, way: &mut Way) -> Result<Pruned, Error> {
        let asked = Prune {
            before,
            actor: Actor::system("retention"),
            reason: format!("retention_days is {}", retained.days),
            dry_run: false,
            units: UNITS,
        };
        let pruned = self.pruner.go_on(retained.workspace_id, &asked, way).await?;
        if !pruned.is_nothing() {
            tracing::info!(workspace.id = %retained.workspace_id, events = pruned.events, experiences = pruned.experiences, runs = pruned.runs, "pruned what was kept long enough");
        }
        if pruned.unread > 0 {
            tracing::warn!(workspace.id = %retained.workspace_id, experiences = pruned.unread, "what would go stays until words, links and hooks have read it");
        }
        Ok(pruned)
    }
}

/// Whether it is the workspace's turn: up to which moment it is pruned, and where that goes on.
fn due(pass: Option<Pass>, retained: &Retained, now: Timestamp) -> Option<(Timestamp, Way)> {
    let ends = ends(retained, now);
    // Once a day: each pruning leaves an event of its own.
    let today = retained.ended_before.is_none_or(|before| before + DAY <= ends).then_some(ends);
    let before = match pass {
        // Unless more days are to be kept by now.
        Some(Pass::Under(before, way)) if before <= ends => return Some((before, way)),
        Some(Pass::Ended(at)) if at + AGAIN > now => None,
        Some(_) => today,
        // The checkpoint has its moment from the first unit on: the pass that it is of may have been left unfinished.
        None => today.or(retained.ended_before.map(|before| before.min(ends))),
    };
    before.map(|before| (before, Way::default()))
}

/// What was before is not to be kept.
fn ends(retained: &Retained, now: Timestamp) -> Timestamp {
    now - DAY * retained.days
}

#[cfg(test)]
mod tests {
    use goalwright_domain::Id;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_pass_ends_before_the_next_day_counts() {
        let now: Timestamp = "2026-06-30T12:00:00Z".parse().expect("valid");
        let ends = now - DAY * 10;
        let retained = |ended_before| Retained { workspace_id: Id::new(Uuid::nil()), days: 10, ended_before };
        let turn = |pass, ended_before| due(pass, &retained(ended_before), now).map(|(before, _)| before);
        let (hour, ended) = (Duration::from_secs(3_600), |at| Some(Pass::Ended(at)));
        assert_eq!(turn(None, None), Some(ends));
        // Its first unit has moved the checkpoint, and the rest follows all the same.
        let begun = ends - hour;
        assert_eq!(turn(Some(Pass::Under(begun, Way::default())), Some(begun)), Some(begun));
        let fewer = ends + hour;
        assert_eq!(turn(Some(Pass::Under(fewer, Way::default())), Some(fewer)), None, "it is kept by now");
        // What another process left, or an earlier life of this one.
        assert_eq!(turn(None, Some(begun)), Some(begun));
        assert_eq!(turn(None, Some(fewer)), Some(ends));
        assert_eq!(turn(ended(now - hour * 2), Some(begun)), None, "once a day");
        assert_eq!(turn(ended(now - hour * 2), Some(ends - DAY)), Some(ends));
        assert_eq!(turn(ended(now), Some(ends - DAY)), None, "it rests");
    }
}
