use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use goalwright_application::Error;
use goalwright_application::execution::{Kernel, LeaseLost, Report, Settlement};
use goalwright_application::ports::{Happening, Telemetry};
use goalwright_domain::execution::{ExecutionError, Outcome};

use crate::group_commit::{Commit, GroupCommit};

/// Settles what is submitted, in groups.
pub(super) type Settler = GroupCommit<Settling>;

pub(super) fn start(kernel: Arc<Kernel>) -> Settler {
    let telemetry = kernel.watched_by();
    GroupCommit::start("settler", Settling { kernel, telemetry })
}

/// Outcomes become settlements.
pub(super) struct Settling {
    kernel: Arc<Kernel>,
    telemetry: Arc<dyn Telemetry>,
}

#[async_trait::async_trait]
impl Commit for Settling {
    type Command = Settlement;
    type Answer = ();

    async fn commit(&self, group: &[Settlement]) -> Result<Vec<()>, Error> {
        // A database that is away for a moment takes no outcome with it. It is tried for as long as a lease holds: then
        // others have taken over what was held.
        let schedule = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(20))
            .with_max_delay(Duration::from_millis(500))
            .without_max_times()
            .with_total_delay(Some(self.kernel.settings().lease))
            .with_jitter();
        let away = |error: &Error| matches!(error, Error::Unavailable { .. });
        let answers = (|| self.kernel.settle(group)).retry(schedule).when(away).await?;
        for (settlement, _) in group.iter().zip(&answers).filter(|(_, answer)| **answer == Err(LeaseLost)) {
            tracing::warn!(span.id = %settlement.lease.span_id, "the lease was lost; the report was refused");
        }
        Ok(vec![(); answers.len()])
    }

    fn begun(&self, waiting: usize) {
        self.telemetry.tell(Happening::Unsettled(waiting));
    }

    /// An outcome that cannot be written is replaced by a failure that can; if that fails too, the lease runs out. So it
    /// does where the database is away: nothing is wrong with the outcome, and what was recorded of it is settled then.
    async fn give_up(&self, settlement: Settlement, error: &Error) {
        tracing::error!(span.id = %settlement.lease.span_id, error = %error, cause = ?std::error::Error::source(error), "an outcome cannot be written");
        if matches!(error, Error::Unavailable { .. }) {
            return;
        }
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
