//! What keeps the database in order, across all workspaces.

use std::sync::Arc;

use goalwright_domain::goal::{GoalId, TaskCounts};
use goalwright_domain::task::TaskStatus;

use crate::Error;
use crate::ports::Transactions;
use crate::retrying::retrying;

/// Looks after what is derived.
pub struct Maintenance {
    transactions: Arc<dyn Transactions>,
}

/// The counters of a goal that do not agree with its tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drift {
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
    /// Over this port.
    pub fn new(transactions: Arc<dyn Transactions>) -> Self {
        Self { transactions }
    }

    /// Counts the tasks of every goal anew and gives the goals whose counters differ; unless `dry_run`, the counters agree
    /// afterwards. The difference is added instead of the sum being written: what others settle at the same moment
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
        unit.commit().await?;
        Ok(drifted)
    }
}
