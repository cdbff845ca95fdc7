//! Executions of tasks, as lists and as what figures are made of.

use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::{
    ExecutionFilter, ExecutionStatus, ExecutionView, Measured, Page, PageRequest,
};
use goalwright_domain::Timestamp;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::QueryResult;

use super::{COLUMNS, from_row};
use crate::persistence::reader::Reader;
use crate::persistence::row::Row;
use crate::persistence::sql::{bad_cursor, page_rows, time};

pub(crate) async fn list(
    reader: &Reader,
    workspace: WorkspaceId,
    filter: &ExecutionFilter,
    page: &PageRequest,
) -> Result<Page<ExecutionView>, Error> {
    let columns = COLUMNS.map(|column| format!("e.{column}")).join(", ");
    let mut sql = reader
        .sql(&format!(
            "SELECT {columns}, x.agent_id, x.tool, x.queued_at FROM task_executions x \
             JOIN experiences e ON e.id = x.experience_id WHERE x.workspace_id = "
        ))
        .bind(workspace.uuid());
    if let Some(task_id) = &filter.task_id {
        sql = sql.text(" AND x.task_id = ").bind(task_id.as_str());
    }
    if let Some(slug) = &filter.task_slug {
        sql = sql.text(" AND x.task_slug = ").bind(slug.as_str());
    }
    if let Some(status) = filter.status {
        sql = sql.text(" AND x.status = ").bind(status.as_str());
    }
    if let Some(agent) = filter.agent_id {
        sql = sql.text(" AND x.agent_id = ").bind(agent.uuid());
    }
    if let Some(from) = filter.from {
        sql = sql.text(" AND x.started_at >= ").bind(time(from));
    }
    if let Some(to) = filter.to {
        sql = sql.text(" AND x.started_at < ").bind(time(to));
    }
    if let Some(cursor) = &page.after {
        let (started_at, document) = place(reader, workspace, &cursor.0).await?.ok_or_else(bad_cursor)?;
        sql = sql
            .text(" AND (x.started_at, x.document) < (")
            .bind(time(started_at))
            .text(", ")
            .bind(document)
            .text(")");
    }
    let rows = reader
        .all(sql.text(" ORDER BY x.started_at DESC, x.document DESC LIMIT ").bind(page_rows(page)))
        .await?;
    let views: Vec<ExecutionView> = rows.iter().map(view).collect::<Result<_, StorageError>>()?;
    Ok(Page::cut(views, page.limit, |view| view.experience.id.clone()))
}

/// Where an execution stands in the list.
async fn place(
    reader: &Reader,
    workspace: WorkspaceId,
    experience: &str,
) -> Result<Option<(Timestamp, i64)>, Error> {
    let sql = reader
        .sql(
            "SELECT x.started_at, x.document FROM experience_documents d \
             JOIN task_executions x ON x.document = d.document WHERE d.experience_id = ",
        )
        .bind(experience)
        .text(" AND x.workspace_id = ")
        .bind(workspace.uuid());
    let Some(row) = reader.one(sql).await? else { return Ok(None) };
    let row = Row::of("task_executions", &row);
    Ok(Some((row.time("started_at")?, row.get("document")?)))
}

fn view(row: &QueryResult) -> Result<ExecutionView, StorageError> {
    let experience = from_row(row)?;
    let row = Row::of("task_executions", row);
    Ok(ExecutionView {
        experience,
        agent_id: row.id_or_none("agent_id")?,
        tool: row.get("tool")?,
        queued_at: row.time_or_none("queued_at")?,
        hooks: Vec::new(),
    })
}

pub(crate) async fn measured(
    reader: &Reader,
    workspace: WorkspaceId,
    from: Timestamp,
    to: Timestamp,
    most: u64,
) -> Result<Vec<Measured>, Error> {
    let sql = reader
        .sql(
            "SELECT x.task_id, x.task_slug, x.task_type, x.agent_id, x.tool, x.status, x.attempt, x.duration_ms, \
             x.queued_at, x.started_at FROM task_executions x WHERE x.workspace_id = ",
        )
        .bind(workspace.uuid())
        .text(" AND x.started_at >= ")
        .bind(time(from))
        .text(" AND x.started_at < ")
        .bind(time(to))
        .text(" ORDER BY x.started_at DESC, x.document DESC LIMIT ")
        .bind(i64::try_from(most).unwrap_or(i64::MAX));
    let read = |row| {
        let row = Row::of("task_executions", row);
        Ok(Measured {
            task_id: row.text("task_id")?,
            task_slug: row.text("task_slug")?,
            task_type: row.text("task_type")?,
            agent_id: row.id_or_none("agent_id")?,
            tool: row.get("tool")?,
            status: row.word("status", ExecutionStatus::parse)?,
            attempt: row.count("attempt")?,
            duration_ms: row.get("duration_ms")?,
            queued_at: row.time_or_none("queued_at")?,
            started_at: row.time("started_at")?,
        })
    };
    let rows = reader.all(sql).await?;
    Ok(rows.iter().map(read).collect::<Result<_, StorageError>>()?)
}
