//! Runs of scripts.

use goalwright_application::ports::StorageError;
use goalwright_domain::execution::{ScriptOutput, ScriptRun, ScriptStatus};
use sea_orm::{QueryResult, Value};

use crate::persistence::row::Row;
use crate::persistence::sql::{time, uuid_or_null};

pub(super) const COLUMNS: [&str; 15] = [
    "id",
    "workspace_id",
    "task_id",
    "span_id",
    "trace_id",
    "command_digest",
    "command",
    "status",
    "exit_code",
    "stdout",
    "stdout_artifact_id",
    "stderr",
    "stderr_artifact_id",
    "duration_ms",
    "started_at",
];

pub(super) fn row(script: &ScriptRun) -> Vec<Value> {
    vec![
        script.id.into(),
        script.workspace_id.uuid().into(),
        script.task_id.uuid().into(),
        script.span_id.into(),
        script.trace_id.into(),
        script.command_digest.as_str().into(),
        script.command.as_str().into(),
        script.status.as_str().into(),
        Value::from(script.exit_code),
        script.stdout.text.as_str().into(),
        uuid_or_null(script.stdout.artifact_id),
        script.stderr.text.as_str().into(),
        uuid_or_null(script.stderr.artifact_id),
        i64::try_from(script.duration_ms).unwrap_or(i64::MAX).into(),
        time(script.started_at),
    ]
}

pub(super) fn from_row(row: &QueryResult) -> Result<ScriptRun, StorageError> {
    let row = Row::of("script_runs", row);
    let output = |text: &str, artifact: &str| {
        Ok(ScriptOutput { text: row.text(text)?, artifact_id: row.get(artifact)? })
    };
    Ok(ScriptRun {
        id: row.get("id")?,
        workspace_id: row.id("workspace_id")?,
        task_id: row.id("task_id")?,
        span_id: row.get("span_id")?,
        trace_id: row.get("trace_id")?,
        command_digest: row.text("command_digest")?,
        command: row.text("command")?,
        status: row.word("status", ScriptStatus::parse)?,
        exit_code: row.get("exit_code")?,
        stdout: output("stdout", "stdout_artifact_id")?,
        stderr: output("stderr", "stderr_artifact_id")?,
        duration_ms: row.get::<i64>("duration_ms")?.try_into().unwrap_or(0),
        started_at: row.time("started_at")?,
    })
}
