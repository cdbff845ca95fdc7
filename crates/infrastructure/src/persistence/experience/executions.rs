//! Executions of tasks, as lists and as what figures are made of.

use std::collections::HashMap;

use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::{
    Cursor, ExecutionFilter, ExecutionStatus, ExecutionView, Measured, Page, PageRequest,
};
use goalwright_domain::Timestamp;
use goalwright_domain::experience::Experience;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::{QueryResult, Value};

use super::{COLUMNS, from_row, records};
use crate::persistence::looking::{Found, Key, Looking, ended_at};
use crate::persistence::reader::Reader;
use crate::persistence::row::Row;
use crate::persistence::sql::{bad_cursor, page_rows, time};

pub(crate) async fn list(
    reader: &Reader,
    workspace: WorkspaceId,
    filter: &ExecutionFilter,
    page: &PageRequest,
) -> Result<Page<ExecutionView>, Error> {
    let keys = keys(filter);
    if keys.len() > 1 {
        return looked_for(reader, workspace, filter, keys, page).await;
    }
    let columns = COLUMNS.map(|column| format!("e.{column}")).join(", ");
    let mut sql = reader
        .sql(&format!(
            "SELECT {columns}, x.agent_id, x.tool, x.queued_at FROM task_executions x \
             JOIN experiences e ON e.id = x.experience_id WHERE x.workspace_id = "
        ))
        .bind(workspace.uuid());
    for (column, value) in keys.into_iter().flatten() {
        sql = sql.text(&format!(" AND x.{column} = ")).bind(value);
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

/// What there are indexes for, each with the moment: a task has few, an agent may have any number.
fn keys(filter: &ExecutionFilter) -> Vec<Key> {
    let values = [
        ("task_id", filter.task_id.as_deref().map(Value::from)),
        ("task_slug", filter.task_slug.as_deref().map(Value::from)),
        ("agent_id", filter.agent_id.map(|agent| agent.uuid().into())),
        ("status", filter.status.map(|status| status.as_str().into())),
    ];
    values.into_iter().filter_map(|(column, value)| value.map(|value| vec![(column, value)])).collect()
}

async fn looked_for(
    reader: &Reader,
    workspace: WorkspaceId,
    filter: &ExecutionFilter,
    keys: Vec<Key>,
    page: &PageRequest,
) -> Result<Page<ExecutionView>, Error> {
    let behind = match &page.after {
        None => None,
        Some(cursor) => Some(place(reader, workspace, &cursor.0).await?.ok_or_else(bad_cursor)?),
    };
    let moments = [("started_at >=", filter.from), ("started_at <", filter.to)];
    let looking = Looking {
        reader,
        workspace,
        table: "task_executions",
        columns: &["experience_id", "started_at", "document", "agent_id", "tool", "queued_at"],
        order: &["started_at", "document"],
        behind: behind.map(|(started_at, document)| vec![time(started_at), document.into()]),
        cursor: &["experience_id"],
        within: moments.into_iter().filter_map(|(bound, at)| at.map(|at| (bound, time(at)))).collect(),
        keys,
    };
    let Found { rows, end } = looking.find(page_rows(page)).await?;
    let of = |row: &QueryResult| Row::of("task_executions", row).text("experience_id");
    let ids: Vec<String> = rows.iter().map(of).collect::<Result<_, StorageError>>()?;
    let known = !ids.is_empty();
    let experiences = if known { records::of_ids(reader, workspace, &ids).await? } else { Vec::new() };
    let mut experiences: HashMap<String, Experience> =
        experiences.into_iter().map(|experience| (experience.id.clone(), experience)).collect();
    let found = Page::cut(rows.iter().zip(ids).collect(), page.limit, |(_, id)| id.clone());
    let mut items = Vec::new();
    for (row, id) in found.items {
        // What was pruned since is passed over.
        if let Some(experience) = experiences.remove(&id) {
            items.push(shown(experience, row)?);
        }
    }
    let end = ended_at(end.as_ref(), "task_executions", |row| row.text("experience_id"))?;
    Ok(Page { items, next: found.next.or(end.map(Cursor)) })
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
    shown(from_row(row)?, row)
}

/// An execution whose record is this experience.
fn shown(experience: Experience, row: &QueryResult) -> Result<ExecutionView, StorageError> {
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
