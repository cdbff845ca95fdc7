//! The dialogues in which models perform runs.

use goalwright_application::ports::{CallStatus, StorageError};
use goalwright_domain::Timestamp;
use goalwright_domain::execution::{Entry, Lease, RunId, SpanId};
use goalwright_domain::workspace::WorkspaceId;

use super::call_status;
use crate::persistence::row::Row;
use crate::persistence::sql::{insert_many, time};
use crate::persistence::unit_of_work::Unit;

const COLUMNS: [&str; 5] = ["run_id", "n", "span_id", "entry", "created_at"];

/// How the latest attempt that made the call left it. A call has the same key in every attempt of its run.
pub(super) async fn earlier_call(
    unit: &Unit,
    run: RunId,
    idempotency_key: &str,
) -> Result<Option<CallStatus>, StorageError> {
    let sql = unit
        .sql("SELECT c.status FROM attempts a JOIN tool_calls c ON c.task_id = a.task_id AND c.span_id = a.span_id WHERE a.run_id = ")
        .bind(run.uuid())
        .text(" AND c.idempotency_key = ")
        .bind(idempotency_key)
        .text(" ORDER BY c.id DESC LIMIT 1");
    unit.one(sql)
        .await?
        .as_ref()
        .map(|row| Row::of("tool_calls", row).word("status", call_status))
        .transpose()
}

pub(super) async fn read(unit: &Unit, run: RunId) -> Result<Vec<(SpanId, Entry)>, StorageError> {
    let sql = unit
        .sql("SELECT span_id, entry FROM dialogue_entries WHERE run_id = ")
        .bind(run.uuid())
        .text(" ORDER BY n");
    let mut entries = Vec::new();
    for row in &unit.all(sql).await? {
        let row = Row::of("dialogue_entries", row);
        // Kept as text: what a model said is sent back to it byte for byte.
        let entry = serde_json::from_str(&row.text("entry")?).map_err(|_| row.corrupt("entry"))?;
        entries.push((row.get("span_id")?, entry));
    }
    Ok(entries)
}

pub(super) async fn write(
    unit: &Unit,
    lease: &Lease,
    from: usize,
    entries: &[Entry],
    now: Timestamp,
) -> Result<(), StorageError> {
    let mut rows = Vec::with_capacity(entries.len());
    for (n, entry) in (from..).zip(entries) {
        let text = serde_json::to_string(entry)
            .map_err(|error| StorageError::Corrupt { what: format!("an entry of a dialogue: {error}") })?;
        rows.push(vec![
            lease.run_id.uuid().into(),
            i64::try_from(n).unwrap_or(i64::MAX).into(),
            lease.span_id.into(),
            text.into(),
            time(now),
        ]);
    }
    unit.run_all(insert_many(unit.dialect, "dialogue_entries", &COLUMNS, rows, "")).await.map(|_| ())
}

pub(super) async fn waiting_for_budget(
    unit: &Unit,
    workspace: WorkspaceId,
    limit: usize,
) -> Result<Vec<RunId>, StorageError> {
    let sql = unit
        .sql("SELECT r.id FROM tasks t JOIN runs r ON r.task_id = t.id WHERE t.workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND t.status = 'waiting' AND t.waiting ->> 'kind' = 'budget' AND r.status = 'waiting' AND r.drives_task ORDER BY r.id LIMIT ")
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    unit.all(sql).await?.iter().map(|row| Row::of("runs", row).id("id")).collect()
}

pub(super) async fn end(unit: &Unit, runs: &[RunId]) -> Result<(), StorageError> {
    let sql = unit.sql("DELETE FROM dialogue_entries WHERE run_id").one_of(runs.iter().map(|id| id.uuid()));
    unit.run(sql).await.map(|_| ())
}
