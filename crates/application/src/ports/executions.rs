//! Storage of runs, attempts and the calls that attempts made.

use std::time::Duration;

use async_trait::async_trait;
use goalwright_domain::Timestamp;
use goalwright_domain::agent::{AgentId, AgentKind};
use goalwright_domain::execution::{
    Attempt, Effect, Entry, ExecutionError, Lease, Recorded, Run, RunId, ScriptRun, SpanId, TraceId,
};
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use serde_json::Value;
use uuid::Uuid;

use super::storage::Stored;

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

/// A run that can be claimed, locked and as it is stored.
#[derive(Debug, Clone)]
pub struct PickedRun {
    /// Still queued.
    pub run: Run,
    /// Our own moment.
    pub picked_at: Timestamp,
    /// The same by the clock that leases are measured by.
    pub moment: Timestamp,
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
    /// Locks runs that can be claimed, highest priority first, then oldest, those of agents with a limit under the
    /// agent's lock. No two units pick the same run; an agent never holds more running attempts than its
    /// `max_concurrency` if all that are picked for it are begun.
    async fn pick(&self, claim: &Claim) -> Stored<Vec<PickedRun>>;
    /// Several runs, locked, by id.
    async fn lock_runs(&self, ids: &[RunId]) -> Stored<Vec<Run>>;
    /// Writes changed runs.
    async fn save_runs(&self, runs: &[Run]) -> Stored<()>;
    /// The run that drives the task and is not over.
    async fn find_driving(&self, task: TaskId) -> Stored<Option<Run>>;
    /// The latest run that drove the task and can go on: not over, or failed.
    async fn last_driving(&self, task: TaskId) -> Stored<Option<Run>>;
    /// The runs that drive these tasks and are not over.
    async fn driving_of(&self, tasks: &[TaskId]) -> Stored<Vec<Run>>;
    /// Every run of these tasks that is not over, also those that do not drive them; not locked.
    async fn open_runs_of(&self, tasks: &[TaskId]) -> Stored<Vec<Run>>;
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
    /// How earlier attempts of the run left the call with this idempotency key.
    async fn earlier_call(&self, run: RunId, idempotency_key: &str) -> Stored<Option<CallStatus>>;
    /// The dialogue in which the run is performed, in its order, each entry with the attempt that it belongs to.
    async fn dialogue(&self, run: RunId) -> Stored<Vec<(SpanId, Entry)>>;
    /// Begins another dialogue with these entries in place of the one there is, if the lease still holds; `false` and nothing
    /// changed if not.
    async fn restart_dialogue(&self, lease: &Lease, entries: &[Entry], now: Timestamp) -> Stored<bool>;
    /// Runs of the workspace that wait for its budget.
    async fn waiting_for_budget(&self, workspace: WorkspaceId, limit: usize) -> Stored<Vec<RunId>>;
    /// Adds entries to it, from this place on, if the lease still holds; `false` and nothing written if not.
    async fn say(&self, lease: &Lease, from: usize, entries: &[Entry], now: Timestamp) -> Stored<bool>;
    /// Lets go of the dialogues of these runs.
    async fn end_dialogues(&self, runs: &[RunId]) -> Stored<()>;
    /// For each task, the experiences of the attempts that completed what it depends on.
    async fn causes(&self, tasks: &[TaskId]) -> Stored<Vec<(TaskId, String)>>;
}
