use goalwright_domain::execution::{Lease, Outcome};
use uuid::Uuid;

use super::{Kernel, Report, Settlement};
use crate::Error;

/// So many at a time.
const BATCH: usize = 100;

impl Kernel {
    /// Ends attempts whose lease has expired as failed, each with its experience; their runs are queued again, or
    /// wait for a person. Gives how many were ended.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "execution.reclaim", skip_all, level = "debug")]
    pub async fn reclaim(&self) -> Result<usize, Error> {
        let unit = self.ports.transactions.begin().await?;
        let expired = unit.executions().expired(&self.settings.queue, BATCH).await?;
        drop(unit);
        let batch: Vec<Settlement> = expired
            .into_iter()
            .map(|(run_id, span_id, fence, expires_at)| Settlement {
                lease: Lease { run_id, span_id, token: Uuid::nil(), fence, expires_at },
                report: Report::of(Outcome::LeaseLost { unknown_effect: None }),
                expired: true,
            })
            .collect();
        let answers = self.settle(&batch).await?;
        let ended = answers.iter().filter(|answer| answer.is_ok()).count();
        if ended > 0 {
            tracing::warn!(attempts.count = ended, "leases expired; their workers are taken for dead");
        }
        Ok(ended)
    }
}
