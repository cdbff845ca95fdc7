use async_trait::async_trait;
use goalwright_domain::Timestamp;
use goalwright_domain::execution::{Attempt, RunId};
use goalwright_domain::goal::GoalId;
use goalwright_domain::schedule::{Fold, Schedule, Slot};
use goalwright_domain::task::{TaskId, TaskStatus};
use goalwright_domain::workspace::WorkspaceId;

use super::StorageError;

type Stored<T> = Result<T, StorageError>;

/// How far the schedule of a task has been looked after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleState {
    /// The task.
    pub task_id: TaskId,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Every slot up to here is decided.
    pub considered_at: Timestamp,
    /// The first slot that is not; none if there are no more, or if the task is never run again.
    pub next_at: Option<Timestamp>,
    /// When it is to be looked after: at the next slot, or earlier if slots wait for their turn.
    pub wake_at: Option<Timestamp>,
}

/// A schedule that is to be looked after, with what its task says; the task is not locked.
#[derive(Debug, Clone)]
pub struct DueSchedule {
    /// How far it has been looked after, locked.
    pub state: ScheduleState,
    /// What it says. It changes only under the lock of the state.
    pub schedule: Schedule,
    /// The goal of its task.
    pub goal_id: Option<GoalId>,
    /// Where its task stood a moment ago.
    pub status: TaskStatus,
}

/// What became of a slot that was to fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotStatus {
    /// It waits for its turn.
    Queued,
    /// This run is its firing.
    Fired(RunId),
    /// It waited, and its task is never run again.
    Dropped,
}

impl SlotStatus {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Fired(_) => "fired",
            Self::Dropped => "dropped",
        }
    }

    /// The run, if there is one.
    pub const fn run_id(self) -> Option<RunId> {
        match self {
            Self::Fired(run) => Some(run),
            Self::Queued | Self::Dropped => None,
        }
    }
}

/// A slot of a task that fired, or waits to fire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSlot {
    /// The task.
    pub task_id: TaskId,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Which one: with the task, its nominal local time and its fold are its key.
    pub slot: Slot,
    /// What became of it.
    pub status: SlotStatus,
}

/// Schedules of tasks and their slots. A schedule is locked before everything else of its task.
#[async_trait]
pub trait ScheduleRepository: Send + Sync {
    /// Adds the state of a schedule, or begins it anew if the task has one; slots that fired are remembered.
    async fn put(&self, state: &ScheduleState) -> Stored<()>;
    /// Removes the state of a task's schedule, and its slots that wait.
    async fn remove(&self, task: TaskId) -> Stored<()>;
    /// Locks the schedule of a task, if it has one, and gives up to when its slots are decided.
    async fn lock(&self, task: TaskId) -> Stored<Option<Timestamp>>;
    /// Schedules that are to be looked after by `now`, the most urgent first, locked. Those that somebody else has
    /// locked are passed over. Only `among` these tasks, if they are named; then they are waited for.
    async fn lock_due(
        &self,
        now: Timestamp,
        limit: usize,
        among: Option<&[TaskId]>,
    ) -> Stored<Vec<DueSchedule>>;
    /// The tasks whose schedules are to be looked after by `now`, the most urgent first, with their workspaces. Neither
    /// locked nor read any further.
    async fn due(&self, now: Timestamp, limit: usize) -> Stored<Vec<(TaskId, WorkspaceId)>>;
    /// Nobody looks after the task's schedule any more, for this reason, until its task is changed.
    async fn set_aside(&self, task: TaskId, reason: &str, now: Timestamp) -> Stored<()>;
    /// Looks after the task's schedule again where it was set aside.
    async fn take_up(&self, task: TaskId) -> Stored<()>;
    /// Writes changed states.
    async fn save_many(&self, states: &[ScheduleState]) -> Stored<()>;
    /// Slots of the goal's tasks up to `now` are not caught up.
    async fn pass_over(&self, goal: GoalId, now: Timestamp) -> Stored<()>;
    /// The runs of these tasks at any of these moments: task, moment, run.
    async fn runs_at(
        &self,
        tasks: &[TaskId],
        moments: &[Timestamp],
    ) -> Stored<Vec<(TaskId, Timestamp, RunId)>>;
    /// The attempts of these runs that have not ended, locked, by span.
    async fn lock_unended(&self, runs: &[RunId]) -> Stored<Vec<Attempt>>;
    /// Up to when the schedules of the goal's tasks were looked after, locked, by task.
    async fn lock_of_goal(&self, goal: GoalId) -> Stored<Vec<(TaskId, Timestamp)>>;
    /// The slots of these tasks that wait, by task and time.
    async fn queued(&self, tasks: &[TaskId]) -> Stored<Vec<TaskSlot>>;
    /// Of these tasks, the slots with any of these nominal times: task, nominal time, fold.
    async fn known(&self, tasks: &[TaskId], nominal: &[String]) -> Stored<Vec<(TaskId, String, Fold)>>;
    /// Adds slots. `Duplicate` if one is known.
    async fn insert_slots(&self, slots: &[TaskSlot], now: Timestamp) -> Stored<()>;
    /// What became of slots that waited.
    async fn settle_slots(&self, slots: &[TaskSlot]) -> Stored<()>;
}
