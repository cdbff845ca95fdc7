//! What is told of ended attempts to whoever watches.

use goalwright_domain::Timestamp;
use goalwright_domain::execution::{Decision, Outcome};

use super::Ended;
use super::book::Book;
use crate::ports::telemetry::{Executed, Telemetry};

/// One for each, once they are decided and before they are written.
pub(super) fn told(
    telemetry: &dyn Telemetry,
    book: &Book,
    decided: &[(Ended, Decision)],
    now: Timestamp,
) -> Vec<Executed> {
    let follows = telemetry.follows_traces();
    let one = |(ended, decision): &(Ended, Decision)| {
        let Ended { run, attempt, report, .. } = ended;
        let slug = || book.tasks.get(&run.task_id).map(|task| task.state().slug.to_string());
        Executed {
            workspace_id: run.workspace_id,
            task_id: run.task_id,
            task_slug: if follows { slug() } else { None },
            run_id: run.id,
            trace_id: run.trace_id,
            request: run.request_trace_id.zip(run.request_span_id),
            span_id: attempt.span_id,
            fence: attempt.fence,
            retry_of: attempt.retry_of,
            attempt: attempt.number,
            agent_id: attempt.agent_id,
            outcome: match &report.outcome {
                Outcome::LeaseLost { .. } => "lease_lost",
                Outcome::Released => "released",
                Outcome::Done { .. }
                | Outcome::Failed { .. }
                | Outcome::GivenUp { .. }
                | Outcome::Suspended(_) => attempt.status.as_str(),
            },
            error: decision.attempt.error.as_ref().map(|error| error.kind.clone()),
            started_at: attempt.started_at,
            performed: report.performed,
            ended_at: attempt.ended_at.unwrap_or(now),
        }
    };
    decided.iter().map(one).collect()
}
