//! Users, workspaces and memberships.

pub(crate) mod queries;

use async_trait::async_trait;
use goalwright_application::ports::{StorageError, WorkspaceRepository};
use goalwright_domain::workspace::{Settings, SettingsState, User, UserId, Workspace, WorkspaceId};
use sea_orm::QueryResult;

use super::row::Row;
use super::sql::{int_or_null, time, time_or_null};
use super::unit_of_work::Unit;

/// What settings are read from.
const SETTINGS: &str = "SELECT workspace_id, retention_days, model, confirm_destructive, revision, updated_at FROM workspace_settings WHERE workspace_id = ";

fn settings_of(row: &QueryResult) -> Result<Settings, StorageError> {
    let row = Row::of("workspace_settings", row);
    let days: Option<i32> = row.get("retention_days")?;
    let model = match row.get::<Option<String>>("model")? {
        Some(_) => Some(row.word("model", |model| model.parse().ok())?),
        None => None,
    };
    let confirm_destructive = row.get("confirm_destructive")?;
    let state = SettingsState { retention_days: days.map(i32::unsigned_abs), model, confirm_destructive };
    Ok(Settings::rehydrate(row.id("workspace_id")?, state, row.get("revision")?, row.time("updated_at")?))
}

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

    async fn lock_settings(&self, workspace: WorkspaceId) -> Result<Settings, StorageError> {
        let sql = self.sql(SETTINGS).bind(workspace.uuid()).text(self.dialect.lock());
        let known = self.one(sql).await?.as_ref().map(settings_of).transpose()?;
        Ok(known.unwrap_or_else(|| Settings::usual(workspace)))
    }

    async fn save_settings(&self, settings: &Settings) -> Result<(), StorageError> {
        let days = || int_or_null(settings.state().retention_days);
        let model = || sea_orm::Value::from(settings.state().model.as_ref().map(ToString::to_string));
        let at = || time_or_null(settings.updated_at());
        let confirm = settings.state().confirm_destructive;
        let workspace = settings.workspace_id().uuid();
        let sql = if settings.revision() == 1 {
            self.sql(
                "INSERT INTO workspace_settings (workspace_id, retention_days, model, confirm_destructive, revision, updated_at) \
                 VALUES ",
            )
            .list([workspace.into(), days(), model(), confirm.into(), 1i64.into(), at()])
        } else {
            self.sql("UPDATE workspace_settings SET retention_days = ")
                .bind(days())
                .text(", model = ")
                .bind(model())
                .text(", confirm_destructive = ")
                .bind(confirm)
                .text(", revision = ")
                .bind(settings.revision())
                .text(", updated_at = ")
                .bind(at())
                .text(" WHERE workspace_id = ")
                .bind(workspace)
        };
        self.run(sql).await.map(|_| ())
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
