//! Reads outside units of work.

use std::collections::HashMap;

use async_trait::async_trait;
use goalwright_application::Error;
use goalwright_application::planning::{Decomposition, DecompositionSummary};
use goalwright_application::ports::{Amount, Budget, KeptRequest, KeyOwner, ModelCall, Prompt, ToolCall};
use goalwright_application::read::{
    AgentFilter, EventFilter, EventView, ExecutionFilter, ExecutionView, ExperienceFilter, GoalFilter,
    GoalView, Histories, HookView, Link, Measured, Named, Page, PageRequest, Queries, Records, Retained,
    RunView, Search, SetAside, TaskFilter, TaskView,
};
use goalwright_application::usage::{UsageBy, UsageRow};
use goalwright_domain::Timestamp;
use goalwright_domain::agent::{Agent, AgentId};
use goalwright_domain::api_key::{ApiKey, ApiKeyId};
use goalwright_domain::execution::{Attempt, Run, RunId, ScriptRun, SpanId};
use goalwright_domain::experience::{Artifact, Experience, ExperienceType};
use goalwright_domain::goal::GoalId;
use goalwright_domain::progress::Obstacles;
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::{Settings, UserId, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult};
use serde_json::Value;
use uuid::Uuid;

use super::error::storage;
use super::moment::Moment;
use super::sql::{Dialect, Sql};
use super::{
    agent, api_key, decomposition, execution, experience, goal, hook, idempotency, ledger, schedule, task,
    usage, workspace,
};

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

    /// For reads that belong together.
    pub(crate) async fn moment(&self) -> Result<Moment, Error> {
        Moment::begin(&self.connection).await
    }
}

#[async_trait]
impl Queries for Reader {
    async fn histories(&self) -> Result<Box<dyn Histories>, Error> {
        Ok(Box::new(self.moment().await?))
    }

    async fn user(&self, subject: &str) -> Result<Option<(UserId, WorkspaceId)>, Error> {
        workspace::queries::user(self, subject).await
    }

    async fn is_member(&self, workspace: WorkspaceId, user: UserId) -> Result<bool, Error> {
        workspace::queries::is_member(self, workspace, user).await
    }

    async fn without_model_agent(
        &self,
        behind: Option<WorkspaceId>,
        limit: u64,
    ) -> Result<Vec<WorkspaceId>, Error> {
        workspace::queries::without_model_agent(self, behind, limit).await
    }

    async fn settings(&self, workspace: WorkspaceId) -> Result<Option<Settings>, Error> {
        workspace::queries::settings(self, workspace).await
    }

    async fn retained(&self) -> Result<Vec<Retained>, Error> {
        workspace::queries::retained(self).await
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
        Ok(task::queries::by_id(self, workspace, &[id]).await?.pop())
    }

    async fn tasks_by_id(&self, workspace: WorkspaceId, ids: &[TaskId]) -> Result<Vec<TaskView>, Error> {
        task::queries::by_id(self, workspace, ids).await
    }

    async fn task_by_slug(&self, workspace: WorkspaceId, slug: &str) -> Result<Option<TaskId>, Error> {
        task::queries::by_slug(self, workspace, slug).await
    }

    async fn any_schedule_due(&self, now: Timestamp) -> Result<bool, Error> {
        schedule::queries::any_due(self, now).await
    }

    async fn schedule_set_aside(&self, task: TaskId) -> Result<Option<SetAside>, Error> {
        schedule::queries::set_aside(self, task).await
    }

    async fn cycle_through(&self, workspace: WorkspaceId, id: TaskId) -> Result<Vec<TaskId>, Error> {
        task::cycle::cycle_through(self, workspace, id).await
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

    async fn api_key_in_use(&self, id: ApiKeyId) -> Result<Option<ApiKey>, Error> {
        api_key::queries::in_use(self, id).await
    }

    async fn api_key(&self, workspace: WorkspaceId, id: ApiKeyId) -> Result<Option<ApiKey>, Error> {
        api_key::queries::one(self, workspace, id).await
    }

    async fn api_keys(&self, workspace: WorkspaceId, page: &PageRequest) -> Result<Page<ApiKey>, Error> {
        api_key::queries::list(self, workspace, page).await
    }

    async fn decomposition(&self, workspace: WorkspaceId, id: Uuid) -> Result<Option<Decomposition>, Error> {
        decomposition::queries::one(self, workspace, id).await
    }

    async fn decompositions(
        &self,
        workspace: WorkspaceId,
        goal: GoalId,
        page: &PageRequest,
    ) -> Result<Page<DecompositionSummary>, Error> {
        decomposition::queries::of_goal(self, workspace, goal, page).await
    }

    async fn budget(&self, workspace: WorkspaceId) -> Result<Option<Budget>, Error> {
        usage::queries::budget(self, workspace).await
    }

    async fn committed(
        &self,
        workspace: WorkspaceId,
        month: &str,
        now: Timestamp,
    ) -> Result<(Amount, Amount), Error> {
        usage::queries::committed(self, workspace, month, now).await
    }

    async fn usage(
        &self,
        workspace: WorkspaceId,
        by: UsageBy,
        from: &str,
        to: &str,
    ) -> Result<Vec<UsageRow>, Error> {
        usage::queries::sums(self, workspace, by, from, to).await
    }

    async fn prompt(&self, workspace: WorkspaceId, version: &str) -> Result<Option<Prompt>, Error> {
        usage::queries::prompt(self, workspace, version).await
    }

    async fn prompts(&self, workspace: WorkspaceId) -> Result<Vec<Prompt>, Error> {
        usage::queries::prompts(self, workspace).await
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

#[async_trait]
impl Records for Reader {
    async fn has_unread(&self) -> Result<bool, Error> {
        experience::records::has_unread(self).await
    }

    async fn with_words(
        &self,
        workspace: WorkspaceId,
        search: &Search,
        all: bool,
        kind: Option<ExperienceType>,
        most: u64,
    ) -> Result<Vec<Experience>, Error> {
        experience::records::with_words(self, workspace, search, all, kind, most).await
    }

    async fn experiences_of(&self, workspace: WorkspaceId, ids: &[String]) -> Result<Vec<Experience>, Error> {
        experience::records::of_ids(self, workspace, ids).await
    }

    async fn links_to(&self, workspace: WorkspaceId, ids: &[String], most: u64) -> Result<Vec<Link>, Error> {
        experience::records::links_to(self, workspace, ids, most).await
    }

    async fn executions(
        &self,
        workspace: WorkspaceId,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionView>, Error> {
        experience::executions::list(self, workspace, filter, page).await
    }

    async fn measured(
        &self,
        workspace: WorkspaceId,
        from: Timestamp,
        to: Timestamp,
        most: u64,
    ) -> Result<Vec<Measured>, Error> {
        experience::executions::measured(self, workspace, from, to, most).await
    }

    async fn runs_in_trace(&self, workspace: WorkspaceId, trace: Uuid, most: u64) -> Result<Vec<Run>, Error> {
        execution::trace::runs(self, workspace, trace, most).await
    }

    async fn attempts_of(&self, runs: &[RunId], most: u64) -> Result<Vec<Attempt>, Error> {
        execution::trace::attempts(self, runs, most).await
    }

    async fn calls_of(&self, spans: &[SpanId], most: u64) -> Result<Vec<ToolCall>, Error> {
        execution::trace::calls(self, spans, most).await
    }

    async fn model_calls_in(
        &self,
        workspace: WorkspaceId,
        traces: &[Uuid],
        most: u64,
    ) -> Result<Vec<ModelCall>, Error> {
        usage::queries::calls_in(self, workspace, traces, most).await
    }

    async fn scripts_of(&self, spans: &[SpanId], most: u64) -> Result<Vec<ScriptRun>, Error> {
        execution::trace::scripts(self, spans, most).await
    }

    async fn next_unread(&self) -> Result<Option<String>, Error> {
        experience::records::next_unread(self).await
    }

    async fn hooks_abreast(&self, hooks: &[&str]) -> Result<Vec<String>, Error> {
        hook::queries::abreast(self, hooks).await
    }

    async fn any_hook_due(&self, now: Timestamp) -> Result<bool, Error> {
        hook::queries::any_due(self, now).await
    }

    async fn hooks_after(
        &self,
        workspace: WorkspaceId,
        executions: &[String],
    ) -> Result<Vec<HookView>, Error> {
        hook::queries::of(self, workspace, executions).await
    }

    async fn failed_hooks(&self, most: u64) -> Result<Vec<HookView>, Error> {
        hook::queries::failed(self, most).await
    }

    async fn artifact(&self, workspace: WorkspaceId, id: Uuid) -> Result<Option<Artifact>, Error> {
        experience::artifact::one(self, workspace, id).await
    }

    async fn named(&self, workspace: WorkspaceId, ids: &[Uuid]) -> Result<Vec<Named>, Error> {
        experience::records::named(self, workspace, ids).await
    }
}
