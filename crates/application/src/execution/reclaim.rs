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
        let ended = self.end_lost(batch).await?;
        if ended > 0 {
            tracing::warn!(attempts.count = ended, "leases expired; their workers are taken for dead");
        }
        Ok(ended)
    }

    /// Settles them, and where that fails halves them down to the culprit, which keeps nobody else from being replaced.
    async fn end_lost(&self, lost: Vec<Settlement>) -> Result<usize, Error> {
        let (mut open, mut ended, mut alone) = (vec![lost], 0, None);
        while let Some(mut batch) = open.pop() {
            match self.settle(&batch).await {
                Ok(answers) => ended += answers.iter().filter(|answer| answer.is_ok()).count(),
                Err(away @ Error::Unavailable { .. }) => return Err(away),
                Err(_) if batch.len() > 1 => {
                    let later = batch.split_off(batch.len() / 2);
                    open.extend([later, batch]);
                }
                Err(error) => {
                    let span = batch.first().map(|one| one.lease.span_id);
                    tracing::error!(span.id = ?span, error = %error, cause = ?std::error::Error::source(&error), "a lost lease cannot be ended");
                    alone = Some(error);
                }
            }
        }
        // One that is alone with its trouble is told of, the others are done.
        match alone {
            Some(error) if ended == 0 => Err(error),
            _ => Ok(ended),
        }
    }
}
