use std::sync::Arc;

use goalwright_application::Error;
use goalwright_application::execution::{Kernel, LeaseLost, Report, Settlement};
use goalwright_domain::execution::{ExecutionError, Outcome};

use crate::group_commit::{Commit, GroupCommit};

/// Settles what is submitted, in groups.
pub(super) type Settler = GroupCommit<Settling>;

pub(super) fn start(kernel: Arc<Kernel>) -> Settler {
    GroupCommit::start("settler", Settling { kernel })
}

/// Outcomes become settlements.
pub(super) struct Settling {
    kernel: Arc<Kernel>,
}

#[async_trait::async_trait]
impl Commit for Settling {
    type Command = Settlement;
    type Answer = ();

    async fn commit(&self, group: &[Settlement]) -> Result<Vec<()>, Error> {
        let answers = self.kernel.settle(group).await?;
        for (settlement, _) in group.iter().zip(&answers).filter(|(_, answer)| **answer == Err(LeaseLost)) {
            tracing::warn!(span.id = %settlement.lease.span_id, "the lease was lost; the report was refused");
        }
        Ok(vec![(); answers.len()])
    }

    /// An outcome that cannot be written is replaced by a failure that can; if that fails too, the lease runs out.
    async fn give_up(&self, settlement: Settlement, error: Error) {
        tracing::error!(span.id = %settlement.lease.span_id, error = %error, cause = ?std::error::Error::source(&error), "an outcome cannot be written");
        let refused = ExecutionError::new(
            "OutcomeNotWritable",
            "the outcome could not be written to the database; the log says why",
            &[],
        );
        let report = Report {
            files_written: settlement.report.files_written,
            ..Report::of(Outcome::Failed { error: refused, retryable: true })
        };
        let plain = [Settlement { lease: settlement.lease, report, expired: false }];
        if let Err(error) = self.kernel.settle(&plain).await {
            tracing::error!(error = %error, "the failure cannot be written either; the lease will run out");
        }
    }
}
