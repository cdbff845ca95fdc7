//! Work that a person did without a claim.

use goalwright_domain::execution::{Attempt, AttemptStatus, Mode, Run, RunStatus, idempotency_key};
use goalwright_domain::experience::Runner;
use goalwright_domain::task::Task;
use goalwright_domain::{Rejection, Timestamp};

use super::consequences::at_a_free_moment;
use super::driving_run;
use crate::context::new_id;
use crate::ports::{Ids, UnitOfWork};
use crate::{Context, Error};

/// An attempt for work that was done without a claim, in the run that waits for it or in a new one.
pub(crate) async fn attempt_by_hand(
    unit: &dyn UnitOfWork,
    ids: &dyn Ids,
    runner: &Runner,
    context: &Context,
    task: &Task,
    run: Option<Run>,
    now: Timestamp,
) -> Result<(Run, Attempt), Error> {
    let person = unit
        .agents()
        .of_member(context.workspace(), context.principal.user_id)
        .await?
        .ok_or_else(|| Rejection::new("no_agent", "you have no human agent in this workspace"))?;
    let known = run.is_some();
    let mut run = match run {
        Some(run) => run,
        None => {
            let queue = goalwright_domain::goal::DEFAULT_QUEUE.to_owned();
            let new = driving_run(ids, task.state(), person.id(), person.kind(), queue, now);
            at_a_free_moment(unit, new).await?
        }
    };
    let scheduled_at = run.scheduled_at.unwrap_or(now);
    run.scheduled_at = Some(scheduled_at);
    run.mode = Mode::Manual;
    if run.request_trace_id.is_none() {
        (run.request_trace_id, run.request_span_id) = (context.trace_id, context.span_id);
    }
    run.status = RunStatus::Running;
    run.available_at = None;
    run.attempts += 1;
    run.fence += 1;
    let attempt = Attempt {
        span_id: ids.random(),
        run_id: run.id,
        workspace_id: run.workspace_id,
        task_id: run.task_id,
        number: run.attempts,
        retry_of: run.last_span,
        idempotency_key: idempotency_key(run.task_id, scheduled_at, run.attempts),
        agent_id: person.id(),
        worker: runner.label(),
        status: AttemptStatus::Running,
        lease_token: Some(new_id::<Attempt>(ids).uuid()),
        lease_expires_at: Some(now),
        fence: run.fence,
        suspension: None,
        recorded: None,
        error: None,
        experience_id: None,
        started_at: now,
        ended_at: None,
    };
    if known {
        unit.executions().save_runs(std::slice::from_ref(&run)).await?;
    } else {
        unit.executions().insert_runs(std::slice::from_ref(&run)).await?;
    }
    unit.executions().insert_attempts(std::slice::from_ref(&attempt)).await?;
    Ok((run, attempt))
}
