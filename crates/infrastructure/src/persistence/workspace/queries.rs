use goalwright_application::Error;
use goalwright_domain::workspace::{UserId, WorkspaceId};

use crate::persistence::Database;
use crate::persistence::reader::Reader;
use crate::persistence::row::Row;

pub(crate) async fn user(reader: &Reader, subject: &str) -> Result<Option<(UserId, WorkspaceId)>, Error> {
    let sql = reader
        .sql(
            "SELECT u.id, m.workspace_id FROM users u JOIN workspace_members m ON m.user_id = u.id AND m.personal \
             WHERE u.subject = ",
        )
        .bind(subject);
    let Some(row) = reader.one(sql).await? else { return Ok(None) };
    let row = Row::of("users", &row);
    Ok(Some((row.id("id")?, row.id("workspace_id")?)))
}

pub(crate) async fn is_member(reader: &Reader, workspace: WorkspaceId, user: UserId) -> Result<bool, Error> {
    let sql = reader
        .sql("SELECT 1 FROM workspace_members WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND user_id = ")
        .bind(user.uuid());
    Ok(reader.one(sql).await?.is_some())
}

impl Database {
    /// Whether there is a workspace with this id.
    ///
    /// # Errors
    /// What storage says.
    pub async fn has_workspace(&self, id: WorkspaceId) -> Result<bool, Error> {
        let reader = self.reader();
        let sql = reader.sql("SELECT id FROM workspaces WHERE id = ").bind(id.uuid());
        Ok(reader.one(sql).await?.is_some())
    }
}
