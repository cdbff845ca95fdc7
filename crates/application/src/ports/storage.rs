//! Storage: units of work and the repositories they hold.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use goalwright_domain::Timestamp;
use goalwright_domain::agent::{Agent, AgentId, Directory};
use goalwright_domain::experience::{Artifact, Experience};
use goalwright_domain::goal::{Goal, GoalId, TaskCounts};
use goalwright_domain::task::{Dependency, Task, TaskId, TaskStatus};
use goalwright_domain::workspace::{Settings, User, UserId, Workspace, WorkspaceId};
use serde_json::Value;

use super::telemetry::{Executed, Telemetry};
use super::{
    ApiKeyRepository, DecompositionRepository, ExecutionRepository, HookRepository, IdempotencyRepository,
    Outbox, PruningRepository, RedactionRepository, ScheduleRepository, UsageRepository,
};
use crate::maintenance::{Drift, Miscount};

pub(super) type Stored<T> = Result<T, StorageError>;
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

    /// Whether units write at the same time; where they do not, one waits until the other has ended.
    fn abreast(&self) -> bool;
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
    /// What models cost.
    fn usage(&self) -> &dyn UsageRepository;
    /// Keys of requests.
    fn idempotency(&self) -> &dyn IdempotencyRepository;
    /// API keys.
    fn api_keys(&self) -> &dyn ApiKeyRepository;
    /// Schedules of tasks.
    fn schedules(&self) -> &dyn ScheduleRepository;
    /// What runs after executions.
    fn hooks(&self) -> &dyn HookRepository;
    /// Events.
    fn outbox(&self) -> &dyn Outbox;
    /// What may lose its payload.
    fn redactions(&self) -> &dyn RedactionRepository;
    /// What may go.
    fn pruning(&self) -> &dyn PruningRepository;
    /// Who watches.
    fn telemetry(&self) -> &dyn Telemetry;
    /// Has these told once the unit is committed, and not if it is not.
    fn executed(&self, executions: Vec<Executed>);
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
    /// What the workspace has settled, locked; the usual if nothing.
    async fn lock_settings(&self, workspace: WorkspaceId) -> Stored<Settings>;
    /// Writes changed settings. `Duplicate` if somebody else settled something for the first time just now.
    async fn save_settings(&self, settings: &Settings) -> Stored<()>;
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
    /// Every active agent of the workspace, with how much work it has.
    async fn directory(&self, workspace: WorkspaceId) -> Stored<Directory>;
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
    /// What the work on the tasks of these goals stands on.
    async fn grounds(&self, ids: &[GoalId]) -> Stored<HashMap<GoalId, Ground>>;
    /// The queue that the goal's runs go to; none while the goal is not worked on.
    async fn queue_of(&self, id: GoalId) -> Stored<Option<String>>;
    /// Whether any of these goals is not worked on.
    async fn any_rests(&self, ids: &[GoalId]) -> Stored<bool>;
    /// Removes a goal with its counters and decompositions; no task may be left in it.
    async fn delete(&self, id: GoalId) -> Stored<()>;
    /// The newest goal made from this file.
    async fn newest_from(&self, workspace: WorkspaceId, source_path: &str) -> Stored<Option<Goal>>;
}

/// What the work on a goal's tasks stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// The sandbox that the goal names.
    pub sandbox: Option<String>,
    /// The goal is not worked on.
    pub rests: bool,
}

/// Tasks and the edges between them.
#[async_trait]
pub trait TaskRepository: Send + Sync {
    /// Those results of a goal's completed tasks with these keys that have at most about so many bytes.
    async fn small_results(
        &self,
        goal: GoalId,
        keys: &[String],
        bytes: usize,
    ) -> Stored<Vec<(String, Value)>>;
    /// Adds tasks and edges (the task that waits, what it waits for), all of one workspace.
    async fn insert_many(&self, tasks: &[Task], edges: &[(TaskId, Dependency)]) -> Stored<()>;
    /// Several tasks, locked, by id. Ids that do not exist are left out.
    async fn lock_many(&self, ids: &[TaskId]) -> Stored<Vec<Task>>;
    /// Pending tasks of the workspace without an agent, locked, by id.
    async fn lock_unassigned(&self, workspace: WorkspaceId, limit: usize) -> Stored<Vec<Task>>;
    /// For which of these tasks it is noted that nobody could do them, with who would be needed.
    async fn known_unassignable(&self, ids: &[TaskId]) -> Stored<Vec<(TaskId, String)>>;
    /// Notes that none of the agents with this digest could do these tasks of one workspace, with who would be needed.
    async fn note_unassignable(
        &self,
        workspace: WorkspaceId,
        directory: &str,
        tasks: &[(TaskId, String)],
    ) -> Stored<()>;
    /// Somebody has these tasks now.
    async fn forget_unassignable(&self, ids: &[TaskId]) -> Stored<()>;
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
    /// Pending tasks whose counters of open dependencies do not agree with these; of these ids, or of all.
    async fn miscounted(&self, of: &[TaskId]) -> Stored<Vec<Miscount>>;
    /// The counters are what was counted.
    async fn set_open_dependencies(&self, counted: &[Miscount]) -> Stored<()>;
    /// Lets one unit at a time change the edges of a workspace, so that two cannot close a cycle together.
    async fn lock_edges(&self, workspace: WorkspaceId) -> Stored<()>;
    /// The tasks that wait for any of these, each with how many of these it waits for.
    async fn dependents_of(&self, ids: &[TaskId]) -> Stored<Vec<(TaskId, u32)>>;
    /// Those of these slugs that the workspace has.
    async fn taken_slugs(&self, workspace: WorkspaceId, slugs: &[String]) -> Stored<HashSet<String>>;
    /// Those of these keys that the goal has.
    async fn taken_keys(&self, goal: GoalId, keys: &[String]) -> Stored<HashSet<String>>;
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
    /// The experience that is to be read next is set aside if it is still this one, and its workspace given: whoever
    /// follows goes on behind it.
    async fn set_aside(&self, experience: &str, error: &str, now: Timestamp) -> Stored<Option<WorkspaceId>>;
    /// Notes an artifact; gives the one that the workspace has with this digest.
    async fn keep_artifact(&self, artifact: &Artifact) -> Stored<Artifact>;
    /// Drops all that is derived from experiences, so that everything is read again.
    async fn forget_derived(&self) -> Stored<()>;
}
