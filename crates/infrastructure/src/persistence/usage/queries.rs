use std::time::Duration;

use goalwright_application::Error;
use goalwright_application::ports::{Amount, Budget, ModelCall, Prompt, StorageError};
use goalwright_application::usage::{MOST_LINES, UsageBy, UsageRow};
use goalwright_domain::model::{Usage, Usd};
use goalwright_domain::workspace::WorkspaceId;
use goalwright_domain::{Id, Timestamp};
use sea_orm::QueryResult;
use uuid::Uuid;

use super::{BUDGET, PROMPT, amount, promised, signed, spent, whole};
use crate::persistence::reader::Reader;
use crate::persistence::row::Row;

pub(crate) async fn budget(reader: &Reader, workspace: WorkspaceId) -> Result<Option<Budget>, Error> {
    let sql = reader.sql(BUDGET).bind(workspace.uuid());
    Ok(reader.one(sql).await?.as_ref().map(super::budget).transpose()?)
}

pub(crate) async fn committed(
    reader: &Reader,
    workspace: WorkspaceId,
    month: &str,
    now: Timestamp,
) -> Result<(Amount, Amount), Error> {
    // First what is promised: what is settled in between is counted twice then, and never not at all.
    let reserved = reader.one(promised(reader.sql(""), workspace, now, Uuid::nil())).await?;
    let before = reader.one(spent(reader.sql(""), workspace, month)).await?;
    Ok((amount(before.as_ref())?, amount(reserved.as_ref())?))
}

pub(crate) async fn calls_in(
    reader: &Reader,
    workspace: WorkspaceId,
    traces: &[Uuid],
    most: u64,
) -> Result<Vec<ModelCall>, Error> {
    let sql = reader
        .sql(
            "SELECT id, purpose, span_id, model, attempts, input_tokens, output_tokens, cache_creation_tokens, \
             cache_read_tokens, cost_nanos, took_ms, created_at FROM model_calls WHERE trace_id",
        )
        .one_of(traces.iter().copied())
        .text(" AND workspace_id = ")
        .bind(workspace.uuid())
        .text(" ORDER BY id LIMIT ")
        .bind(i64::try_from(most).unwrap_or(i64::MAX));
    let rows = reader.all(sql).await?;
    Ok(rows.iter().map(call).collect::<Result<_, StorageError>>()?)
}

fn call(row: &QueryResult) -> Result<ModelCall, StorageError> {
    let row = Row::of("model_calls", row);
    let count = |column: &str| Ok::<u64, StorageError>(whole(row.get(column)?));
    Ok(ModelCall {
        id: row.get("id")?,
        purpose: row.text("purpose")?,
        span_id: row.get("span_id")?,
        model: row.text("model")?,
        attempts: u32::try_from(row.get::<i64>("attempts")?).unwrap_or_default(),
        usage: Usage {
            input_tokens: count("input_tokens")?,
            output_tokens: count("output_tokens")?,
            cache_creation_tokens: count("cache_creation_tokens")?,
            cache_read_tokens: count("cache_read_tokens")?,
        },
        cost: row.get::<Option<i64>>("cost_nanos")?.map(Usd::from_nanos),
        took: row.get::<Option<i64>>("took_ms")?.map(|took| Duration::from_millis(whole(took))),
        ended_at: row.time("created_at")?,
    })
}

pub(crate) async fn sums(
    reader: &Reader,
    workspace: WorkspaceId,
    by: UsageBy,
    from: &str,
    to: &str,
) -> Result<Vec<UsageRow>, Error> {
    let (column, order) = match by {
        UsageBy::Model => ("model", "cost_nanos DESC, model"),
        UsageBy::Goal => ("goal_id", "cost_nanos DESC, goal_id"),
        UsageBy::Day => ("day", "day"),
    };
    let sum = |name: &str| format!("CAST(sum({name}) AS BIGINT) AS {name}");
    let sums = [
        "calls",
        "input_tokens",
        "output_tokens",
        "cache_creation_tokens",
        "cache_read_tokens",
        "cost_nanos",
        "unpriced_calls",
    ]
    .map(sum)
    .join(", ");
    let sql = reader
        .sql(&format!("SELECT * FROM (SELECT {column}, {sums} FROM usage_days WHERE workspace_id = "))
        .bind(workspace.uuid())
        .text(" AND day >= ")
        .bind(from)
        .text(" AND day <= ")
        .bind(to)
        .text(&format!(" GROUP BY {column}) sums ORDER BY {order} LIMIT "))
        .bind(signed(MOST_LINES));
    let rows = reader.all(sql).await?;
    Ok(rows.iter().map(|found| row(by, found)).collect::<Result<_, _>>()?)
}

fn row(by: UsageBy, row: &QueryResult) -> Result<UsageRow, StorageError> {
    let row = Row::of("usage_days", row);
    let count = |column: &str| row.get::<i64>(column).map(whole);
    let (name, goal_id) = match by {
        UsageBy::Model => (row.text("model")?, None),
        UsageBy::Day => (row.text("day")?, None),
        UsageBy::Goal => {
            let goal = row.get::<Uuid>("goal_id")?;
            let goal = Some(goal).filter(|id| !id.is_nil());
            (goal.map(|id| id.to_string()).unwrap_or_default(), goal.map(Id::new))
        }
    };
    Ok(UsageRow {
        name,
        goal_id,
        calls: count("calls")?,
        usage: Usage {
            input_tokens: count("input_tokens")?,
            output_tokens: count("output_tokens")?,
            cache_creation_tokens: count("cache_creation_tokens")?,
            cache_read_tokens: count("cache_read_tokens")?,
        },
        cost: Usd::from_nanos(row.get("cost_nanos")?),
        unpriced_calls: count("unpriced_calls")?,
    })
}

pub(crate) async fn prompt(
    reader: &Reader,
    workspace: WorkspaceId,
    version: &str,
) -> Result<Option<Prompt>, Error> {
    let sql = reader.sql(PROMPT).bind(workspace.uuid()).text(" AND version = ").bind(version);
    Ok(reader.one(sql).await?.as_ref().map(super::prompt).transpose()?)
}

pub(crate) async fn prompts(reader: &Reader, workspace: WorkspaceId) -> Result<Vec<Prompt>, Error> {
    let sql = reader.sql(PROMPT).bind(workspace.uuid()).text(" ORDER BY version");
    Ok(reader.all(sql).await?.iter().map(super::prompt).collect::<Result<_, _>>()?)
}
