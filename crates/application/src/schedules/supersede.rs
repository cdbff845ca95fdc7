use std::collections::HashMap;

use goalwright_domain::Timestamp;
use goalwright_domain::execution::{ExecutionError, Outcome, Run, RunId, SpanId};
use goalwright_domain::ledger::Fact;
use goalwright_domain::task::{TaskId, TaskStatus};
use goalwright_domain::workspace::Actor;
use serde_json::json;

use super::Schedules;
use super::tick::scheduler;
use crate::Error;
use crate::context::events;
use crate::execution::{Book, Ended, Report, conclude};
use crate::ports::UnitOfWork;

fn superseded() -> ExecutionError {
    ExecutionError::new("Superseded", "a later firing of its schedule took its place", &[])
}

impl Schedules {
    /// Gives up these runs, which are locked, because a later firing takes their place. Attempts under way end with their
    /// experience; whoever performs them loses the lease. A task that was driven by one of them is pending again, if it has
    /// attempts left.
    pub(super) async fn supersede(
        &self,
        unit: &dyn UnitOfWork,
        runs: Vec<Run>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
        let runs: HashMap<RunId, Run> = runs.into_iter().map(|run| (run.id, run)).collect();
        let attempts = unit.schedules().lock_unended(&ids).await?;
        let spans: Vec<SpanId> = attempts.iter().map(|attempt| attempt.span_id).collect();
        // Whether a call that is under way takes effect, nobody will report.
        unit.executions().give_up_calls(&spans, now).await?;
        let error = superseded();
        let ended = attempts.into_iter().filter_map(|attempt| {
            Some(Ended {
                unwritten: false,
                run: runs.get(&attempt.run_id)?.clone(),
                attempt,
                report: Report::of(Outcome::Failed { error: error.clone(), retryable: true }),
                manual: false,
                actor: scheduler(),
            })
        });
        conclude(unit, &*self.ids, &self.runner, ended.collect(), now).await?;
        self.cancel(unit, &ids, now).await
    }

    /// Cancels those that are not over, and withdraws the tasks that they drive.
    async fn cancel(&self, unit: &dyn UnitOfWork, ids: &[RunId], now: Timestamp) -> Result<(), Error> {
        let mut open = unit.executions().lock_runs(ids).await?;
        open.retain(|run| !run.status.is_over());
        let tasks: Vec<TaskId> = open.iter().map(|run| run.task_id).collect();
        let mut book = Book::default();
        book.enter(unit.tasks().lock_many(&tasks).await?);
        let mut told = Vec::new();
        for run in open {
            let task = book.task(run.task_id)?;
            let status = task.status();
            if run.drives_task && status == TaskStatus::Ready {
                let agent = task.state().agent_id;
                // The run does not wait for the task to be ready again: another one takes its place.
                let _cancelled_below = task.withdraw(agent, now)?;
                book.tell(&*self.ids, run.task_id, &Actor::system("kernel"), Some(run.trace_id), now)?;
            }
            if run.drives_task && status == TaskStatus::Waiting {
                // The question was about this run. What comes next is a run beside the task.
                book.task(run.task_id)?.fail(superseded(), json!({"run_id": run.id}), now)?;
                book.tell(&*self.ids, run.task_id, &Actor::system("kernel"), Some(run.trace_id), now)?;
            }
            let fact = Fact {
                entity_type: "run",
                entity_id: run.id.to_string(),
                event_type: "run.cancelled",
                changes: json!({"status": {"from": run.status.as_str(), "to": "cancelled"}}),
                metadata: json!({"task_id": run.task_id, "reason": "superseded"}),
            };
            told.extend(events(
                &*self.ids,
                run.workspace_id,
                &scheduler(),
                Some(run.trace_id),
                vec![fact],
                now,
            ));
            book.cancel_run(run, now);
        }
        book.close(unit, &*self.ids, now).await?;
        Ok(unit.outbox().append(&told).await?)
    }
}
