//! Reads that belong together.

use async_trait::async_trait;
use goalwright_application::Error;
use goalwright_application::planning::Touch;
use goalwright_application::read::{Histories, Place, Source};
use goalwright_domain::Timestamp;
use goalwright_domain::goal::GoalId;
use goalwright_domain::ledger::{Entity, Folded, Stored, Telling};
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, IsolationLevel, QueryResult,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use uuid::Uuid;

use super::error::storage;
use super::ledger::{comparing, past};
use super::sql::{Dialect, Sql};
use super::{agent, goal, task};

/// What was committed when it was read first, and nothing that was changed since: a transaction that writes nothing.
pub(crate) struct Moment {
    transaction: DatabaseTransaction,
    pub(crate) dialect: Dialect,
}

impl Moment {
    #[expect(
        clippy::disallowed_methods,
        reason = "it locks nothing and ends without a trace: no unit of work"
    )]
    pub(crate) async fn begin(connection: &DatabaseConnection) -> Result<Self, Error> {
        let dialect = Dialect::of(connection.get_database_backend());
        let options = match dialect {
            Dialect::Postgres => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                sqlite_transaction_mode: None,
            },
            // What a transaction reads there is of one moment anyway.
            Dialect::Sqlite => TransactionOptions {
                isolation_level: None,
                access_mode: None,
                sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
            },
        };
        let transaction = connection.begin_with_options(options).await.map_err(storage)?;
        Ok(Self { transaction, dialect })
    }

    /// Lets go of its connection. It changed nothing: however it ends, nothing is lost.
    pub(crate) async fn close(self) {
        let _ = self.transaction.rollback().await;
    }

    pub(crate) fn sql(&self, text: &str) -> Sql {
        Sql::new(self.dialect, text)
    }

    pub(crate) async fn all(&self, sql: Sql) -> Result<Vec<QueryResult>, Error> {
        self.transaction.query_all_raw(sql.statement()).await.map_err(|error| storage(error).into())
    }

    pub(crate) async fn one(&self, sql: Sql) -> Result<Option<QueryResult>, Error> {
        Ok(self.all(sql).await?.into_iter().next())
    }
}

#[async_trait]
impl Histories for Moment {
    async fn touched_by_users(
        &self,
        workspace: WorkspaceId,
        tasks: &[TaskId],
        after: Timestamp,
    ) -> Result<Vec<Touch>, Error> {
        past::touched_by_users(self, workspace, tasks, after).await
    }

    async fn known_from(&self, workspace: WorkspaceId) -> Result<Option<Timestamp>, Error> {
        past::known_from(self, workspace).await
    }

    async fn kept(
        &self,
        workspace: WorkspaceId,
        entity_type: &str,
        ids: &[String],
    ) -> Result<Vec<(String, Folded)>, Error> {
        past::kept(self, workspace, entity_type, ids).await
    }

    async fn tellings(
        &self,
        workspace: WorkspaceId,
        entity_type: &str,
        id: &str,
        until: Timestamp,
    ) -> Result<Vec<Telling>, Error> {
        past::tellings(self, workspace, entity_type, id, until).await
    }

    async fn is_told_of(&self, workspace: WorkspaceId, entity_type: &str, id: &str) -> Result<bool, Error> {
        past::is_told_of(self, workspace, entity_type, id).await
    }

    async fn told_of_tasks(&self, workspace: WorkspaceId, tasks: &[TaskId]) -> Result<Vec<Telling>, Error> {
        past::told_of_tasks(self, workspace, tasks).await
    }

    async fn tasks_ever_of(&self, workspace: WorkspaceId, goal: GoalId) -> Result<Vec<TaskId>, Error> {
        past::tasks_ever_of(self, workspace, goal).await
    }

    async fn stored(
        &self,
        workspace: WorkspaceId,
        entity: Entity,
        after: Option<Uuid>,
        most: usize,
    ) -> Result<Vec<(Uuid, Stored)>, Error> {
        match entity {
            Entity::Goal => goal::stored::next(self, workspace, after, most).await,
            Entity::Task => task::stored::next(self, workspace, after, most).await,
            Entity::Agent => agent::stored::next(self, workspace, after, most).await,
        }
    }

    async fn told_of(
        &self,
        workspace: WorkspaceId,
        entity: Entity,
        by: Source,
        after: &str,
        most: usize,
    ) -> Result<Vec<String>, Error> {
        comparing::told_of(self, workspace, entity, (by, after), most).await
    }

    async fn with_row(
        &self,
        workspace: WorkspaceId,
        entity: Entity,
        ids: &[Uuid],
    ) -> Result<Vec<Uuid>, Error> {
        comparing::with_row(self, workspace, entity, ids).await
    }

    async fn all_told(
        &self,
        workspace: WorkspaceId,
        entity: Entity,
        ids: &[String],
        after: Option<&Place>,
        most: usize,
    ) -> Result<Vec<(Place, Telling)>, Error> {
        comparing::all_told(self, workspace, (entity, ids), after, most).await
    }

    async fn end(self: Box<Self>) {
        self.close().await;
    }
}
