//! What keeps the database in order, across all workspaces.

mod dependencies;
mod rows;

use std::sync::Arc;

use goalwright_domain::Timestamp;
use goalwright_domain::goal::{GoalId, TaskCounts};
use goalwright_domain::ledger::{Event, Fact};
use goalwright_domain::task::TaskStatus;
use goalwright_domain::workspace::{Actor, WorkspaceId};
use serde_json::{Value, json};

use crate::Error;
use crate::context::events;
use crate::execution::KernelPorts;
use crate::ports::{Clock, Ids, Ledger, Transactions};
use crate::read::Queries;
use crate::retrying::retrying;

pub use dependencies::Miscount;
pub use rows::{Compared, Differing};

/// Looks after what is derived, and compares what is not.
pub struct Maintenance {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

/// The counters of a goal that do not agree with its tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drift {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The goal.
    pub goal: GoalId,
    /// What the counters say.
    pub stored: TaskCounts,
    /// What the tasks say.
    pub actual: TaskCounts,
}

impl Drift {
    /// What has to be added to the counters.
    pub fn shift(&self) -> TaskCounts {
        let mut shift = TaskCounts::default();
        for status in TaskStatus::ALL {
            *shift.of_mut(status) = self.actual.of(status) - self.stored.of(status);
        }
        shift
    }
}

impl Maintenance {
    /// Over these ports.
    pub fn new(ports: &KernelPorts) -> Self {
        let KernelPorts { transactions, queries, ledger, clock, ids, .. } = ports.clone();
        Self { transactions, queries, ledger, clock, ids }
    }

    /// Counts the tasks of every goal anew and gives the goals whose counters differ; unless `dry_run`, the counters agree
    /// afterwards, and an event tells of each. The difference is added instead of the sum being written: what others settle at the same moment
    /// changes tasks and counters alike, and must not be lost.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "maintenance.rebuild_counts", skip_all)]
    pub async fn rebuild_counts(&self, dry_run: bool) -> Result<Vec<Drift>, Error> {
        retrying(|| self.compare(dry_run)).await
    }

    async fn compare(&self, dry_run: bool) -> Result<Vec<Drift>, Error> {
        let unit = self.transactions.begin().await?;
        let drifted = unit.goals().drifted().await?;
        if dry_run || drifted.is_empty() {
            return Ok(drifted);
        }
        let shifts: Vec<(GoalId, TaskCounts)> =
            drifted.iter().map(|drift| (drift.goal, drift.shift())).collect();
        unit.goals().shift_counts(&shifts).await?;
        let now = self.clock.now();
        let told = drifted.iter().flat_map(|drift| {
            let what = json!({"counters": drift.stored, "tasks": drift.actual});
            self.told(drift.workspace, ("goal_counters", drift.goal.to_string()), what, now)
        });
        let told: Vec<Event> = told.collect();
        unit.outbox().append(&told).await?;
        unit.commit().await?;
        Ok(drifted)
    }

    /// That a counter was mended. A counter is no field of what it belongs to, so this is no event of that.
    fn told(
        &self,
        workspace: WorkspaceId,
        (entity_type, entity_id): (&'static str, String),
        metadata: Value,
        now: Timestamp,
    ) -> Vec<Event> {
        let event_type = "counters.mended";
        let fact = Fact { entity_type, entity_id, event_type, changes: json!({}), metadata };
        events(self.ids.as_ref(), workspace, &Actor::system("maintenance"), None, vec![fact], now)
    }
}
