use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::{HookStatus, HookView};
use goalwright_domain::Timestamp;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::QueryResult;

use crate::persistence::reader::Reader;
use crate::persistence::row::Row;
use crate::persistence::sql::time;

const VIEW: &str = "SELECT experience_id, hook, status, attempts, available_at, error, left_behind, updated_at FROM hook_runs";

/// Those of these hooks that have looked at every execution.
pub(crate) async fn abreast(reader: &Reader, hooks: &[&str]) -> Result<Vec<String>, Error> {
    let sql = reader
        .sql(
            "SELECT p.hook FROM hook_positions p WHERE NOT EXISTS \
             (SELECT 1 FROM task_executions x WHERE x.document > p.document) AND p.hook IN ",
        )
        .list(hooks.iter().copied());
    let name = |row: &QueryResult| Row::of("hook_positions", row).text("hook");
    Ok(reader.all(sql).await?.iter().map(name).collect::<Result<_, StorageError>>()?)
}

pub(crate) async fn any_due(reader: &Reader, now: Timestamp) -> Result<bool, Error> {
    let sql = reader
        .sql("SELECT 1 AS due FROM hook_runs WHERE available_at <= ")
        .bind(time(now))
        .text(" ORDER BY available_at LIMIT 1");
    Ok(reader.one(sql).await?.is_some())
}

/// What runs, or ran, after these executions.
pub(crate) async fn of(
    reader: &Reader,
    workspace: WorkspaceId,
    executions: &[String],
) -> Result<Vec<HookView>, Error> {
    if executions.is_empty() {
        return Ok(Vec::new());
    }
    let sql = reader
        .sql(VIEW)
        .text(" WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND experience_id IN ")
        .list(executions.iter().map(String::as_str))
        .text(" ORDER BY experience_id, hook");
    Ok(reader.all(sql).await?.iter().map(view).collect::<Result<_, StorageError>>()?)
}

/// The latest that failed for good, of all workspaces.
pub(crate) async fn failed(reader: &Reader, most: u64) -> Result<Vec<HookView>, Error> {
    let sql = reader
        .sql(VIEW)
        .text(" WHERE status = 'failed' ORDER BY updated_at DESC, experience_id DESC, hook DESC LIMIT ")
        .bind(i64::try_from(most).unwrap_or(i64::MAX));
    Ok(reader.all(sql).await?.iter().map(view).collect::<Result<_, StorageError>>()?)
}

fn view(row: &QueryResult) -> Result<HookView, StorageError> {
    let row = Row::of("hook_runs", row);
    Ok(HookView {
        experience_id: row.text("experience_id")?,
        hook: row.text("hook")?,
        status: row.word("status", HookStatus::parse)?,
        attempts: row.count("attempts")?,
        available_at: row.time_or_none("available_at")?,
        error: row.get("error")?,
        left_behind: row.json("left_behind")?,
        updated_at: row.time("updated_at")?,
    })
}
