//! What belongs to a trace: runs, their attempts, and what these did.

use goalwright_application::Error;
use goalwright_application::ports::{StorageError, ToolCall};
use goalwright_domain::execution::{Attempt, Run, RunId, ScriptRun, SpanId};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::QueryResult;
use uuid::Uuid;

use super::{attempt_from, call_from, run_from, script};
use crate::persistence::reader::Reader;
use crate::persistence::sql::Sql;

pub(crate) async fn runs(
    reader: &Reader,
    workspace: WorkspaceId,
    trace: Uuid,
    most: u64,
) -> Result<Vec<Run>, Error> {
    let mut runs = Vec::new();
    for column in ["trace_id", "request_trace_id"] {
        let sql = reader
            .sql("SELECT * FROM runs WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(&format!(" AND {column} = "))
            .bind(trace);
        runs.extend(read(reader, sql, most, run_from).await?);
    }
    Ok(runs)
}

pub(crate) async fn attempts(reader: &Reader, runs: &[RunId], most: u64) -> Result<Vec<Attempt>, Error> {
    let sql = reader.sql("SELECT * FROM attempts WHERE run_id").one_of(runs.iter().map(|id| id.uuid()));
    read(reader, sql.text(" ORDER BY run_id, number"), most, attempt_from).await
}

pub(crate) async fn calls(reader: &Reader, spans: &[SpanId], most: u64) -> Result<Vec<ToolCall>, Error> {
    let sql = reader
        .sql(
            "SELECT c.* FROM attempts a JOIN tool_calls c ON c.task_id = a.task_id AND c.span_id = a.span_id \
             WHERE a.span_id",
        )
        .one_of(spans.iter().copied());
    read(reader, sql.text(" ORDER BY a.span_id, c.id"), most, call_from).await
}

pub(crate) async fn scripts(reader: &Reader, spans: &[SpanId], most: u64) -> Result<Vec<ScriptRun>, Error> {
    let sql = reader.sql("SELECT * FROM script_runs WHERE span_id").one_of(spans.iter().copied());
    read(reader, sql.text(" ORDER BY span_id, id"), most, script::from_row).await
}

async fn read<T>(
    reader: &Reader,
    sql: Sql,
    most: u64,
    from_row: impl Fn(&QueryResult) -> Result<T, StorageError>,
) -> Result<Vec<T>, Error> {
    let rows = reader.all(sql.text(" LIMIT ").bind(i64::try_from(most).unwrap_or(i64::MAX))).await?;
    Ok(rows.iter().map(from_row).collect::<Result<_, StorageError>>()?)
}
