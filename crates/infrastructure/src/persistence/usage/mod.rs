//! What models cost: calls, sums by day and month, budgets and what is promised of them; versions of prompts.

pub(crate) mod queries;
mod repository;

use goalwright_application::ports::{Amount, Budget, Prompt, StorageError};
use goalwright_domain::Timestamp;
use goalwright_domain::model::Usd;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::QueryResult;
use uuid::Uuid;

use super::row::Row;
use super::sql::{Sql, time};

const BUDGET: &str = "SELECT monthly_nanos, monthly_tokens, revision FROM budgets WHERE workspace_id = ";
const PROMPT: &str = "SELECT version, content, created_by, created_at FROM prompts WHERE workspace_id = ";

fn whole(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn budget(row: &QueryResult) -> Result<Budget, StorageError> {
    let row = Row::of("budgets", row);
    Ok(Budget {
        monthly: row.get::<Option<i64>>("monthly_nanos")?.map(Usd::from_nanos),
        monthly_tokens: row.get::<Option<i64>>("monthly_tokens")?.map(whole),
        revision: row.get("revision")?,
    })
}

fn prompt(row: &QueryResult) -> Result<Prompt, StorageError> {
    let row = Row::of("prompts", row);
    Ok(Prompt {
        version: row.text("version")?,
        content: row.text("content")?,
        created_by: Some(row.id("created_by")?),
        created_at: Some(row.time("created_at")?),
    })
}

fn spent(sql: Sql, workspace: WorkspaceId, month: &str) -> Sql {
    sql.text("SELECT spent_nanos AS nanos, spent_tokens AS tokens FROM budget_months WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND month = ")
        .bind(month)
}

/// Promises that still hold, except to this call.
fn promised(sql: Sql, workspace: WorkspaceId, now: Timestamp, except: Uuid) -> Sql {
    // Sums of BIGINT are NUMERIC on PostgreSQL.
    sql.text(
        "SELECT CAST(coalesce(sum(nanos), 0) AS BIGINT) AS nanos, CAST(coalesce(sum(tokens), 0) AS BIGINT) AS tokens \
         FROM budget_reservations WHERE workspace_id = ",
    )
    .bind(workspace.uuid())
    .text(" AND expires_at > ")
    .bind(time(now))
    .text(" AND id <> ")
    .bind(except)
}

fn amount(row: Option<&QueryResult>) -> Result<Amount, StorageError> {
    let Some(row) = row else { return Ok(Amount::default()) };
    let row = Row::of("budget_months", row);
    Ok(Amount { money: Usd::from_nanos(row.get("nanos")?), tokens: whole(row.get("tokens")?) })
}
