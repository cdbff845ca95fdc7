//! Tasks that nobody has: where they are, and what they need.

use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::Need;
use goalwright_domain::goal::GoalId;
use goalwright_domain::progress::Obstacle;
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::QueryResult;

use crate::persistence::reader::Reader;
use crate::persistence::row::Row;
use crate::persistence::sql::{insert_many, time};
use crate::persistence::task::queries::{in_status, obstacle};
use crate::persistence::unit_of_work::Unit;

/// The most different needs of a goal that are told apart.
const MOST_NEEDS: i64 = 200;

/// The workspaces that have some.
pub(crate) async fn workspaces(reader: &Reader) -> Result<Vec<WorkspaceId>, Error> {
    let sql = reader
        .sql("SELECT DISTINCT t.workspace_id FROM tasks t WHERE t.status = 'pending' AND t.agent_id IS NULL");
    let id = |row: &QueryResult| Row::of("tasks", row).id("workspace_id");
    Ok(reader.all(sql).await?.iter().map(id).collect::<Result<_, StorageError>>()?)
}

/// The oldest of a workspace that were not tried with these agents yet.
pub(crate) async fn untried(
    reader: &Reader,
    workspace: WorkspaceId,
    directory: &str,
    limit: usize,
) -> Result<Vec<TaskId>, Error> {
    let sql = reader.sql("SELECT t.id FROM tasks t");
    let index = sql.dialect.reading("ix_tasks_unassigned");
    let sql = sql
        .text(&index)
        .text(" WHERE t.status = 'pending' AND t.agent_id IS NULL AND t.workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND NOT EXISTS (SELECT 1 FROM unassignable_tasks u WHERE u.task_id = t.id AND u.directory = ")
        .bind(directory)
        .text(") ORDER BY t.id LIMIT ")
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let id = |row: &QueryResult| Row::of("tasks", row).id("id");
    Ok(reader.all(sql).await?.iter().map(id).collect::<Result<_, StorageError>>()?)
}

/// What the tasks of a goal need that have not begun, each need once.
pub(crate) async fn needs(reader: &Reader, workspace: WorkspaceId, goal: GoalId) -> Result<Vec<Need>, Error> {
    let asked = "SELECT t.task_type, t.action ->> 'kind' AS kind, t.action ->> 'tool' AS tool, \
                 t.action ->> 'operation' AS operation, CASE WHEN t.status = 'pending' AND t.agent_id IS NULL AND \
                 t.open_dependencies = 0 THEN 'nobody' ELSE 'somebody' END AS held_by";
    let sql = in_status(reader, workspace, goal)
        .before(asked)
        .text(" AND t.status IN ('pending', 'ready') GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5 LIMIT ")
        .bind(MOST_NEEDS);
    let need = |row: &QueryResult| {
        let row = Row::of("tasks", row);
        let (tool, operation): (Option<String>, Option<String>) = (row.get("tool")?, row.get("operation")?);
        Ok(Need {
            task_type: row.text("task_type")?,
            kind: row.get("kind")?,
            tool: tool.zip(operation),
            unassigned: row.text("held_by")? == "nobody",
        })
    };
    Ok(reader.all(sql).await?.iter().map(need).collect::<Result<_, StorageError>>()?)
}

/// The unassigned tasks of a goal with any of these types and kinds of actions.
pub(crate) async fn with_kinds(
    reader: &Reader,
    workspace: WorkspaceId,
    goal: GoalId,
    kinds: &[(String, Option<String>)],
) -> Result<Obstacle, Error> {
    let pending = " AND t.status = 'pending' AND t.agent_id IS NULL AND t.open_dependencies = 0 AND ";
    let sql =
        kinds.iter().enumerate().fold(in_status(reader, workspace, goal).text(pending), |sql, (n, one)| {
            let sql = sql.text(if n == 0 { "((t.task_type = " } else { " OR (t.task_type = " });
            let sql = sql.bind(one.0.as_str()).text(" AND t.action ->> 'kind' ");
            match &one.1 {
                Some(kind) => sql.text("= ").bind(kind.as_str()).text(")"),
                None => sql.text("IS NULL)"),
            }
        });
    obstacle(reader, sql.text(")")).await
}

/// The tasks of a goal that have not begun and call any of these operations.
pub(crate) async fn with_tools(
    reader: &Reader,
    workspace: WorkspaceId,
    goal: GoalId,
    tools: &[(String, String)],
) -> Result<Obstacle, Error> {
    let open = " AND t.status IN ('pending', 'ready') AND ";
    let sql =
        tools.iter().enumerate().fold(in_status(reader, workspace, goal).text(open), |sql, (n, one)| {
            sql.text(if n == 0 { "((t.action ->> 'tool' = " } else { " OR (t.action ->> 'tool' = " })
                .bind(one.0.as_str())
                .text(" AND t.action ->> 'operation' = ")
                .bind(one.1.as_str())
                .text(")")
        });
    obstacle(reader, sql.text(")")).await
}

/// The tasks of a goal that have not begun, and are for a model to do in its own way.
pub(crate) async fn for_models(
    reader: &Reader,
    workspace: WorkspaceId,
    goal: GoalId,
) -> Result<Obstacle, Error> {
    let open = " AND t.status IN ('pending', 'ready') AND (t.action IS NULL OR t.action ->> 'kind' = 'orchestrated') AND t.agent_id IN \
                (SELECT a.id FROM agents a WHERE a.kind = 'llm' AND a.workspace_id = ";
    let sql = in_status(reader, workspace, goal).text(open).bind(workspace.uuid());
    obstacle(reader, sql.text(")")).await
}

impl Unit {
    /// For which of these tasks it is known that nobody could do them, with who would be needed.
    pub(crate) async fn known_unassignable(
        &self,
        ids: &[TaskId],
    ) -> Result<Vec<(TaskId, String)>, StorageError> {
        let sql = self
            .sql("SELECT task_id, needed FROM unassignable_tasks WHERE task_id")
            .one_of(ids.iter().map(|id| id.uuid()));
        let known = |row: &QueryResult| {
            let row = Row::of("unassignable_tasks", row);
            Ok((row.id("task_id")?, row.text("needed")?))
        };
        self.all(sql).await?.iter().map(known).collect()
    }

    pub(crate) async fn note_unassignable(
        &self,
        workspace: WorkspaceId,
        directory: &str,
        tasks: &[(TaskId, String)],
    ) -> Result<(), StorageError> {
        let now = self.now();
        let rows = tasks.iter().map(|(id, needed)| {
            vec![
                id.uuid().into(),
                workspace.uuid().into(),
                needed.as_str().into(),
                directory.into(),
                time(now),
            ]
        });
        let columns = ["task_id", "workspace_id", "needed", "directory", "tried_at"];
        let anew = " ON CONFLICT (task_id) DO UPDATE SET needed = excluded.needed, directory = excluded.directory, \
                    tried_at = excluded.tried_at";
        self.run_all(insert_many(self.dialect, "unassignable_tasks", &columns, rows.collect(), anew))
            .await
            .map(|_| ())
    }
}
