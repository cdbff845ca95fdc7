//! Users, workspaces and memberships.

pub(crate) mod queries;

use async_trait::async_trait;
use goalwright_application::ports::{StorageError, WorkspaceRepository};
use goalwright_domain::workspace::{User, UserId, Workspace, WorkspaceId};

use super::row::Row;
use super::sql::time;
use super::unit_of_work::Unit;

#[async_trait]
impl WorkspaceRepository for Unit {
    async fn find_user(&self, subject: &str) -> Result<Option<User>, StorageError> {
        let sql = self.sql("SELECT id, subject, created_at FROM users WHERE subject = ").bind(subject);
        let Some(row) = self.one(sql).await? else { return Ok(None) };
        let row = Row::of("users", &row);
        Ok(Some(User {
            id: row.id("id")?,
            subject: row.text("subject")?,
            created_at: row.time("created_at")?,
        }))
    }

    async fn personal(&self, user: UserId) -> Result<Option<WorkspaceId>, StorageError> {
        let sql = self
            .sql("SELECT workspace_id FROM workspace_members WHERE user_id = ")
            .bind(user.uuid())
            .text(" AND personal");
        self.one(sql).await?.map(|row| Row::of("workspace_members", &row).id("workspace_id")).transpose()
    }

    async fn insert(&self, user: &User, workspace: &Workspace) -> Result<(), StorageError> {
        let sql = self.sql("INSERT INTO users (id, subject, created_at) VALUES ").list([
            user.id.uuid().into(),
            user.subject.as_str().into(),
            time(user.created_at),
        ]);
        self.run(sql).await?;
        let sql = self.sql("INSERT INTO workspaces (id, name, created_at) VALUES ").list([
            workspace.id.uuid().into(),
            workspace.name.as_str().into(),
            time(workspace.created_at),
        ]);
        self.run(sql).await?;
        let sql = self
            .sql("INSERT INTO workspace_members (workspace_id, user_id, role, personal, created_at) VALUES ")
            .list([
                workspace.id.uuid().into(),
                user.id.uuid().into(),
                "owner".into(),
                true.into(),
                time(workspace.created_at),
            ]);
        self.run(sql).await.map(|_| ())
    }
}
