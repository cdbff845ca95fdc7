use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_application::read::Retained;
use goalwright_domain::workspace::{Settings, UserId, WorkspaceId};
use sea_orm::QueryResult;
use uuid::Uuid;

use super::{SETTINGS, settings_of};
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

pub(crate) async fn without_model_agent(
    reader: &Reader,
    behind: Option<WorkspaceId>,
    limit: u64,
) -> Result<Vec<WorkspaceId>, Error> {
    let sql = reader
        .sql("SELECT w.id FROM workspaces w WHERE w.id > ")
        .bind(behind.map_or(Uuid::nil(), |id| id.uuid()))
        .text(" AND NOT EXISTS (SELECT 1 FROM agents a WHERE a.workspace_id = w.id AND a.kind = 'llm') ORDER BY w.id LIMIT ")
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = reader.all(sql).await?;
    Ok(rows.iter().map(|row| Row::of("workspaces", row).id("id")).collect::<Result<_, StorageError>>()?)
}

pub(crate) async fn settings(reader: &Reader, workspace: WorkspaceId) -> Result<Option<Settings>, Error> {
    let row = reader.one(reader.sql(SETTINGS).bind(workspace.uuid())).await?;
    Ok(row.as_ref().map(settings_of).transpose()?)
}

pub(crate) async fn retained(reader: &Reader) -> Result<Vec<Retained>, Error> {
    let sql = reader.sql(
        "SELECT s.workspace_id, s.retention_days, (SELECT c.ended_before FROM ledger_checkpoints c \
         WHERE c.workspace_id = s.workspace_id) AS ended_before FROM workspace_settings s",
    );
    let reading = sql.dialect.reading("ix_workspace_settings_retention");
    let sql = sql.text(&reading).text(" WHERE s.retention_days IS NOT NULL ORDER BY s.workspace_id");
    let read = |row: &QueryResult| {
        let row = Row::of("workspace_settings", row);
        Ok(Retained {
            workspace_id: row.id("workspace_id")?,
            days: row.count("retention_days")?,
            ended_before: row.time_or_none("ended_before")?,
        })
    };
    let rows = reader.all(sql).await?;
    Ok(rows.iter().map(read).collect::<Result<_, StorageError>>()?)
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
