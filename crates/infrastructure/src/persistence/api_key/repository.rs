use async_trait::async_trait;
use goalwright_application::ports::{ApiKeyRepository, StorageError};
use goalwright_domain::Timestamp;
use goalwright_domain::api_key::{ApiKey, ApiKeyId};
use goalwright_domain::workspace::WorkspaceId;

use super::{COLUMNS, from_row, select, to_row};
use crate::persistence::sql::{insert_many, time, time_or_null};
use crate::persistence::unit_of_work::Unit;

#[async_trait]
impl ApiKeyRepository for Unit {
    async fn insert(&self, key: &ApiKey) -> Result<(), StorageError> {
        self.run_all(insert_many(self.dialect, "api_keys", &COLUMNS, vec![to_row(key)], "")).await.map(|_| ())
    }

    async fn lock(&self, workspace: WorkspaceId, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError> {
        let sql = self
            .sql(&select())
            .text(" WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND id = ")
            .bind(id.uuid())
            .text(self.dialect.lock());
        self.one(sql).await?.as_ref().map(from_row).transpose()
    }

    async fn save(&self, key: &ApiKey) -> Result<(), StorageError> {
        let sql = self
            .sql("UPDATE api_keys SET revoked_at = ")
            .bind(time_or_null(key.state().revoked_at))
            .text(" WHERE id = ")
            .bind(key.id().uuid());
        self.run(sql).await.map(|_| ())
    }

    async fn used(&self, id: ApiKeyId, now: Timestamp, noted: Timestamp) -> Result<(), StorageError> {
        let sql = self
            .sql("UPDATE api_keys SET last_used_at = ")
            .bind(time(now))
            .text(" WHERE id = ")
            .bind(id.uuid())
            .text(" AND (last_used_at IS NULL OR last_used_at <= ")
            .bind(time(noted));
        self.run(sql.text(")")).await.map(|_| ())
    }
}
