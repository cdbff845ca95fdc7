use std::collections::HashSet;

use async_trait::async_trait;
use goalwright_application::ports::{StorageError, TaskRepository};
use goalwright_domain::goal::GoalId;
use goalwright_domain::task::{Dependency, Task, TaskId};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::Value;

use super::{CHANGING, COLUMNS, changing_row, from_row, select, to_row};
use crate::persistence::row::Row;
use crate::persistence::sql::{Sql, batches, insert_many, time, update_many};
use crate::persistence::unit_of_work::Unit;

const EDGE: [&str; 5] = ["workspace_id", "task_id", "depends_on_task_id", "origin", "created_at"];

#[async_trait]
impl TaskRepository for Unit {
    async fn insert_many(&self, tasks: &[Task], edges: &[(TaskId, Dependency)]) -> Result<(), StorageError> {
        let Some(first) = tasks.first() else { return Ok(()) };
        let (workspace, now) = (first.state().workspace_id, first.state().created_at);
        self.run_all(insert_many(self.dialect, "tasks", &COLUMNS, tasks.iter().map(to_row).collect(), ""))
            .await?;
        let rows: Vec<Vec<Value>> = edges
            .iter()
            .map(|(task, edge)| {
                vec![
                    workspace.uuid().into(),
                    task.uuid().into(),
                    edge.task_id.uuid().into(),
                    edge.origin.as_str().into(),
                    time(now),
                ]
            })
            .collect();
        self.run_all(insert_many(self.dialect, "task_dependencies", &EDGE, rows, "")).await.map(|_| ())
    }

    async fn lock_many(&self, ids: &[TaskId]) -> Result<Vec<Task>, StorageError> {
        // Sorted before it is cut, so that two callers with many ids take their batches in the same order.
        let mut ids: Vec<TaskId> = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let mut tasks = Vec::with_capacity(ids.len());
        for batch in batches(&ids) {
            let sql = self
                .sql(&select())
                .text(" WHERE id IN ")
                .list(batch.iter().map(|id| id.uuid()))
                .text(" ORDER BY id")
                .text(self.dialect.lock());
            for row in &self.all(sql).await? {
                tasks.push(from_row(row)?);
            }
        }
        Ok(tasks)
    }

    async fn lock_unassigned(&self, workspace: WorkspaceId, limit: usize) -> Result<Vec<Task>, StorageError> {
        let sql = self
            .sql(&select())
            .text(" WHERE status = 'pending' AND agent_id IS NULL AND workspace_id = ")
            .bind(workspace.uuid())
            .text(" ORDER BY id LIMIT ")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .text(self.dialect.lock());
        self.all(sql).await?.iter().map(from_row).collect()
    }

    async fn save_many(&self, tasks: &[Task]) -> Result<(), StorageError> {
        let rows = tasks.iter().map(changing_row).collect();
        self.run_all(update_many(self.dialect, "tasks", &CHANGING, rows)).await.map(|_| ())
    }

    async fn dependents_of(&self, ids: &[TaskId]) -> Result<Vec<(TaskId, u32)>, StorageError> {
        let mut met = std::collections::HashMap::new();
        for batch in batches(ids) {
            let sql = self
                .sql("SELECT task_id, COUNT(*) AS met FROM task_dependencies WHERE depends_on_task_id IN ")
                .list(batch.iter().map(|id| id.uuid()))
                .text(" GROUP BY task_id");
            for row in &self.all(sql).await? {
                let row = Row::of("task_dependencies", row);
                let count = u32::try_from(row.get::<i64>("met")?).unwrap_or(u32::MAX);
                *met.entry(row.id("task_id")?).or_insert(0) += count;
            }
        }
        Ok(met.into_iter().collect())
    }

    async fn taken_slugs(
        &self,
        workspace: WorkspaceId,
        slugs: &[String],
    ) -> Result<HashSet<String>, StorageError> {
        let head = self
            .sql("SELECT slug AS name FROM tasks WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND slug IN ");
        names(self, head, slugs).await
    }

    async fn taken_keys(&self, goal: GoalId, keys: &[String]) -> Result<HashSet<String>, StorageError> {
        let head =
            self.sql("SELECT key AS name FROM tasks WHERE goal_id = ").bind(goal.uuid()).text(" AND key IN ");
        names(self, head, keys).await
    }
}

async fn names(unit: &Unit, head: Sql, wanted: &[String]) -> Result<HashSet<String>, StorageError> {
    let mut found = HashSet::new();
    // One value is bound already.
    for batch in wanted.chunks(29_000) {
        let sql = head.clone().list(batch.iter().map(String::as_str));
        for row in &unit.all(sql).await? {
            found.insert(Row::of("tasks", row).text("name")?);
        }
    }
    Ok(found)
}
