//! What can be asked: read models and the port that answers. Reads need no unit of work; lists are keyset-paged and
//! newest first.

mod page;
mod past;
mod records;
mod search;
mod work;

use std::collections::HashMap;

use async_trait::async_trait;
use goalwright_domain::agent::{Agent, AgentId, AgentStatus};
use goalwright_domain::api_key::{ApiKey, ApiKeyId};
use goalwright_domain::execution::{RunStatus, SpanId, TraceId};
use goalwright_domain::experience::Experience;
use goalwright_domain::goal::{GoalId, GoalState, GoalStatus, TaskCounts};
use goalwright_domain::progress::Obstacles;
use goalwright_domain::task::{Dependency, TaskId, TaskState, TaskStatus};
use goalwright_domain::workspace::{Actor, Settings, UserId, WorkspaceId};
use goalwright_domain::{Timestamp, execution::RunId};
use serde_json::Value;
use uuid::Uuid;

use crate::Error;
use crate::planning::{Decomposition, DecompositionSummary};
use crate::ports::{Amount, Budget, KeptRequest, KeyOwner, Prompt};
use crate::usage::{UsageBy, UsageRow};
pub use page::{Cursor, DEFAULT_LIMIT, MAX_LIMIT, Page, PageRequest};
pub use past::{Histories, PastGoal, Place, Source, Then};
pub use records::{
    ExecutionFilter, ExecutionStatus, ExecutionView, HookStatus, HookView, Link, LinkKind, Measured, Named,
    Records,
};
pub use search::Search;
pub use work::{Need, Offer, Offered, OpenWork};

/// A goal as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct GoalView {
    /// Its fields.
    pub state: GoalState,
    /// The number of its events.
    pub revision: i64,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Its tasks by status.
    pub counts: TaskCounts,
    /// Raised with every change of a counter.
    pub progress_revision: i64,
}

/// A task as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskView {
    /// Its fields.
    pub state: TaskState,
    /// The number of its events.
    pub revision: i64,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What it waits for, or waited for.
    pub depends_on: Vec<Dependency>,
    /// Those of `depends_on` that are not completed.
    pub blocked_by: Vec<TaskId>,
    /// The next slot of its schedule, if there is one and nothing keeps the task from recurring for good.
    pub next_run_at: Option<Timestamp>,
}

/// The most tasks of each kind that are looked at for what to do next.
pub const CANDIDATES: u64 = 200;

/// A task that a person could work on now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The task.
    pub id: TaskId,
    /// `Ready`, or `Waiting` for a person.
    pub status: TaskStatus,
    /// Higher first.
    pub priority: i32,
    /// How many tasks wait for it.
    pub waited_for_by: i64,
}

/// An event as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct EventView {
    /// Its id.
    pub id: Uuid,
    /// Its place in the workspace's ledger, from 1, without gaps.
    pub position: i64,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// `goal`, `task`, `agent`.
    pub entity_type: String,
    /// Its id.
    pub entity_id: String,
    /// `<noun>.<past participle>`.
    pub event_type: String,
    /// Who caused it.
    pub actor: Actor,
    /// `{field: {from, to}}`.
    pub changes: Value,
    /// What is worth knowing besides.
    pub metadata: Value,
    /// The trace it belongs to.
    pub trace_id: Option<Uuid>,
    /// When.
    pub created_at: Timestamp,
    /// The event that says that `changes` and `metadata` were redacted.
    pub redacted_by: Option<Uuid>,
}

/// That a schedule is not looked after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// Where a run stands, with its latest attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// The task.
    pub task_id: TaskId,
    /// Constant over attempts.
    pub trace_id: TraceId,
    /// Where it stands.
    pub status: RunStatus,
    /// The latest attempt, if one began.
    pub span_id: Option<SpanId>,
    /// The latest attempt's experience, if it has ended.
    pub experience_id: Option<String>,
    /// The earliest moment a claim or a wake-up can happen.
    pub available_at: Option<Timestamp>,
    /// Until when a worker holds it.
    pub lease_expires_at: Option<Timestamp>,
    /// Which process holds it.
    pub worker: Option<String>,
}

/// A workspace that does not keep everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retained {
    /// Its id.
    pub workspace_id: WorkspaceId,
    /// For how many days it keeps what there is.
    pub days: u32,
    /// Up to when it was pruned; none if it never was.
    pub ended_before: Option<Timestamp>,
}

/// Which goals.
#[derive(Debug, Clone, Default)]
pub struct GoalFilter {
    /// In this status.
    pub status: Option<GoalStatus>,
}

/// Which tasks.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    /// Of this goal.
    pub goal_id: Option<GoalId>,
    /// In this status.
    pub status: Option<TaskStatus>,
    /// Of this agent.
    pub agent_id: Option<AgentId>,
    /// Of this type.
    pub task_type: Option<String>,
    /// With this slug.
    pub slug: Option<String>,
    /// With these words in key, title or description.
    pub search: Option<Search>,
}

/// Which agents.
#[derive(Debug, Clone, Default)]
pub struct AgentFilter {
    /// In this status.
    pub status: Option<AgentStatus>,
}

/// Which experiences.
#[derive(Debug, Clone, Default)]
pub struct ExperienceFilter {
    /// Of this type.
    pub kind: Option<goalwright_domain::experience::ExperienceType>,
    /// Of this task.
    pub task_id: Option<String>,
    /// Of the task with this slug.
    pub task_slug: Option<String>,
    /// Of this trace.
    pub trace_id: Option<String>,
    /// With these words in what people read of it.
    pub search: Option<Search>,
}

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// About this kind of thing.
    pub entity_type: Option<String>,
    /// About this thing.
    pub entity_id: Option<String>,
    /// Of this type.
    pub event_type: Option<String>,
    /// In this trace.
    pub trace_id: Option<Uuid>,
}

/// Answers questions. Everything is scoped to one workspace: what belongs to another one does not exist.
#[async_trait]
pub trait Queries: OpenWork + Records + Send + Sync {
    /// What the ledger tells by now, however much is changed or pruned while it is asked.
    async fn histories(&self) -> Result<Box<dyn Histories>, Error>;
    /// The user with this `sub` and their personal workspace.
    async fn user(&self, subject: &str) -> Result<Option<(UserId, WorkspaceId)>, Error>;
    /// Whether the user is a member of the workspace.
    async fn is_member(&self, workspace: WorkspaceId, user: UserId) -> Result<bool, Error>;
    /// What a workspace has settled; none if nothing.
    async fn settings(&self, workspace: WorkspaceId) -> Result<Option<Settings>, Error>;
    /// Workspaces that never had an agent that is a model, by id, behind this one.
    async fn without_model_agent(
        &self,
        behind: Option<WorkspaceId>,
        limit: u64,
    ) -> Result<Vec<WorkspaceId>, Error>;
    /// The workspaces that do not keep everything, by id.
    async fn retained(&self) -> Result<Vec<Retained>, Error>;
    /// What is known of a request with this key, however old.
    async fn kept_request(&self, owner: &KeyOwner) -> Result<Option<KeptRequest>, Error>;
    /// One goal.
    async fn goal(&self, workspace: WorkspaceId, id: GoalId) -> Result<Option<GoalView>, Error>;
    /// Goals, newest first.
    async fn goals(
        &self,
        workspace: WorkspaceId,
        filter: &GoalFilter,
        page: &PageRequest,
    ) -> Result<Page<GoalView>, Error>;
    /// What stands in a goal's way. Costs as much as the goal has pending and failed tasks.
    async fn obstacles(&self, workspace: WorkspaceId, goal: GoalId) -> Result<Obstacles, Error>;
    /// One task.
    async fn task(&self, workspace: WorkspaceId, id: TaskId) -> Result<Option<TaskView>, Error>;
    /// Those of these tasks that are there, by id.
    async fn tasks_by_id(&self, workspace: WorkspaceId, ids: &[TaskId]) -> Result<Vec<TaskView>, Error>;
    /// The id of the task with this slug.
    async fn task_by_slug(&self, workspace: WorkspaceId, slug: &str) -> Result<Option<TaskId>, Error>;
    /// Whether the schedule of any task, in any workspace, is to be looked after by now.
    async fn any_schedule_due(&self, now: Timestamp) -> Result<bool, Error>;
    /// Why nobody looks after the task's schedule, if that is so.
    async fn schedule_set_aside(&self, task: TaskId) -> Result<Option<SetAside>, Error>;
    /// A circle of tasks that wait for each other through this one; empty if there is none, as the rules have it.
    async fn cycle_through(&self, workspace: WorkspaceId, task: TaskId) -> Result<Vec<TaskId>, Error>;
    /// Every task of a goal, oldest first, with its edges.
    async fn tasks_of_goal(&self, workspace: WorkspaceId, goal: GoalId) -> Result<Vec<TaskView>, Error>;
    /// Tasks, newest first.
    async fn tasks(
        &self,
        workspace: WorkspaceId,
        filter: &TaskFilter,
        page: &PageRequest,
    ) -> Result<Page<TaskView>, Error>;
    /// The results of a goal's completed tasks with these keys.
    async fn results(
        &self,
        workspace: WorkspaceId,
        goal: GoalId,
        keys: &[String],
    ) -> Result<Vec<(String, Value)>, Error>;
    /// One agent.
    async fn agent(&self, workspace: WorkspaceId, id: AgentId) -> Result<Option<Agent>, Error>;
    /// Agents, newest first.
    async fn agents(
        &self,
        workspace: WorkspaceId,
        filter: &AgentFilter,
        page: &PageRequest,
    ) -> Result<Page<Agent>, Error>;
    /// The key with this id, of whatever workspace, as long as the user who made it is a member there.
    async fn api_key_in_use(&self, id: ApiKeyId) -> Result<Option<ApiKey>, Error>;
    /// One API key.
    async fn api_key(&self, workspace: WorkspaceId, id: ApiKeyId) -> Result<Option<ApiKey>, Error>;
    /// API keys, newest first.
    async fn api_keys(&self, workspace: WorkspaceId, page: &PageRequest) -> Result<Page<ApiKey>, Error>;
    /// One breakdown.
    async fn decomposition(&self, workspace: WorkspaceId, id: Uuid) -> Result<Option<Decomposition>, Error>;
    /// The breakdowns of a goal, newest first.
    async fn decompositions(
        &self,
        workspace: WorkspaceId,
        goal: GoalId,
        page: &PageRequest,
    ) -> Result<Page<DecompositionSummary>, Error>;
    /// What the workspace may spend; none if nobody said.
    async fn budget(&self, workspace: WorkspaceId) -> Result<Option<Budget>, Error>;
    /// What it spent in this month (`2026-11`), and what is promised to calls that are under way.
    async fn committed(
        &self,
        workspace: WorkspaceId,
        month: &str,
        now: Timestamp,
    ) -> Result<(Amount, Amount), Error>;
    /// What it spent from one day to another.
    async fn usage(
        &self,
        workspace: WorkspaceId,
        by: UsageBy,
        from: &str,
        to: &str,
    ) -> Result<Vec<UsageRow>, Error>;
    /// A version of a prompt that the workspace wrote.
    async fn prompt(&self, workspace: WorkspaceId, version: &str) -> Result<Option<Prompt>, Error>;
    /// All of them, by name.
    async fn prompts(&self, workspace: WorkspaceId) -> Result<Vec<Prompt>, Error>;
    /// One experience.
    async fn experience(&self, workspace: WorkspaceId, id: &str) -> Result<Option<Experience>, Error>;
    /// Of these idempotency keys those that an experience has, of any workspace, with its id.
    async fn known_executions(&self, keys: &[String]) -> Result<HashMap<String, String>, Error>;
    /// Those of these ids that are experiences of the workspace.
    async fn known_experiences(
        &self,
        workspace: WorkspaceId,
        ids: &[String],
    ) -> Result<std::collections::HashSet<String>, Error>;
    /// Experiences, newest first; with words, in the order in which they were recorded.
    async fn experiences(
        &self,
        workspace: WorkspaceId,
        filter: &ExperienceFilter,
        page: &PageRequest,
    ) -> Result<Page<Experience>, Error>;
    /// Events that have their position, newest first.
    async fn events(
        &self,
        workspace: WorkspaceId,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<EventView>, Error>;
    /// One run.
    async fn run(&self, workspace: WorkspaceId, id: RunId) -> Result<Option<RunView>, Error>;
    /// The runs of a goal's tasks that are not over, and, newest first, those that are; at most `limit` together.
    async fn runs_of_goal(
        &self,
        workspace: WorkspaceId,
        goal: GoalId,
        limit: u64,
    ) -> Result<Vec<RunView>, Error>;
    /// Whether the database answers.
    async fn ping(&self) -> Result<(), Error>;
}
