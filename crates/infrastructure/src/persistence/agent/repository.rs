use std::collections::HashMap;

use async_trait::async_trait;
use goalwright_application::ports::{AgentRepository, StorageError};
use goalwright_domain::Timestamp;
use goalwright_domain::agent::{Agent, AgentId, Directory};
use goalwright_domain::workspace::{UserId, WorkspaceId};

use super::{CHANGING, COLUMNS, changing_row, from_row, select, to_row};
use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, insert_many, time, update_many};
use crate::persistence::unit_of_work::Unit;

/// Tells the advisory locks of default agents from other ones of the same workspace.
const DEFAULT_AGENT: i64 = 0x6465_6661_756c_7400;

#[async_trait]
impl AgentRepository for Unit {
    async fn insert(&self, agent: &Agent) -> Result<(), StorageError> {
        self.run_all(insert_many(self.dialect, "agents", &COLUMNS, vec![to_row(agent)], "")).await.map(|_| ())
    }

    async fn active(&self, workspace: WorkspaceId) -> Result<Vec<Agent>, StorageError> {
        let sql = self
            .sql(&select())
            .text(" WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND status = 'active' ORDER BY id");
        self.all(sql).await?.iter().map(from_row).collect()
    }

    async fn lock(&self, workspace: WorkspaceId, id: AgentId) -> Result<Option<Agent>, StorageError> {
        let sql = self
            .sql(&select())
            .text(" WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND id = ")
            .bind(id.uuid())
            .text(self.dialect.lock());
        self.one(sql).await?.as_ref().map(from_row).transpose()
    }

    async fn lock_default(&self, workspace: WorkspaceId) -> Result<Option<Agent>, StorageError> {
        if self.dialect == Dialect::Postgres {
            // Whoever waits for the lock of a row that is the default no more finds none, although there is another one
            // by then: so this waits before it looks.
            let key = i64::from_be_bytes(workspace.uuid().as_bytes()[8..].try_into().unwrap_or_default());
            let sql = self.sql("SELECT pg_advisory_xact_lock(").bind(key ^ DEFAULT_AGENT).text(")");
            self.run(sql).await?;
        }
        let sql = self
            .sql(&select())
            .text(" WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND is_default")
            .text(self.dialect.lock());
        self.one(sql).await?.as_ref().map(from_row).transpose()
    }

    async fn of_member(&self, workspace: WorkspaceId, user: UserId) -> Result<Option<Agent>, StorageError> {
        let sql = self
            .sql(&select())
            .text(" WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND user_id = ")
            .bind(user.uuid())
            .text(" AND user_id IS NOT NULL AND status = 'active'");
        self.one(sql).await?.as_ref().map(from_row).transpose()
    }

    async fn save(&self, agent: &Agent) -> Result<(), StorageError> {
        let rows = vec![changing_row(agent)];
        self.run_all(update_many(self.dialect, "agents", &CHANGING, rows)).await.map(|_| ())
    }

    async fn seen(&self, id: AgentId, now: Timestamp) -> Result<(), StorageError> {
        let sql = self
            .sql("UPDATE agents SET last_seen_at = ")
            .bind(time(now))
            .text(" WHERE id = ")
            .bind(id.uuid())
            .text(" AND (last_seen_at IS NULL OR last_seen_at < ")
            .bind(time(now));
        self.run(sql.text(")")).await.map(|_| ())
    }

    async fn directory(&self, workspace: WorkspaceId) -> Result<Directory, StorageError> {
        // Counted up to a thousand: beyond, nobody has little to do, and a task must not cost more to place the more
        // of them lie there.
        let columns = COLUMNS.map(|column| format!("a.{column}")).join(", ");
        let sql = self
            .sql(&format!(
                "SELECT {columns}, (SELECT COUNT(*) FROM (SELECT 1 FROM runs r WHERE r.agent_id = a.id AND \
                 r.workspace_id = a.workspace_id AND r.status IN ('queued', 'waiting') LIMIT 1000) AS o) AS open \
                 FROM agents a WHERE a.status = 'active' AND a.workspace_id = ",
            ))
            .bind(workspace.uuid())
            .text(" ORDER BY a.id");
        let (mut agents, mut load) = (Vec::new(), HashMap::new());
        for row in &self.all(sql).await? {
            let agent = from_row(row)?;
            let open: i64 = Row::of("runs", row).get("open")?;
            load.insert(agent.id(), u64::try_from(open).unwrap_or(0));
            agents.push(agent);
        }
        Ok(Directory::new(agents, load))
    }
}
