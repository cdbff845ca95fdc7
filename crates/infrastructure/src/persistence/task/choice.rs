//! What a person could work on now.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::{CANDIDATES, Candidate};
use goalwright_domain::goal::GoalId;
use goalwright_domain::task::{TaskId, TaskStatus};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::QueryResult;

use crate::persistence::reader::Reader;
use crate::persistence::row::Row;
use crate::persistence::sql::Sql;

/// The oldest of each kind, with how many wait for each.
pub(crate) async fn candidates(
    reader: &Reader,
    workspace: WorkspaceId,
    goal: Option<GoalId>,
) -> Result<Vec<Candidate>, Error> {
    let select = "SELECT t.id, t.status, t.priority, (SELECT COUNT(*) FROM task_dependencies d WHERE \
                  d.depends_on_task_id = t.id) AS waited_for_by FROM tasks t";
    let waiting = of(reader.sql(select), workspace, goal, "waiting")
        .text(" AND t.waiting ->> 'until' IS NULL ORDER BY t.id LIMIT ")
        .bind(limit());
    let ready = of(reader.sql(select), workspace, goal, "ready")
        .text(" AND EXISTS (SELECT 1 FROM agents a WHERE a.id = t.agent_id AND a.kind = 'human') ORDER BY t.id LIMIT ")
        .bind(limit());
    let mut rows = reader.all(waiting).await?;
    rows.extend(reader.all(ready).await?);
    Ok(rows.iter().map(candidate).collect::<Result<_, StorageError>>()?)
}

fn candidate(row: &QueryResult) -> Result<Candidate, StorageError> {
    let row = Row::of("tasks", row);
    Ok(Candidate {
        id: row.id("id")?,
        status: row.word("status", TaskStatus::parse)?,
        priority: row.get("priority")?,
        waited_for_by: row.get("waited_for_by")?,
    })
}

/// How many are with workers, and how many are pending.
pub(crate) async fn open(
    reader: &Reader,
    workspace: WorkspaceId,
    goal: Option<GoalId>,
) -> Result<(i64, i64), Error> {
    let mut counts = HashMap::new();
    for status in ["ready", "running", "waiting", "pending"] {
        let inner = of(reader.sql("SELECT 1 FROM tasks t"), workspace, goal, status);
        let sql = inner
            .text(" LIMIT ")
            .bind(limit())
            .before("SELECT COUNT(*) AS count FROM (")
            .text(") AS counted");
        let row = reader.one(sql).await?;
        let count = row.map(|row| Row::of("tasks", &row).get("count")).transpose()?.unwrap_or(0);
        counts.insert(status, count);
    }
    Ok((counts["ready"] + counts["running"] + counts["waiting"], counts["pending"]))
}

/// The way from the task back to itself, level by level.
pub(crate) async fn cycle_through(
    reader: &Reader,
    workspace: WorkspaceId,
    id: TaskId,
) -> Result<Vec<TaskId>, Error> {
    let mut from: HashMap<TaskId, TaskId> = HashMap::new();
    let mut level = vec![id];
    while !level.is_empty() {
        let sql = reader
            .sql("SELECT task_id, depends_on_task_id FROM task_dependencies WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND task_id IN ")
            .list(level.iter().map(|id| id.uuid()));
        level = Vec::new();
        for row in &reader.all(sql).await? {
            let row = Row::of("task_dependencies", row);
            let (waits, waited_for): (TaskId, TaskId) = (row.id("task_id")?, row.id("depends_on_task_id")?);
            if waited_for == id {
                let mut way = vec![waits];
                while let Some(before) = from.get(way.last().unwrap_or(&id)) {
                    way.push(*before);
                }
                way.reverse();
                return Ok(way);
            }
            if let Entry::Vacant(unseen) = from.entry(waited_for) {
                unseen.insert(waits);
                level.push(waited_for);
            }
        }
    }
    Ok(Vec::new())
}

fn of(sql: Sql, workspace: WorkspaceId, goal: Option<GoalId>, status: &str) -> Sql {
    let sql =
        sql.text(" WHERE t.workspace_id = ").bind(workspace.uuid()).text(" AND t.status = ").bind(status);
    match goal {
        Some(goal) => sql.text(" AND t.goal_id = ").bind(goal.uuid()),
        None => sql,
    }
}

fn limit() -> i64 {
    i64::try_from(CANDIDATES).unwrap_or(i64::MAX)
}
