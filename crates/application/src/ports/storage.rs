//! Storage: units of work, the repositories they hold, and the sequencer of the ledger.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use goalwright_domain::Timestamp;
use goalwright_domain::agent::{Agent, AgentId, AgentKind};
use goalwright_domain::execution::{
    Attempt, Effect, ExecutionError, Lease, Recorded, Run, RunId, ScriptRun, SpanId, TraceId,
};
use goalwright_domain::experience::{Artifact, Experience};
use goalwright_domain::goal::{Goal, GoalId, TaskCounts};
use goalwright_domain::ledger::{Anchor, Event, EventId, Head, Link, SealKey};
use goalwright_domain::task::{Dependency, Task, TaskId, TaskStatus};
use goalwright_domain::workspace::{User, UserId, Workspace, WorkspaceId};
use serde_json::Value;
use uuid::Uuid;

use super::{ApiKeyRepository, IdempotencyRepository, ScheduleRepository};
use crate::maintenance::Drift;

type Stored<T> = Result<T, StorageError>;
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why storage did not do what was asked. Nothing of the unit is kept.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database does not answer.
    #[error("the database does not answer")]
    Unavailable {
        /// The driver's error.
        #[source]
        source: Cause,
    },
    /// A unique constraint says there is one already.
    #[error("{what} exists already")]
    Duplicate {
        /// The constraint or column.
        what: String,
    },
    /// A race was lost; the same unit may succeed when done again.
    #[error("the rows are contended")]
    Contended {
        /// The driver's error.
        #[source]
        source: Cause,
    },
    /// A constraint or trigger refused what the domain should have refused.
    #[error("the database refused the change")]
    Refused {
        /// The driver's error.
        #[source]
        source: Cause,
    },
    /// A row cannot be read as what it should be.
    #[error("a stored row cannot be read: {what}")]
    Corrupt {
        /// Table, id, field.
        what: String,
    },
}

/// Opens units of work.
#[async_trait]
pub trait Transactions: Send + Sync {
    /// A unit of work that sees what was committed before. On SQLite there is one at a time.
    async fn begin(&self) -> Stored<Box<dyn UnitOfWork>>;
}

/// One transaction. Dropping it rolls back. A failed statement ends it: everything after fails too.
#[async_trait]
pub trait UnitOfWork: Send + Sync {
    /// Users, workspaces, memberships.
    fn workspaces(&self) -> &dyn WorkspaceRepository;
    /// Agents.
    fn agents(&self) -> &dyn AgentRepository;
    /// Goals and their counters.
    fn goals(&self) -> &dyn GoalRepository;
    /// Tasks and their edges.
    fn tasks(&self) -> &dyn TaskRepository;
    /// Runs, attempts, tool calls.
    fn executions(&self) -> &dyn ExecutionRepository;
    /// Experiences.
    fn experiences(&self) -> &dyn ExperienceRepository;
    /// Decompositions.
    fn decompositions(&self) -> &dyn DecompositionRepository;
    /// Keys of requests.
    fn idempotency(&self) -> &dyn IdempotencyRepository;
    /// API keys.
    fn api_keys(&self) -> &dyn ApiKeyRepository;
    /// Schedules of tasks.
    fn schedules(&self) -> &dyn ScheduleRepository;
    /// Events.
    fn outbox(&self) -> &dyn Outbox;
    /// Makes it so.
    async fn commit(self: Box<Self>) -> Stored<()>;
}

/// Users, workspaces and memberships.
#[async_trait]
pub trait WorkspaceRepository: Send + Sync {
    /// The user with this `sub`.
    async fn find_user(&self, subject: &str) -> Stored<Option<User>>;
    /// The user's personal workspace.
    async fn personal(&self, user: UserId) -> Stored<Option<WorkspaceId>>;
    /// A new user with a personal workspace of which it is the owner. `Duplicate` if somebody else was first.
    async fn insert(&self, user: &User, workspace: &Workspace) -> Stored<()>;
}

/// Agents.
#[async_trait]
pub trait AgentRepository: Send + Sync {
    /// Adds one. `Duplicate` if the name is taken in the workspace.
    async fn insert(&self, agent: &Agent) -> Stored<()>;
    /// Every active agent of the workspace, by id.
    async fn active(&self, workspace: WorkspaceId) -> Stored<Vec<Agent>>;
    /// One agent of the workspace, locked.
    async fn lock(&self, workspace: WorkspaceId, id: AgentId) -> Stored<Option<Agent>>;
    /// The default agent of the workspace, locked.
    async fn lock_default(&self, workspace: WorkspaceId) -> Stored<Option<Agent>>;
    /// The human agent of a member.
    async fn of_member(&self, workspace: WorkspaceId, user: UserId) -> Stored<Option<Agent>>;
    /// Notes a sign of life of an agent, unless there was a later one. It is no change: no event, and the revision stays.
    async fn seen(&self, id: AgentId, now: Timestamp) -> Stored<()>;
    /// Writes a changed agent.
    async fn save(&self, agent: &Agent) -> Stored<()>;
    /// Open tasks by agent.
    async fn load(&self, workspace: WorkspaceId) -> Stored<HashMap<AgentId, u64>>;
}

/// Goals and the counters of their tasks.
#[async_trait]
pub trait GoalRepository: Send + Sync {
    /// Adds one, with all counters at zero.
    async fn insert(&self, goal: &Goal) -> Stored<()>;
    /// One goal of the workspace, locked.
    async fn lock(&self, workspace: WorkspaceId, id: GoalId) -> Stored<Option<Goal>>;
    /// Several goals, locked, by id.
    async fn lock_many(&self, ids: &[GoalId]) -> Stored<Vec<Goal>>;
    /// Writes changed goals.
    async fn save_many(&self, goals: &[Goal]) -> Stored<()>;
    /// Adds to the counters and gives their new values, with the goals' counters locked by id.
    async fn shift_counts(&self, shifts: &[(GoalId, TaskCounts)]) -> Stored<Vec<(GoalId, TaskCounts)>>;
    /// Locks the counters of these goals, by id.
    async fn lock_counts(&self, ids: &[GoalId]) -> Stored<()>;
    /// The goals whose counters do not agree with their tasks, as one statement sees both.
    async fn drifted(&self) -> Stored<Vec<Drift>>;
    /// The sandboxes that these goals name.
    async fn sandboxes(&self, ids: &[GoalId]) -> Stored<HashMap<GoalId, String>>;
    /// The queue that the goal's runs go to; none while the goal is not worked on.
    async fn queue_of(&self, id: GoalId) -> Stored<Option<String>>;
    /// Whether any of these goals is not worked on.
    async fn any_rests(&self, ids: &[GoalId]) -> Stored<bool>;
    /// Removes a goal with its counters and decompositions; no task may be left in it.
    async fn delete(&self, id: GoalId) -> Stored<()>;
    /// The newest goal made from this file.
    async fn newest_from(&self, workspace: WorkspaceId, source_path: &str) -> Stored<Option<Goal>>;
}

/// Tasks and the edges between them.
#[async_trait]
pub trait TaskRepository: Send + Sync {
    /// Adds tasks and edges (the task that waits, what it waits for), all of one workspace.
    async fn insert_many(&self, tasks: &[Task], edges: &[(TaskId, Dependency)]) -> Stored<()>;
    /// Several tasks, locked, by id. Ids that do not exist are left out.
    async fn lock_many(&self, ids: &[TaskId]) -> Stored<Vec<Task>>;
    /// Pending tasks of the workspace without an agent, locked, by id.
    async fn lock_unassigned(&self, workspace: WorkspaceId, limit: usize) -> Stored<Vec<Task>>;
    /// Every task of the goal, locked, by id.
    async fn lock_of_goal(&self, goal: GoalId) -> Stored<Vec<Task>>;
    /// Pending and ready tasks of an agent, by id; not locked.
    async fn open_of(&self, workspace: WorkspaceId, agent: AgentId, limit: usize) -> Stored<Vec<TaskId>>;
    /// The tasks of a goal in one of these statuses, by id; not locked.
    async fn in_goal(&self, goal: GoalId, statuses: &[TaskStatus]) -> Stored<Vec<TaskId>>;
    /// Writes what the progress of tasks changes.
    async fn save_many(&self, tasks: &[Task]) -> Stored<()>;
    /// Writes everything that can change of tasks. `Duplicate` if a key or a slug is taken.
    async fn rewrite_many(&self, tasks: &[Task]) -> Stored<()>;
    /// Removes tasks that have no edges any more.
    async fn delete_many(&self, ids: &[TaskId]) -> Stored<()>;
    /// The edges of these tasks to what they wait for, by task and what is waited for.
    async fn edges_of(&self, ids: &[TaskId]) -> Stored<Vec<(TaskId, Dependency)>>;
    /// Adds and removes edges of tasks of one workspace: (the task that waits, what it waits for).
    async fn change_edges(
        &self,
        workspace: WorkspaceId,
        added: &[(TaskId, Dependency)],
        removed: &[(TaskId, TaskId)],
        now: Timestamp,
    ) -> Stored<()>;
    /// Removes every edge from or to a task.
    async fn delete_edges_of(&self, id: TaskId) -> Stored<()>;
    /// Lets one unit at a time change the edges of a workspace, so that two cannot close a cycle together.
    async fn lock_edges(&self, workspace: WorkspaceId) -> Stored<()>;
    /// The tasks that wait for any of these, each with how many of these it waits for.
    async fn dependents_of(&self, ids: &[TaskId]) -> Stored<Vec<(TaskId, u32)>>;
    /// Those of these slugs that the workspace has.
    async fn taken_slugs(&self, workspace: WorkspaceId, slugs: &[String]) -> Stored<HashSet<String>>;
    /// Those of these keys that the goal has.
    async fn taken_keys(&self, goal: GoalId, keys: &[String]) -> Stored<HashSet<String>>;
}

/// What a worker asks for.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Runs of this queue only.
    pub queue: String,
    /// This run only, if there is one; then whatever its queue.
    pub only: Option<RunId>,
    /// Runs of this agent only, if there is one.
    pub agent: Option<(WorkspaceId, AgentId)>,
    /// Runs of tasks of these types only; of all if there are none.
    pub task_types: Vec<String>,
    /// Runs for these kinds of agents only.
    pub performers: Vec<AgentKind>,
    /// At most so many.
    pub limit: usize,
    /// How long the lease holds without a heartbeat.
    pub lease: Duration,
}

/// A run that was claimed, by the database's clock.
#[derive(Debug, Clone)]
pub struct ClaimedRun {
    /// As it is now: running, with its new fence.
    pub run: Run,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// Until when the lease holds.
    pub expires_at: Timestamp,
}

/// How a call of a tool stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallStatus {
    /// Written before the effect.
    Intended,
    /// It answered.
    Succeeded,
    /// It failed.
    Failed,
    /// Nobody knows: its worker vanished.
    Unknown,
}

impl CallStatus {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// One call of a tool, as the journal keeps it. Parameters, result and error are audit copies.
#[derive(Debug, Clone)]
pub struct ToolCall {
    /// Its id.
    pub id: Uuid,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The task.
    pub task_id: TaskId,
    /// The attempt.
    pub span_id: SpanId,
    /// The run's trace.
    pub trace_id: TraceId,
    /// Such as `file`.
    pub tool: String,
    /// Such as `write`.
    pub operation: String,
    /// What it leaves behind.
    pub effect: Effect,
    /// Handed to the tool.
    pub idempotency_key: String,
    /// After templates.
    pub parameters: Value,
    /// How it stands.
    pub status: CallStatus,
    /// Once it answered.
    pub result: Option<Value>,
    /// Once it failed.
    pub error: Option<ExecutionError>,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Runs, attempts and tool calls.
#[async_trait]
pub trait ExecutionRepository: Send + Sync {
    /// Adds runs.
    async fn insert_runs(&self, runs: &[Run]) -> Stored<()>;
    /// Takes runs that can be claimed, highest priority first, then oldest, in one statement for agents without a
    /// limit, and under the agent's lock for agents with one. No two claims take the same run; an agent never holds
    /// more running attempts than its `max_concurrency`.
    async fn claim(&self, claim: &Claim) -> Stored<Vec<ClaimedRun>>;
    /// Several runs, locked, by id.
    async fn lock_runs(&self, ids: &[RunId]) -> Stored<Vec<Run>>;
    /// Writes changed runs.
    async fn save_runs(&self, runs: &[Run]) -> Stored<()>;
    /// The run that drives the task and is not over.
    async fn find_driving(&self, task: TaskId) -> Stored<Option<Run>>;
    /// The latest run that drove the task, over or not.
    async fn last_driving(&self, task: TaskId) -> Stored<Option<Run>>;
    /// The runs that drive these tasks and are not over.
    async fn driving_of(&self, tasks: &[TaskId]) -> Stored<Vec<Run>>;
    /// Every run of the task that is not over, also those that do not drive it.
    async fn open_runs_of(&self, task: TaskId) -> Stored<Vec<Run>>;
    /// Removes runs that never began.
    async fn drop_runs(&self, ids: &[RunId]) -> Stored<()>;
    /// The run of the task at this moment.
    async fn find_run(&self, task: TaskId, scheduled_at: Timestamp) -> Stored<Option<Run>>;
    /// Adds attempts.
    async fn insert_attempts(&self, attempts: &[Attempt]) -> Stored<()>;
    /// Several attempts, locked, by span.
    async fn lock_attempts(&self, spans: &[SpanId]) -> Stored<Vec<Attempt>>;
    /// The suspended attempts of these runs, locked, by span.
    async fn lock_suspended(&self, runs: &[RunId]) -> Stored<Vec<Attempt>>;
    /// Writes changed attempts.
    async fn save_attempts(&self, attempts: &[Attempt]) -> Stored<()>;
    /// Moves the end of these leases to `lease` from now, by the database's clock; gives the spans that still
    /// hold.
    async fn extend(&self, leases: &[Lease], lease: Duration) -> Stored<Vec<SpanId>>;
    /// Running attempts of this queue whose lease has expired by the database's clock: run, span, fence, and the end
    /// of the lease.
    async fn expired(&self, queue: &str, limit: usize) -> Stored<Vec<(RunId, SpanId, i64, Timestamp)>>;
    /// Notes that a call is about to be made, if the lease still holds; `false` and nothing written if not.
    async fn intend(&self, lease: &Lease, call: &ToolCall) -> Stored<bool>;
    /// Notes how an intended call ended and, if the lease still holds, what is to be settled if nobody comes to
    /// settle it.
    async fn conclude(&self, lease: &Lease, call: &ToolCall, recorded: Option<&Recorded>) -> Stored<()>;
    /// Adds calls that have ended.
    async fn insert_calls(&self, calls: &[ToolCall]) -> Stored<()>;
    /// Adds runs of scripts.
    async fn insert_scripts(&self, scripts: &[ScriptRun]) -> Stored<()>;
    /// The calls of these attempts that were intended and never concluded become unknown; they are given.
    async fn give_up_calls(&self, spans: &[SpanId], now: Timestamp) -> Stored<Vec<ToolCall>>;
    /// The ids of all calls of these attempts.
    async fn call_ids(&self, spans: &[SpanId]) -> Stored<Vec<(SpanId, Uuid)>>;
    /// For each task, the experiences of the attempts that completed what it depends on.
    async fn causes(&self, tasks: &[TaskId]) -> Stored<Vec<(TaskId, String)>>;
}

/// Experiences.
#[async_trait]
pub trait ExperienceRepository: Send + Sync {
    /// Appends them. One whose idempotency key is known already writes nothing and gives the known id. The answer
    /// has one id per experience, in their order.
    async fn append(&self, experiences: &[Experience]) -> Stored<Vec<String>>;
    /// Derives from up to `most` experiences that were not read yet what is found by words, links and executions; gives
    /// how many it were. Two at once wait for each other and read none twice.
    async fn follow(&self, most: usize) -> Stored<usize>;
    /// Notes an artifact; gives the one that the workspace has with this digest.
    async fn keep_artifact(&self, artifact: &Artifact) -> Stored<Artifact>;
    /// Drops all that is derived from experiences, so that everything is read again.
    async fn forget_derived(&self) -> Stored<()>;
}

/// A breakdown that a planner made, as it is kept.
#[derive(Debug, Clone)]
pub struct DecompositionRecord {
    /// Its id.
    pub id: Uuid,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The goal.
    pub goal_id: GoalId,
    /// `proposed`, `applied`, `rejected`, `failed`.
    pub status: &'static str,
    /// `outline` or `llm`.
    pub planner: &'static str,
    /// Nothing was written but this.
    pub dry_run: bool,
    /// The whole plan.
    pub plan: Value,
    /// `sha256:` of the plan.
    pub plan_hash: String,
    /// What the planner found.
    pub findings: Value,
    /// Tokens and money.
    pub usage: Value,
    /// The event that tells of it.
    pub event_id: EventId,
    /// When.
    pub created_at: Timestamp,
}

/// Decompositions.
#[async_trait]
pub trait DecompositionRepository: Send + Sync {
    /// Adds one.
    async fn insert(&self, record: &DecompositionRecord) -> Stored<()>;
}

/// The outbox: events that are committed with the change they tell of.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Appends events in this order. They get their positions inside the unit on SQLite, and from the
    /// [`Sequencer`] on PostgreSQL.
    async fn append(&self, events: &[Event]) -> Stored<()>;
}

/// The ledger as it is verified. It is read without any unit, and events never change, so it may grow meanwhile.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// What the ledger is sealed with.
    fn key(&self) -> &SealKey;
    /// The workspaces that have events.
    async fn workspaces(&self) -> Stored<Vec<WorkspaceId>>;
    /// Where the workspace's chain ends.
    async fn head(&self, workspace: WorkspaceId) -> Stored<Head>;
    /// The next events behind a position, with the digests of what is stored now.
    async fn links(&self, workspace: WorkspaceId, after: i64, limit: usize) -> Stored<Vec<Link>>;
    /// What was noted of the chain outside the database, if anything was.
    fn anchor(&self, workspace: WorkspaceId) -> Stored<Option<Anchor>>;
    /// Notes the ends of all chains outside the database. What is noted never goes back.
    async fn note(&self) -> Stored<()>;
}

/// Gives committed events their positions: per workspace, from 1, without gaps, in the order of their sequence.
/// Any number of processes may call it; one at a time does the work.
#[async_trait]
pub trait Sequencer: Send + Sync {
    /// Places what is unplaced; gives how many events were. More may be left if it is many.
    async fn sequence(&self) -> Stored<usize>;
}
