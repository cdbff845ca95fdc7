//! What a person could work on now.

use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::{CANDIDATES, Candidate};
use goalwright_domain::goal::GoalId;
use goalwright_domain::task::TaskStatus;
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

pub(super) fn of(sql: Sql, workspace: WorkspaceId, goal: Option<GoalId>, status: &str) -> Sql {
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
