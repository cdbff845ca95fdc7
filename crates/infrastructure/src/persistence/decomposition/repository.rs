use async_trait::async_trait;
use goalwright_application::planning::Decomposition;
use goalwright_application::ports::{DecompositionRepository, StorageError};
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use uuid::Uuid;

use super::{columns, from_row, select, stored, to_row};
use crate::persistence::row::Row;
use crate::persistence::sql::{insert_many, time_or_null};
use crate::persistence::unit_of_work::Unit;

#[async_trait]
impl DecompositionRepository for Unit {
    async fn insert(
        &self,
        workspace: WorkspaceId,
        decomposition: &Decomposition,
    ) -> Result<(), StorageError> {
        let row = to_row(workspace, decomposition)?;
        self.run_all(insert_many(self.dialect, "decompositions", &columns(), vec![row], "")).await.map(|_| ())
    }

    async fn lock(&self, workspace: WorkspaceId, id: Uuid) -> Result<Option<Decomposition>, StorageError> {
        let sql = self
            .sql(&select(&columns()))
            .text(" WHERE id = ")
            .bind(id)
            .text(" AND workspace_id = ")
            .bind(workspace.uuid())
            .text(self.dialect.lock());
        self.one(sql).await?.as_ref().map(from_row).transpose()
    }

    async fn parts_of(&self, task: TaskId) -> Result<Vec<TaskId>, StorageError> {
        let sql = self
            .sql("SELECT task_ids FROM decompositions WHERE expanded_task_id = ")
            .bind(task.uuid())
            .text(" AND status = 'applied' ORDER BY id");
        let mut parts = Vec::new();
        for row in &self.all(sql).await? {
            let ids: Option<Vec<Option<TaskId>>> = Row::of("decompositions", row).json_or_none("task_ids")?;
            parts.extend(ids.into_iter().flatten().flatten());
        }
        Ok(parts)
    }

    async fn decide(&self, decomposition: &Decomposition) -> Result<(), StorageError> {
        let sql = self
            .sql("UPDATE decompositions SET status = ")
            .bind(decomposition.status.as_str())
            .text(", decided_at = ")
            .bind(time_or_null(decomposition.decided_at))
            .text(", task_ids = ")
            .bind(stored(&decomposition.task_ids)?)
            .text(", findings = ")
            .bind(stored(&decomposition.findings)?)
            .text(" WHERE id = ")
            .bind(decomposition.id);
        self.run(sql).await.map(|_| ())
    }
}
