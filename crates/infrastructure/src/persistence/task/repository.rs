use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use goalwright_application::maintenance::Miscount;
use goalwright_application::ports::{StorageError, TaskRepository};
use goalwright_domain::Timestamp;
use goalwright_domain::agent::AgentId;
use goalwright_domain::goal::GoalId;
use goalwright_domain::task::{Dependency, Origin, Task, TaskId, TaskStatus};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::Value;
use uuid::Uuid;

use super::{CHANGING, COLUMNS, REWRITTEN, changing_row, from_row, rewritten_row, select, to_row};
use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, batches, insert_many, int, time, update_many};
use crate::persistence::unit_of_work::Unit;

const EDGE: [&str; 5] = ["workspace_id", "task_id", "depends_on_task_id", "origin", "created_at"];

#[async_trait]
impl TaskRepository for Unit {
    async fn small_results(
        &self,
        goal: GoalId,
        keys: &[String],
        bytes: usize,
    ) -> Result<Vec<(String, serde_json::Value)>, StorageError> {
        let sql = self
            .sql("SELECT key, result FROM tasks WHERE status = 'completed' AND goal_id = ")
            .bind(goal.uuid())
            .text(" AND key")
            .one_of_words(keys.iter().map(String::as_str))
            .text(" AND COALESCE(LENGTH(CAST(result AS TEXT)), 0) <= ")
            .bind(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.all(sql).await?.iter().map(super::queries::result_from).collect()
    }

    async fn insert_many(&self, tasks: &[Task], edges: &[(TaskId, Dependency)]) -> Result<(), StorageError> {
        let Some(first) = tasks.first() else { return Ok(()) };
        let (workspace, now) = (first.state().workspace_id, first.state().created_at);
        self.run_all(insert_many(self.dialect, "tasks", &COLUMNS, tasks.iter().map(to_row).collect(), ""))
            .await?;
        let rows = edge_rows(workspace, edges, now);
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
                .text(" WHERE id")
                .one_of(batch.iter().map(|id| id.uuid()))
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
            .text(&self.dialect.reading("ix_tasks_unassigned"))
            .text(" WHERE status = 'pending' AND agent_id IS NULL AND workspace_id = ")
            .bind(workspace.uuid())
            .text(" ORDER BY id LIMIT ")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .text(self.dialect.lock());
        self.all(sql).await?.iter().map(from_row).collect()
    }

    async fn save_many(&self, tasks: &[Task]) -> Result<(), StorageError> {
        let rows = tasks.iter().map(changing_row).collect();
        self.run_later("tasks", tasks.len(), update_many(self.dialect, "tasks", &CHANGING, rows)).await
    }

    async fn lock_of_goal(&self, goal: GoalId) -> Result<Vec<Task>, StorageError> {
        let sql = self
            .sql(&select())
            .text(" WHERE goal_id = ")
            .bind(goal.uuid())
            .text(" ORDER BY id")
            .text(self.dialect.lock());
        self.all(sql).await?.iter().map(from_row).collect()
    }

    async fn open_of(
        &self,
        workspace: WorkspaceId,
        agent: AgentId,
        limit: usize,
    ) -> Result<Vec<TaskId>, StorageError> {
        let sql = self
            .sql("SELECT id FROM tasks WHERE status IN ('pending', 'ready') AND workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND agent_id = ")
            .bind(agent.uuid())
            .text(" ORDER BY id LIMIT ")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        self.all(sql).await?.iter().map(|row| Row::of("tasks", row).id("id")).collect()
    }

    async fn in_goal(&self, goal: GoalId, statuses: &[TaskStatus]) -> Result<Vec<TaskId>, StorageError> {
        let sql = self
            .sql("SELECT id FROM tasks WHERE goal_id = ")
            .bind(goal.uuid())
            .text(" AND status IN ")
            .list(statuses.iter().map(|status| status.as_str()))
            .text(" ORDER BY id");
        self.all(sql).await?.iter().map(|row| Row::of("tasks", row).id("id")).collect()
    }

    async fn rewrite_many(&self, tasks: &[Task]) -> Result<(), StorageError> {
        let rows = tasks.iter().map(rewritten_row).collect();
        self.run_all(update_many(self.dialect, "tasks", &REWRITTEN, rows)).await.map(|_| ())
    }

    async fn delete_many(&self, ids: &[TaskId]) -> Result<(), StorageError> {
        for batch in batches(ids) {
            let sql = self.sql("DELETE FROM tasks WHERE id").one_of(batch.iter().map(|id| id.uuid()));
            self.run(sql).await?;
        }
        Ok(())
    }

    async fn known_unassignable(&self, ids: &[TaskId]) -> Result<Vec<(TaskId, String)>, StorageError> {
        self.known_unassignable(ids).await
    }

    async fn note_unassignable(
        &self,
        workspace: WorkspaceId,
        directory: &str,
        tasks: &[(TaskId, String)],
    ) -> Result<(), StorageError> {
        self.note_unassignable(workspace, directory, tasks).await
    }

    async fn forget_unassignable(&self, ids: &[TaskId]) -> Result<(), StorageError> {
        for batch in batches(ids) {
            let sql = self
                .sql("DELETE FROM unassignable_tasks WHERE task_id")
                .one_of(batch.iter().map(|id| id.uuid()));
            self.run(sql).await?;
        }
        Ok(())
    }

    async fn edges_of(&self, ids: &[TaskId]) -> Result<Vec<(TaskId, Dependency)>, StorageError> {
        let mut edges = Vec::new();
        for batch in batches(ids) {
            let sql = self
                .sql("SELECT task_id, depends_on_task_id, origin FROM task_dependencies WHERE task_id")
                .one_of(batch.iter().map(|id| id.uuid()))
                .text(" ORDER BY task_id, depends_on_task_id");
            for row in &self.all(sql).await? {
                let row = Row::of("task_dependencies", row);
                let edge = Dependency {
                    task_id: row.id("depends_on_task_id")?,
                    origin: row.word("origin", Origin::parse)?,
                };
                edges.push((row.id("task_id")?, edge));
            }
        }
        Ok(edges)
    }

    async fn change_edges(
        &self,
        workspace: WorkspaceId,
        added: &[(TaskId, Dependency)],
        removed: &[(TaskId, TaskId)],
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let mut by_task: BTreeMap<TaskId, Vec<TaskId>> = BTreeMap::new();
        for (task, waited_for) in removed {
            by_task.entry(*task).or_default().push(*waited_for);
        }
        for (task, waited_for) in by_task {
            let sql = self
                .sql("DELETE FROM task_dependencies WHERE task_id = ")
                .bind(task.uuid())
                .text(" AND depends_on_task_id")
                .one_of(waited_for.iter().map(|id| id.uuid()));
            self.run(sql).await?;
        }
        let rows = edge_rows(workspace, added, now);
        self.run_all(insert_many(self.dialect, "task_dependencies", &EDGE, rows, "")).await.map(|_| ())
    }

    async fn delete_edges_of(&self, id: TaskId) -> Result<(), StorageError> {
        self.run(self.sql("DELETE FROM task_dependencies WHERE task_id = ").bind(id.uuid())).await?;
        let to = self.sql("DELETE FROM task_dependencies WHERE depends_on_task_id = ").bind(id.uuid());
        self.run(to).await.map(|_| ())
    }

    async fn miscounted(&self, of: &[TaskId]) -> Result<Vec<Miscount>, StorageError> {
        let sql = self.sql(
            "SELECT t.id, t.workspace_id, t.open_dependencies, CAST(coalesce(o.open, 0) AS INTEGER) AS actual FROM tasks t \
             LEFT JOIN (SELECT d.task_id, COUNT(*) AS open FROM task_dependencies d JOIN tasks w ON w.id = d.depends_on_task_id \
             WHERE w.status NOT IN ('completed', 'skipped') GROUP BY d.task_id) o ON o.task_id = t.id \
             WHERE t.status = 'pending' AND t.open_dependencies <> coalesce(o.open, 0)",
        );
        let sql = match of {
            [] => sql,
            of => sql.text(" AND t.id").one_of(of.iter().map(|id| id.uuid())),
        };
        let read = |row: &sea_orm::QueryResult| {
            let row = Row::of("tasks", row);
            Ok(Miscount {
                workspace: row.id("workspace_id")?,
                task: row.id("id")?,
                stored: row.count("open_dependencies")?,
                actual: row.count("actual")?,
            })
        };
        self.all(sql.text(" ORDER BY t.id")).await?.iter().map(read).collect()
    }

    async fn set_open_dependencies(&self, counted: &[Miscount]) -> Result<(), StorageError> {
        let row = |one: &Miscount| -> Vec<Value> { vec![one.task.uuid().into(), int(one.actual)] };
        let rows = counted.iter().map(row).collect();
        self.run_all(update_many(self.dialect, "tasks", &["id", "open_dependencies"], rows)).await.map(|_| ())
    }

    async fn lock_edges(&self, workspace: WorkspaceId) -> Result<(), StorageError> {
        if self.dialect == Dialect::Sqlite {
            // One writer at a time holds everything.
            return Ok(());
        }
        let key = i64::from_be_bytes(workspace.uuid().as_bytes()[8..].try_into().unwrap_or_default());
        self.run(self.sql("SELECT pg_advisory_xact_lock(").bind(key).text(")")).await.map(|_| ())
    }

    async fn dependents_of(&self, ids: &[TaskId]) -> Result<Vec<(TaskId, u32)>, StorageError> {
        let mut met = std::collections::HashMap::new();
        for batch in batches(ids) {
            let sql = self
                .sql("SELECT task_id, COUNT(*) AS met FROM task_dependencies WHERE depends_on_task_id")
                .one_of(batch.iter().map(|id| id.uuid()))
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
        names(self, ("workspace_id", workspace.uuid()), "slug", slugs).await
    }

    async fn taken_keys(&self, goal: GoalId, keys: &[String]) -> Result<HashSet<String>, StorageError> {
        names(self, ("goal_id", goal.uuid()), "key", keys).await
    }
}

fn edge_rows(workspace: WorkspaceId, edges: &[(TaskId, Dependency)], now: Timestamp) -> Vec<Vec<Value>> {
    let row = |(task, edge): &(TaskId, Dependency)| {
        vec![
            workspace.uuid().into(),
            task.uuid().into(),
            edge.task_id.uuid().into(),
            edge.origin.as_str().into(),
            time(now),
        ]
    };
    edges.iter().map(row).collect()
}

/// Those of these names that tasks have within a workspace or a goal.
async fn names(
    unit: &Unit,
    (within, id): (&str, Uuid),
    column: &str,
    wanted: &[String],
) -> Result<HashSet<String>, StorageError> {
    let mut found = HashSet::new();
    // One value is bound besides.
    for batch in wanted.chunks(29_000) {
        let words = batch.iter().map(String::as_str);
        let sql = match unit.dialect {
            Dialect::Sqlite => unit
                .sql(&format!("SELECT {column} AS name FROM tasks WHERE {within} = "))
                .bind(id)
                .text(&format!(" AND {column}"))
                .one_of_words(words),
            // One by one, each by the index that holds both: it gives the next name in order, which others do not. A server
            // that knows little of the table would rather read all that is within and compare every row with every
            // name, which takes seconds for a plan of thousands of tasks.
            Dialect::Postgres => unit
                .sql("SELECT w.name FROM UNNEST(")
                .array_of_words(words)
                .text(&format!(
                    ") AS w (name) CROSS JOIN LATERAL (SELECT t.{column} AS name FROM tasks t WHERE t.{within} = "
                ))
                .bind(id)
                .text(&format!(
                    " AND t.{column} >= w.name ORDER BY t.{column} LIMIT 1) AS next WHERE next.name = w.name"
                )),
        };
        for row in &unit.all(sql).await? {
            found.insert(Row::of("tasks", row).text("name")?);
        }
    }
    Ok(found)
}
