//! Decompositions.

pub(crate) mod queries;
mod repository;

use goalwright_application::planning::{
    Decomposition, DecompositionStatus, DecompositionSummary, Making, Mode, Planner,
};
use goalwright_application::ports::StorageError;
use goalwright_domain::model::{Usage, Usd};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::{QueryResult, Value};
use serde::Serialize;
use serde_json::json;

use super::row::Row;
use super::sql::{self, json_or_null, time, time_or_null, uuid_or_null};

/// What lists show.
const SUMMARY: [&str; 20] = [
    "id",
    "goal_id",
    "expanded_task_id",
    "status",
    "dry_run",
    "mode",
    "planner",
    "model",
    "prompt_version",
    "usage",
    "attempts",
    "repairs",
    "duration_ms",
    "plan_hash",
    "task_count",
    "edge_count",
    "failure",
    "created_at",
    "decided_at",
    "event_id",
];

/// The rest, which may be large.
const DETAILS: [&str; 7] = ["workspace_id", "basis", "plan", "task_ids", "changes", "findings", "rejected"];

fn columns() -> Vec<&'static str> {
    SUMMARY.into_iter().chain(DETAILS).collect()
}

fn select(columns: &[&str]) -> String {
    format!("SELECT {} FROM decompositions", columns.join(", "))
}

fn number(value: impl TryInto<i64>) -> Value {
    value.try_into().unwrap_or(i64::MAX).into()
}

/// Of types of ours, which have only string keys and finite numbers.
fn stored(value: &impl Serialize) -> Result<Value, StorageError> {
    let value = serde_json::to_value(value);
    value.map(sql::json).map_err(|error| StorageError::Corrupt { what: format!("a decomposition: {error}") })
}

fn to_row(workspace: WorkspaceId, from: &Decomposition) -> Result<Vec<Value>, StorageError> {
    let making = &from.making;
    let goal =
        from.goal_id.ok_or_else(|| StorageError::Corrupt { what: "a decomposition of no goal".into() })?;
    let event = from
        .event_id
        .ok_or_else(|| StorageError::Corrupt { what: "a decomposition without event".into() })?;
    Ok(vec![
        from.id.into(),
        goal.uuid().into(),
        uuid_or_null(from.expanded.map(|id| id.uuid())),
        from.status.as_str().into(),
        from.dry_run.into(),
        from.mode.as_str().into(),
        making.planner.as_str().into(),
        making.model.clone().into(),
        making.prompt_version.clone().into(),
        sql::json(usage(making)),
        number(making.attempts),
        number(making.repairs),
        number(making.duration_ms),
        from.plan_hash.as_str().into(),
        number(from.plan.tasks.len()),
        number(from.plan.dependencies.len()),
        json_or_null(from.failure.as_ref().map(|failure| json!(failure))),
        time(from.created_at),
        time_or_null(from.decided_at),
        event.uuid().into(),
        workspace.uuid().into(),
        from.basis.as_str().into(),
        stored(&from.plan)?,
        stored(&from.task_ids)?,
        stored(&from.changes)?,
        stored(&from.findings)?,
        stored(&making.rejected)?,
    ])
}

fn usage(making: &Making) -> serde_json::Value {
    let Usage { input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens } = making.usage;
    json!({
        "input_tokens": input_tokens, "output_tokens": output_tokens, "cost_tokens": making.usage.cost_tokens(),
        "cache_creation_tokens": cache_creation_tokens, "cache_read_tokens": cache_read_tokens,
        "cache_hit": making.usage.cache_hit(), "cost_usd": making.cost.map(Usd::dollars),
    })
}

fn making(row: &Row<'_>) -> Result<Making, StorageError> {
    let usage: serde_json::Value = row.json("usage")?;
    let count = |column: &str| row.get::<i64>(column).map(|count| u64::try_from(count).unwrap_or_default());
    let small = |column: &str| count(column).map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    Ok(Making {
        planner: row.word("planner", Planner::parse)?,
        model: row.get("model")?,
        prompt_version: row.get("prompt_version")?,
        cost: usage["cost_usd"].as_f64().and_then(Usd::from_dollars),
        usage: serde_json::from_value(usage).unwrap_or_default(),
        attempts: small("attempts")?,
        repairs: small("repairs")?,
        duration_ms: count("duration_ms")?,
        rejected: Vec::new(),
    })
}

fn summary(row: &QueryResult) -> Result<DecompositionSummary, StorageError> {
    let row = Row::of("decompositions", row);
    let count = |column: &str| row.get::<i64>(column).map(|count| u64::try_from(count).unwrap_or_default());
    Ok(DecompositionSummary {
        id: row.get("id")?,
        goal_id: row.id("goal_id")?,
        expanded: row.id_or_none("expanded_task_id")?,
        status: row.word("status", DecompositionStatus::parse)?,
        dry_run: row.get("dry_run")?,
        mode: row.word("mode", Mode::parse)?,
        making: making(&row)?,
        plan_hash: row.text("plan_hash")?,
        tasks: count("task_count")?,
        dependencies: count("edge_count")?,
        failure: row.json_or_none("failure")?,
        created_at: row.time("created_at")?,
        decided_at: row.time_or_none("decided_at")?,
    })
}

fn from_row(row: &QueryResult) -> Result<Decomposition, StorageError> {
    let row = Row::of("decompositions", row);
    Ok(Decomposition {
        id: row.get("id")?,
        kept: true,
        goal_id: Some(row.id("goal_id")?),
        expanded: row.id_or_none("expanded_task_id")?,
        status: row.word("status", DecompositionStatus::parse)?,
        dry_run: row.get("dry_run")?,
        mode: row.word("mode", Mode::parse)?,
        making: Making { rejected: row.json_or_none("rejected")?.unwrap_or_default(), ..making(&row)? },
        plan_hash: row.text("plan_hash")?,
        basis: row.text("basis")?,
        plan: row.json("plan")?,
        task_ids: row.json_or_none("task_ids")?.unwrap_or_default(),
        changes: row.json_or_none("changes")?.unwrap_or_default(),
        findings: row.json("findings")?,
        failure: row.json_or_none("failure")?,
        event_id: Some(row.id("event_id")?),
        created_at: row.time("created_at")?,
        decided_at: row.time_or_none("decided_at")?,
    })
}
