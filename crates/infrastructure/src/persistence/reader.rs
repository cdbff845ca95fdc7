//! Reads outside units of work.

use std::collections::HashMap;

use async_trait::async_trait;
use goalwright_application::Error;
use goalwright_application::ports::{KeptRequest, KeyOwner};
use goalwright_application::read::{
    AgentFilter, Candidate, EventFilter, EventView, ExperienceFilter, GoalFilter, GoalView, Page,
    PageRequest, Queries, RunView, TaskFilter, TaskView,
};
use goalwright_domain::agent::{Agent, AgentId};
use goalwright_domain::execution::RunId;
use goalwright_domain::experience::Experience;
use goalwright_domain::goal::GoalId;
use goalwright_domain::progress::Obstacles;
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::{UserId, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult};
use serde_json::Value;

use super::error::storage;
use super::sql::{Dialect, Sql};
use super::{agent, execution, experience, goal, idempotency, ledger, task, workspace};

/// Reads on the reading connections. Each noun's `queries` holds its statements.
pub(crate) struct Reader {
    pub(crate) connection: DatabaseConnection,
}

impl Reader {
    pub(crate) fn sql(&self, text: &str) -> Sql {
        Sql::new(Dialect::of(self.connection.get_database_backend()), text)
    }

    pub(crate) async fn all(&self, sql: Sql) -> Result<Vec<QueryResult>, Error> {
        self.connection.query_all_raw(sql.statement()).await.map_err(|error| storage(error).into())
    }

    pub(crate) async fn one(&self, sql: Sql) -> Result<Option<QueryResult>, Error> {
        Ok(self.all(sql).await?.into_iter().next())
    }
}

#[async_trait]
impl Queries for Reader {
    async fn user(&self, subject: &str) -> Result<Option<(UserId, WorkspaceId)>, Error> {
        workspace::queries::user(self, subject).await
    }

    async fn is_member(&self, workspace: WorkspaceId, user: UserId) -> Result<bool, Error> {
        workspace::queries::is_member(self, workspace, user).await
    }

    async fn kept_request(&self, owner: &KeyOwner) -> Result<Option<KeptRequest>, Error> {
        idempotency::find(self, owner).await
    }

    async fn goal(&self, workspace: WorkspaceId, id: GoalId) -> Result<Option<GoalView>, Error> {
        goal::queries::one(self, workspace, id).await
    }

    async fn goals(
        &self,
        workspace: WorkspaceId,
        filter: &GoalFilter,
        page: &PageRequest,
    ) -> Result<Page<GoalView>, Error> {
        goal::queries::list(self, workspace, filter, page).await
    }

    async fn obstacles(&self, workspace: WorkspaceId, goal: GoalId) -> Result<Obstacles, Error> {
        task::queries::obstacles(self, workspace, goal).await
    }

    async fn task(&self, workspace: WorkspaceId, id: TaskId) -> Result<Option<TaskView>, Error> {
        task::queries::one(self, workspace, id).await
    }

    async fn task_by_slug(&self, workspace: WorkspaceId, slug: &str) -> Result<Option<TaskId>, Error> {
        task::queries::by_slug(self, workspace, slug).await
    }

    async fn candidates(
        &self,
        workspace: WorkspaceId,
        goal: Option<GoalId>,
    ) -> Result<Vec<Candidate>, Error> {
        task::choice::candidates(self, workspace, goal).await
    }

    async fn open_tasks(&self, workspace: WorkspaceId, goal: Option<GoalId>) -> Result<(i64, i64), Error> {
        task::choice::open(self, workspace, goal).await
    }

    async fn cycle_through(&self, workspace: WorkspaceId, id: TaskId) -> Result<Vec<TaskId>, Error> {
        task::choice::cycle_through(self, workspace, id).await
    }

    async fn tasks_of_goal(&self, workspace: WorkspaceId, goal: GoalId) -> Result<Vec<TaskView>, Error> {
        task::queries::of_goal(self, workspace, goal).await
    }

    async fn tasks(
        &self,
        workspace: WorkspaceId,
        filter: &TaskFilter,
        page: &PageRequest,
    ) -> Result<Page<TaskView>, Error> {
        task::queries::list(self, workspace, filter, page).await
    }

    async fn results(
        &self,
        workspace: WorkspaceId,
        goal: GoalId,
        keys: &[String],
    ) -> Result<Vec<(String, Value)>, Error> {
        task::queries::results(self, workspace, goal, keys).await
    }

    async fn agent(&self, workspace: WorkspaceId, id: AgentId) -> Result<Option<Agent>, Error> {
        agent::queries::one(self, workspace, id).await
    }

    async fn agents(
        &self,
        workspace: WorkspaceId,
        filter: &AgentFilter,
        page: &PageRequest,
    ) -> Result<Page<Agent>, Error> {
        agent::queries::list(self, workspace, filter, page).await
    }

    async fn experience(&self, workspace: WorkspaceId, id: &str) -> Result<Option<Experience>, Error> {
        experience::queries::one(self, workspace, id).await
    }

    async fn known_executions(&self, keys: &[String]) -> Result<HashMap<String, String>, Error> {
        experience::queries::known_keys(self, keys).await
    }

    async fn known_experiences(
        &self,
        workspace: WorkspaceId,
        ids: &[String],
    ) -> Result<std::collections::HashSet<String>, Error> {
        experience::queries::known(self, workspace, ids).await
    }

    async fn experiences(
        &self,
        workspace: WorkspaceId,
        filter: &ExperienceFilter,
        page: &PageRequest,
    ) -> Result<Page<Experience>, Error> {
        experience::queries::list(self, workspace, filter, page).await
    }

    async fn events(
        &self,
        workspace: WorkspaceId,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<EventView>, Error> {
        ledger::queries::list(self, workspace, filter, page).await
    }

    async fn run(&self, workspace: WorkspaceId, id: RunId) -> Result<Option<RunView>, Error> {
        execution::queries::one(self, workspace, id).await
    }

    async fn runs_of_goal(
        &self,
        workspace: WorkspaceId,
        goal: GoalId,
        limit: u64,
    ) -> Result<Vec<RunView>, Error> {
        execution::queries::of_goal(self, workspace, goal, limit).await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.one(self.sql("SELECT 1")).await.map(|_| ())
    }
}
