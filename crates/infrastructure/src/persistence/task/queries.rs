use std::collections::HashMap;

use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::{Cursor, Page, PageRequest, TaskFilter, TaskView};
use goalwright_domain::goal::GoalId;
use goalwright_domain::progress::{NAMED_TASKS, Obstacle, Obstacles};
use goalwright_domain::task::{Dependency, Origin, Task, TaskId, TaskStatus};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::QueryResult;
use serde_json::Value;
use uuid::Uuid;

use super::{COLUMNS, from_row, search, select};
use crate::persistence::looking::{Found, Key, Looking, ended_at};
use crate::persistence::reader::Reader;
use crate::persistence::row::Row;
use crate::persistence::schedule;
use crate::persistence::sql::{Sql, bad_cursor, page_rows};

pub(crate) async fn by_id(
    reader: &Reader,
    workspace: WorkspaceId,
    ids: &[TaskId],
) -> Result<Vec<TaskView>, Error> {
    let columns = COLUMNS.map(|column| format!("t.{column}")).join(", ");
    let sql = reader
        .sql(&format!(
            "SELECT {columns}, EXISTS (SELECT 1 FROM task_dependencies d WHERE d.task_id = t.id) AS waits FROM tasks t \
             WHERE t.workspace_id = "
        ))
        .bind(workspace.uuid())
        .text(" AND t.id")
        .one_of(ids.iter().map(|id| id.uuid()));
    let rows = reader.all(sql).await?;
    let mut waiting = Vec::new();
    for row in &rows {
        let row = Row::of("tasks", row);
        if row.get("waits")? {
            waiting.push(row.id("id")?);
        }
    }
    views(reader, &rows, &waiting).await
}

pub(crate) async fn by_slug(
    reader: &Reader,
    workspace: WorkspaceId,
    slug: &str,
) -> Result<Option<TaskId>, Error> {
    let sql = reader
        .sql("SELECT id FROM tasks WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND slug = ")
        .bind(slug);
    Ok(reader.one(sql).await?.map(|row| Row::of("tasks", &row).id("id")).transpose()?)
}

pub(crate) async fn list(
    reader: &Reader,
    workspace: WorkspaceId,
    filter: &TaskFilter,
    page: &PageRequest,
) -> Result<Page<TaskView>, Error> {
    let keys = keys(filter);
    if filter.search.is_none() && filter.slug.is_none() && keys.len() > 1 {
        return looked_for(reader, workspace, keys, page).await;
    }
    let mut last = None;
    let mut sql = match &filter.search {
        None => reader.sql(&select()).text(" WHERE workspace_id = ").bind(workspace.uuid()),
        Some(search) => {
            if !keys.is_empty() || filter.slug.is_some() {
                last = search::last(reader, workspace, search, page).await?;
            }
            search::matching(reader, workspace, search, page, last.as_ref())?
        }
    };
    if let Some(goal) = filter.goal_id {
        sql = sql.text(" AND goal_id = ").bind(goal.uuid());
    }
    if let Some(status) = filter.status {
        sql = sql.text(" AND status = ").bind(status.as_str());
    }
    if let Some(agent) = filter.agent_id {
        sql = sql.text(" AND agent_id = ").bind(agent.uuid());
    }
    if let Some(task_type) = &filter.task_type {
        sql = sql.text(" AND task_type = ").bind(task_type.as_str());
    }
    if let Some(slug) = &filter.slug {
        sql = sql.text(" AND slug = ").bind(slug.as_str());
    }
    let sql = match &filter.search {
        None => sql.before_id(page)?,
        Some(_) => search::newest_first(sql, page)?,
    };
    let rows = reader.all(sql).await?;
    let tasks = views(reader, &rows, &ids_of(&rows)?).await?;
    let mut found = Page::cut(tasks, page.limit, |task| task.state.id.to_string());
    found.next = found.next.or(last.map(|last| Cursor(last.id.to_string())));
    Ok(found)
}

/// What there are indexes for, goals first: they say more than agents and types, of which a tenant may have any number of
/// tasks.
fn keys(filter: &TaskFilter) -> Vec<Key> {
    let status = filter.status.map(|status| ("status", status.as_str().into()));
    let of_goal = filter.goal_id.map(|goal| {
        let goal = ("goal_id", goal.uuid().into());
        std::iter::once(goal).chain(status.clone()).collect()
    });
    let alone = status.filter(|_| filter.goal_id.is_none()).map(|status| vec![status]);
    let agent = filter.agent_id.map(|agent| vec![("agent_id", agent.uuid().into())]);
    let task_type = filter.task_type.as_ref().map(|of| vec![("task_type", of.as_str().into())]);
    of_goal.into_iter().chain(agent).chain(task_type).chain(alone).collect()
}

async fn looked_for(
    reader: &Reader,
    workspace: WorkspaceId,
    keys: Vec<Key>,
    page: &PageRequest,
) -> Result<Page<TaskView>, Error> {
    let behind = page.after.as_ref().map(|cursor| cursor.0.parse::<Uuid>().map_err(|_| bad_cursor()));
    let looking = Looking {
        reader,
        workspace,
        table: "tasks",
        columns: &COLUMNS,
        order: &["id"],
        behind: behind.transpose()?.map(|id| vec![id.into()]),
        cursor: &["id"],
        within: Vec::new(),
        keys,
    };
    let Found { rows, end } = looking.find(page_rows(page)).await?;
    let tasks = views(reader, &rows, &ids_of(&rows)?).await?;
    let mut found = Page::cut(tasks, page.limit, |task| task.state.id.to_string());
    let end = ended_at(end.as_ref(), "tasks", |row| row.get::<Uuid>("id"))?;
    found.next = found.next.or(end.map(|id| Cursor(id.to_string())));
    Ok(found)
}

/// Every task of a goal, oldest first.
pub(crate) async fn of_goal(
    reader: &Reader,
    workspace: WorkspaceId,
    goal: GoalId,
) -> Result<Vec<TaskView>, Error> {
    let sql = reader
        .sql(&select())
        .text(" WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND goal_id = ")
        .bind(goal.uuid())
        .text(" ORDER BY id");
    let rows = reader.all(sql).await?;
    views(reader, &rows, &ids_of(&rows)?).await
}

fn ids_of(rows: &[QueryResult]) -> Result<Vec<TaskId>, StorageError> {
    rows.iter().map(|row| Row::of("tasks", row).id("id")).collect()
}

/// The results of completed tasks, by key.
pub(crate) async fn results(
    reader: &Reader,
    workspace: WorkspaceId,
    goal: GoalId,
    keys: &[String],
) -> Result<Vec<(String, Value)>, Error> {
    let sql = reader
        .sql("SELECT key, result FROM tasks WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND status = 'completed' AND goal_id = ")
        .bind(goal.uuid())
        .text(" AND key")
        .one_of_words(keys.iter().map(String::as_str));
    let rows = reader.all(sql).await?;
    Ok(rows.iter().map(result_from).collect::<Result<_, StorageError>>()?)
}

/// A key with its result.
pub(super) fn result_from(row: &QueryResult) -> Result<(String, Value), StorageError> {
    let row = Row::of("tasks", row);
    Ok((row.text("key")?, row.get::<Option<Value>>("result")?.unwrap_or(Value::Null)))
}

pub(crate) async fn obstacles(
    reader: &Reader,
    workspace: WorkspaceId,
    goal: GoalId,
) -> Result<Obstacles, Error> {
    let of_goal = |condition: &str| in_status(reader, workspace, goal).text(condition);
    let behind = " AND t.status = 'pending' AND EXISTS (SELECT 1 FROM task_dependencies d JOIN tasks w ON w.id = \
                  d.depends_on_task_id WHERE d.task_id = t.id AND w.status IN ('failed', 'cancelled'))";
    // A wait without an end is a wait for a person; its kind says for what.
    let person = " AND t.status = 'waiting' AND t.waiting ->> 'until' IS NULL";
    let waiting_for = async |kind: &str| {
        let condition = " AND t.status = 'waiting' AND t.waiting ->> 'kind' = ";
        obstacle(reader, of_goal(condition).bind(kind)).await
    };
    Ok(Obstacles {
        unassigned: obstacle(
            reader,
            of_goal(" AND t.status = 'pending' AND t.agent_id IS NULL AND t.open_dependencies = 0"),
        )
        .await?,
        // Told apart where it is worth a closer look.
        no_capable_agent: Obstacle::default(),
        tool_unavailable: Obstacle::default(),
        tools: Vec::new(),
        model_unavailable: waiting_for("model").await?,
        budget_exhausted: waiting_for("budget").await?,
        failed: obstacle(reader, of_goal(" AND t.status = 'failed'")).await?,
        behind_failed: obstacle(reader, of_goal(behind)).await?,
        for_person: obstacle(reader, of_goal(person)).await?,
        for_time: waiting_for("time").await?,
    })
}

/// The tasks of a goal, found by their status, which whoever asks adds. Sorting or grouping them is no reason for SQLite to
/// read all of the workspace in an order that suits it.
pub(crate) fn in_status(reader: &Reader, workspace: WorkspaceId, goal: GoalId) -> Sql {
    let sql = reader.sql(" FROM tasks t");
    let index = sql.dialect.reading("ix_tasks_goal_status");
    sql.text(&index)
        .text(" WHERE t.workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND t.goal_id = ")
        .bind(goal.uuid())
}

pub(crate) async fn obstacle(reader: &Reader, from: Sql) -> Result<Obstacle, Error> {
    let named = from.clone().before("SELECT t.id").text(&format!(" ORDER BY t.id LIMIT {}", NAMED_TASKS + 1));
    let rows = reader.all(named).await?;
    let mut task_ids =
        rows.iter().map(|row| Row::of("tasks", row).id("id")).collect::<Result<Vec<TaskId>, _>>()?;
    let mut count = i64::try_from(task_ids.len()).unwrap_or(i64::MAX);
    if task_ids.len() > NAMED_TASKS {
        task_ids.truncate(NAMED_TASKS);
        let row = reader.one(from.before("SELECT COUNT(*) AS count")).await?;
        count = row.map(|row| Row::of("tasks", &row).get("count")).transpose()?.unwrap_or(count);
    }
    Ok(Obstacle { count, task_ids })
}

/// Tasks with their edges, which those that are named have, and their next slots: three statements at most, however many
/// tasks.
async fn views(reader: &Reader, rows: &[QueryResult], waiting: &[TaskId]) -> Result<Vec<TaskView>, Error> {
    let sql = reader
        .sql(
            "SELECT d.task_id, d.depends_on_task_id, d.origin, w.status FROM task_dependencies d \
             JOIN tasks w ON w.id = d.depends_on_task_id WHERE d.task_id",
        )
        .one_of(waiting.iter().map(|id| id.uuid()))
        .text(" ORDER BY d.task_id, d.depends_on_task_id");
    let mut edges: HashMap<TaskId, (Vec<Dependency>, Vec<TaskId>)> = HashMap::new();
    let found = if waiting.is_empty() { Vec::new() } else { reader.all(sql).await? };
    for row in &found {
        let row = Row::of("task_dependencies", row);
        let entry = edges.entry(row.id("task_id")?).or_default();
        let task_id = row.id("depends_on_task_id")?;
        entry.0.push(Dependency { task_id, origin: row.word("origin", Origin::parse)? });
        if !row.word("status", TaskStatus::parse)?.satisfies() {
            entry.1.push(task_id);
        }
    }
    let tasks = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    let recurring: Vec<TaskId> = tasks.iter().filter(|task| task.recurs()).map(Task::id).collect();
    let next = schedule::queries::next_of(reader, &recurring).await?;
    tasks
        .into_iter()
        .map(|task| {
            let (depends_on, blocked_by) = edges.remove(&task.id()).unwrap_or_default();
            Ok(TaskView {
                state: task.state().clone(),
                revision: task.revision(),
                updated_at: task.updated_at(),
                depends_on,
                blocked_by,
                next_run_at: next.get(&task.id()).copied().flatten(),
            })
        })
        .collect()
}
