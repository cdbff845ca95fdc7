use std::collections::HashMap;

use goalwright_domain::Timestamp;
use goalwright_domain::execution::{Attempt, AttemptStatus, Lease, Outcome, Run, RunId, SpanId};
use goalwright_domain::ledger::Fact;
use goalwright_domain::workspace::Actor;
use serde_json::json;

use super::{Ended, Kernel, Report, conclude};
use crate::Error;
use crate::context::events;
use crate::ports::{Happening, UnitOfWork};
use crate::retrying::retrying;

/// An outcome, and by which right it is reported.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The attempt it is about.
    pub lease: Lease,
    /// What happened.
    pub report: Report,
    /// The report is the kernel's own, because the lease ran out at `lease.expires_at`.
    pub expired: bool,
}

/// The lease is not this holder's any more: nothing of the report was written but an event that tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lease is lost")]
pub struct LeaseLost;

impl Kernel {
    /// Writes a batch of outcomes with all their consequences, all or nothing. A lost lease is an answer of its own,
    /// not an error of the batch. The answers are in the order of the batch.
    ///
    /// # Errors
    /// What storage says; then nothing was written.
    #[tracing::instrument(name = "execution.settle", skip_all, level = "debug", fields(batch.size = batch.len()))]
    pub async fn settle(&self, batch: &[Settlement]) -> Result<Vec<Result<(), LeaseLost>>, Error> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let answers = retrying(|| self.settle_once(batch)).await?;
        self.telemetry().tell(Happening::Settled(batch.len()));
        self.ports.signals.work_changed();
        self.ports.signals.events_appended();
        Ok(answers)
    }

    async fn settle_once(&self, batch: &[Settlement]) -> Result<Vec<Result<(), LeaseLost>>, Error> {
        let unit = self.ports.transactions.begin().await?;
        let run_ids: Vec<RunId> = batch.iter().map(|settlement| settlement.lease.run_id).collect();
        let spans: Vec<SpanId> = batch.iter().map(|settlement| settlement.lease.span_id).collect();
        let mut runs: HashMap<RunId, Run> =
            unit.executions().lock_runs(&run_ids).await?.into_iter().map(|run| (run.id, run)).collect();
        let mut attempts: HashMap<SpanId, Attempt> =
            unit.executions().lock_attempts(&spans).await?.into_iter().map(|a| (a.span_id, a)).collect();
        let now = self.clock().now();

        let (mut ended, mut late, mut answers) = (Vec::new(), Vec::new(), Vec::with_capacity(batch.len()));
        for settlement in batch {
            let held =
                attempts.get(&settlement.lease.span_id).is_some_and(|attempt| holds(attempt, settlement));
            let pair = if held {
                // Taken out, so that the same attempt in one batch twice is settled once.
                runs.remove(&settlement.lease.run_id).zip(attempts.remove(&settlement.lease.span_id))
            } else {
                None
            };
            answers.push(if pair.is_some() { Ok(()) } else { Err(LeaseLost) });
            match pair {
                Some((run, attempt)) => ended.push(Ended {
                    unwritten: false,
                    manual: false,
                    actor: Actor::agent(attempt.agent_id),
                    run,
                    attempt,
                    report: settlement.report.clone(),
                }),
                None if settlement.expired => {}
                None => late.push(settlement),
            }
        }
        recover_recorded(&mut ended);
        self.tell_of_unknown_calls(&*unit, &mut ended, now).await?;
        for settlement in late {
            self.record_late_report(&*unit, settlement, now).await?;
        }
        conclude(&*unit, self.ids(), &self.runner, ended, now).await?;
        unit.commit().await?;
        Ok(answers)
    }

    /// A worker that vanished may have begun a call: it becomes `unknown`, and if it cannot be undone, the outcome
    /// says so.
    async fn tell_of_unknown_calls(
        &self,
        unit: &dyn UnitOfWork,
        ended: &mut [Ended],
        now: Timestamp,
    ) -> Result<(), Error> {
        let lost: Vec<SpanId> = ended
            .iter()
            .filter(|ended| matches!(ended.report.outcome, Outcome::LeaseLost { .. }))
            .map(|ended| ended.attempt.span_id)
            .collect();
        if lost.is_empty() {
            return Ok(());
        }
        for call in unit.executions().give_up_calls(&lost, now).await? {
            if call.effect != goalwright_domain::execution::Effect::Irreversible {
                continue;
            }
            if let Some(ended) = ended.iter_mut().find(|ended| ended.attempt.span_id == call.span_id) {
                let name = format!("`{}.{}`", call.tool, call.operation);
                ended.report.outcome = Outcome::LeaseLost { unknown_effect: Some(name) };
            }
        }
        Ok(())
    }

    /// What a worker reported too late is refused, and recorded.
    async fn record_late_report(
        &self,
        unit: &dyn UnitOfWork,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(attempt) = unit.executions().lock_attempts(&[settlement.lease.span_id]).await?.pop() else {
            return Ok(());
        };
        let Some(run) = unit.executions().lock_runs(&[attempt.run_id]).await?.pop() else { return Ok(()) };
        let outcome = match &settlement.report.outcome {
            Outcome::Done { .. } => "done",
            Outcome::Failed { .. } | Outcome::GivenUp { .. } => "failed",
            Outcome::Released => "released",
            Outcome::Suspended(_) => "suspended",
            Outcome::LeaseLost { .. } => "lease_lost",
        };
        let fact = Fact {
            entity_type: "run",
            entity_id: run.id.to_string(),
            event_type: "run.report_refused",
            changes: json!({}),
            metadata: json!({
                "task_id": attempt.task_id, "span_id": attempt.span_id, "outcome": outcome,
                "fence": settlement.lease.fence, "current_fence": run.fence,
                "files_written": settlement.report.files_written,
            }),
        };
        let actor = Actor::agent(attempt.agent_id);
        let told = events(self.ids(), attempt.workspace_id, &actor, Some(run.trace_id), vec![fact], now);
        Ok(unit.outbox().append(&told).await?)
    }
}

/// A worker that died after its effect and before its settlement left what is to be settled.
fn recover_recorded(ended: &mut [Ended]) {
    for ended in ended {
        if matches!(ended.report.outcome, Outcome::LeaseLost { .. })
            && let Some(recorded) = ended.attempt.recorded.take()
        {
            ended.report.outcome = Outcome::Done { result: recorded.result, summary: None, partial: false };
            ended.report.files_written = recorded.files_written;
            ended.report.scripts = recorded.scripts;
        }
    }
}

fn holds(attempt: &Attempt, settlement: &Settlement) -> bool {
    attempt.status == AttemptStatus::Running
        && attempt.fence == settlement.lease.fence
        && if settlement.expired {
            // A heartbeat between finding it and locking it would have moved the end.
            attempt.lease_expires_at == Some(settlement.lease.expires_at)
        } else {
            attempt.lease_token == Some(settlement.lease.token)
        }
}
