use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::RunView;
use goalwright_domain::execution::{RunId, RunStatus};
use goalwright_domain::goal::GoalId;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::QueryResult;

use crate::persistence::reader::Reader;
use crate::persistence::row::Row;

/// A run with its latest attempt, which is the one that has its number.
const VIEW: &str = "SELECT r.id, r.task_id, r.trace_id, r.status, r.available_at, a.span_id, a.experience_id, \
                    a.lease_expires_at, a.worker FROM runs r \
                    LEFT JOIN attempts a ON a.run_id = r.id AND a.number = r.attempts";

pub(crate) async fn one(
    reader: &Reader,
    workspace: WorkspaceId,
    id: RunId,
) -> Result<Option<RunView>, Error> {
    let sql = reader
        .sql(VIEW)
        .text(" WHERE r.workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND r.id = ")
        .bind(id.uuid());
    Ok(reader.one(sql).await?.as_ref().map(view).transpose()?)
}

pub(crate) async fn of_goal(
    reader: &Reader,
    workspace: WorkspaceId,
    goal: GoalId,
    limit: u64,
) -> Result<Vec<RunView>, Error> {
    let sql = reader
        .sql(VIEW)
        .text(" JOIN tasks t ON t.id = r.task_id WHERE t.workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND t.goal_id = ")
        .bind(goal.uuid())
        .text(" ORDER BY CASE WHEN r.status IN ('queued', 'running', 'waiting') THEN 0 ELSE 1 END, r.id DESC LIMIT ")
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = reader.all(sql).await?;
    Ok(rows.iter().map(view).collect::<Result<_, StorageError>>()?)
}

fn view(row: &QueryResult) -> Result<RunView, StorageError> {
    let row = Row::of("runs", row);
    Ok(RunView {
        id: row.id("id")?,
        task_id: row.id("task_id")?,
        trace_id: row.get("trace_id")?,
        status: row.word("status", RunStatus::parse)?,
        span_id: row.get("span_id")?,
        experience_id: row.get("experience_id")?,
        available_at: row.time_or_none("available_at")?,
        lease_expires_at: row.time_or_none("lease_expires_at")?,
        worker: row.get("worker")?,
    })
}
