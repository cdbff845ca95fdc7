//! Runs, attempts and tool calls.

mod dialogue;
pub(crate) mod queries;
mod repository;
pub(crate) mod script;
pub(crate) mod trace;

use goalwright_application::ports::{CallStatus, StorageError, ToolCall};
use goalwright_domain::agent::AgentKind;
use goalwright_domain::execution::{Attempt, AttemptStatus, Effect, Mode, Run, RunStatus};
use sea_orm::{QueryResult, Value};
use serde_json::json;

use super::row::Row;
use super::sql::{self, int, json_or_null, time, time_or_null, uuid_or_null};

pub(super) const RUN: [&str; 23] = [
    "id",
    "workspace_id",
    "task_id",
    "scheduled_at",
    "trace_id",
    "request_trace_id",
    "request_span_id",
    "mode",
    "drives_task",
    "queue",
    "priority",
    "agent_id",
    "performer",
    "status",
    "available_at",
    "attempts",
    "strikes",
    "excused",
    "fence",
    "last_span",
    "suspended",
    "created_at",
    "updated_at",
];
const RUN_CHANGING: [&str; 18] = [
    "id",
    "scheduled_at",
    "request_trace_id",
    "request_span_id",
    "mode",
    "queue",
    "priority",
    "agent_id",
    "performer",
    "status",
    "available_at",
    "attempts",
    "strikes",
    "excused",
    "fence",
    "last_span",
    "suspended",
    "updated_at",
];
const ATTEMPT: [&str; 19] = [
    "span_id",
    "run_id",
    "workspace_id",
    "task_id",
    "number",
    "retry_of",
    "idempotency_key",
    "agent_id",
    "worker",
    "status",
    "lease_token",
    "lease_expires_at",
    "fence",
    "suspension",
    "recorded",
    "error",
    "experience_id",
    "started_at",
    "ended_at",
];
const ATTEMPT_CHANGING: [&str; 11] = [
    "span_id",
    "worker",
    "status",
    "lease_token",
    "lease_expires_at",
    "fence",
    "suspension",
    "recorded",
    "error",
    "experience_id",
    "ended_at",
];
const CALL: [&str; 15] = [
    "id",
    "workspace_id",
    "task_id",
    "span_id",
    "trace_id",
    "tool",
    "operation",
    "effect",
    "idempotency_key",
    "parameters",
    "status",
    "result",
    "error",
    "started_at",
    "ended_at",
];

fn run_row(run: &Run) -> Vec<Value> {
    vec![
        run.id.uuid().into(),
        run.workspace_id.uuid().into(),
        run.task_id.uuid().into(),
        time_or_null(run.scheduled_at),
        run.trace_id.into(),
        uuid_or_null(run.request_trace_id),
        run.request_span_id.map(u64::cast_signed).into(),
        run.mode.as_str().into(),
        run.drives_task.into(),
        run.queue.as_str().into(),
        run.priority.into(),
        run.agent_id.uuid().into(),
        run.performer.as_str().into(),
        run.status.as_str().into(),
        time_or_null(run.available_at),
        int(run.attempts),
        int(run.strikes),
        int(run.excused),
        run.fence.into(),
        uuid_or_null(run.last_span),
        run.suspended.into(),
        time(run.created_at),
        time(run.updated_at),
    ]
}

fn run_changing_row(run: &Run) -> Vec<Value> {
    vec![
        run.id.uuid().into(),
        time_or_null(run.scheduled_at),
        uuid_or_null(run.request_trace_id),
        run.request_span_id.map(u64::cast_signed).into(),
        run.mode.as_str().into(),
        run.queue.as_str().into(),
        run.priority.into(),
        run.agent_id.uuid().into(),
        run.performer.as_str().into(),
        run.status.as_str().into(),
        time_or_null(run.available_at),
        int(run.attempts),
        int(run.strikes),
        int(run.excused),
        run.fence.into(),
        uuid_or_null(run.last_span),
        run.suspended.into(),
        time(run.updated_at),
    ]
}

pub(super) fn run_from(row: &QueryResult) -> Result<Run, StorageError> {
    let row = Row::of("runs", row);
    Ok(Run {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        task_id: row.id("task_id")?,
        scheduled_at: row.time_or_none("scheduled_at")?,
        trace_id: row.get("trace_id")?,
        request_trace_id: row.get("request_trace_id")?,
        request_span_id: row.get::<Option<i64>>("request_span_id")?.map(i64::cast_unsigned),
        mode: row.word("mode", Mode::parse)?,
        drives_task: row.get("drives_task")?,
        queue: row.text("queue")?,
        priority: row.get("priority")?,
        agent_id: row.id("agent_id")?,
        performer: row.word("performer", AgentKind::parse)?,
        status: row.word("status", RunStatus::parse)?,
        available_at: row.time_or_none("available_at")?,
        attempts: row.count("attempts")?,
        strikes: row.count("strikes")?,
        excused: row.count("excused")?,
        fence: row.get("fence")?,
        last_span: row.get("last_span")?,
        suspended: row.get("suspended")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn attempt_row(attempt: &Attempt) -> Vec<Value> {
    vec![
        attempt.span_id.into(),
        attempt.run_id.uuid().into(),
        attempt.workspace_id.uuid().into(),
        attempt.task_id.uuid().into(),
        int(attempt.number),
        uuid_or_null(attempt.retry_of),
        attempt.idempotency_key.as_str().into(),
        attempt.agent_id.uuid().into(),
        attempt.worker.as_str().into(),
        attempt.status.as_str().into(),
        uuid_or_null(attempt.lease_token),
        time_or_null(attempt.lease_expires_at),
        attempt.fence.into(),
        json_or_null(attempt.suspension.as_ref().map(|suspension| json!(suspension))),
        json_or_null(attempt.recorded.as_ref().map(|recorded| json!(recorded))),
        json_or_null(attempt.error.as_ref().map(|error| json!(error))),
        attempt.experience_id.clone().into(),
        time(attempt.started_at),
        time_or_null(attempt.ended_at),
    ]
}

fn attempt_changing_row(attempt: &Attempt) -> Vec<Value> {
    vec![
        attempt.span_id.into(),
        attempt.worker.as_str().into(),
        attempt.status.as_str().into(),
        uuid_or_null(attempt.lease_token),
        time_or_null(attempt.lease_expires_at),
        attempt.fence.into(),
        json_or_null(attempt.suspension.as_ref().map(|suspension| json!(suspension))),
        json_or_null(attempt.recorded.as_ref().map(|recorded| json!(recorded))),
        json_or_null(attempt.error.as_ref().map(|error| json!(error))),
        attempt.experience_id.clone().into(),
        time_or_null(attempt.ended_at),
    ]
}

fn attempt_from(row: &QueryResult) -> Result<Attempt, StorageError> {
    let row = Row::of("attempts", row);
    Ok(Attempt {
        span_id: row.get("span_id")?,
        run_id: row.id("run_id")?,
        workspace_id: row.id("workspace_id")?,
        task_id: row.id("task_id")?,
        number: row.count("number")?,
        retry_of: row.get("retry_of")?,
        idempotency_key: row.text("idempotency_key")?,
        agent_id: row.id("agent_id")?,
        worker: row.text("worker")?,
        status: row.word("status", AttemptStatus::parse)?,
        lease_token: row.get("lease_token")?,
        lease_expires_at: row.time_or_none("lease_expires_at")?,
        fence: row.get("fence")?,
        suspension: row.json_or_none("suspension")?,
        recorded: row.json_or_none("recorded")?,
        error: row.json_or_none("error")?,
        experience_id: row.get("experience_id")?,
        started_at: row.time("started_at")?,
        ended_at: row.time_or_none("ended_at")?,
    })
}

fn call_row(call: &ToolCall) -> Vec<Value> {
    vec![
        call.id.into(),
        call.workspace_id.uuid().into(),
        call.task_id.uuid().into(),
        call.span_id.into(),
        call.trace_id.into(),
        call.tool.as_str().into(),
        call.operation.as_str().into(),
        call.effect.as_str().into(),
        call.idempotency_key.as_str().into(),
        sql::json(call.parameters.clone()),
        call.status.as_str().into(),
        json_or_null(call.result.clone()),
        json_or_null(call.error.as_ref().map(|error| json!(error))),
        time(call.started_at),
        time_or_null(call.ended_at),
    ]
}

fn call_status(text: &str) -> Option<CallStatus> {
    [CallStatus::Intended, CallStatus::Succeeded, CallStatus::Failed, CallStatus::Unknown]
        .into_iter()
        .find(|status| status.as_str() == text)
}

fn call_from(row: &QueryResult) -> Result<ToolCall, StorageError> {
    let row = Row::of("tool_calls", row);
    let effect = |text: &str| {
        [Effect::None, Effect::Idempotent, Effect::Reversible, Effect::Irreversible]
            .into_iter()
            .find(|effect| effect.as_str() == text)
    };
    Ok(ToolCall {
        id: row.get("id")?,
        workspace_id: row.id("workspace_id")?,
        task_id: row.id("task_id")?,
        span_id: row.get("span_id")?,
        trace_id: row.get("trace_id")?,
        tool: row.text("tool")?,
        operation: row.text("operation")?,
        effect: row.word("effect", effect)?,
        idempotency_key: row.text("idempotency_key")?,
        parameters: row.get("parameters")?,
        status: row.word("status", call_status)?,
        result: row.get("result")?,
        error: row.json_or_none("error")?,
        started_at: row.time("started_at")?,
        ended_at: row.time_or_none("ended_at")?,
    })
}
