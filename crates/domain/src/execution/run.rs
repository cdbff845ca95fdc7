//! A run: one intended execution of a task at one scheduled moment, under one trace.

use std::time::Duration;

use uuid::Uuid;

use super::AttemptStatus;
use crate::agent::{AgentId, AgentKind};
use crate::task::TaskId;
use crate::workspace::WorkspaceId;
use crate::{Id, Timestamp};

/// Id of a run.
pub type RunId = Id<Run>;
/// UUIDv4, constant over the attempts of a run.
pub type TraceId = Uuid;

/// How a run came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// From the task graph or a schedule.
    Scheduled,
    /// Asked for by a person or done by one.
    Manual,
}

impl Mode {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Manual => "manual",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "scheduled" => Some(Self::Scheduled),
            "manual" => Some(Self::Manual),
            _ => None,
        }
    }
}

/// Where a run stands. `Queued` and a `Waiting` run with a wake-up time can be claimed once their moment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// Waits for a worker.
    Queued,
    /// An attempt holds the lease.
    Running,
    /// Its attempt is suspended: until a moment, or until a person acts.
    Waiting,
    /// Ended well, or partly so.
    Succeeded,
    /// Ended without a result.
    Failed,
    /// Given up before its end.
    Cancelled,
}

impl RunStatus {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::Running, Self::Waiting, Self::Succeeded, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == text)
    }

    /// Whether nothing more happens to it.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// Who performs: the kind of the agent, kept with the run so that a worker claims only what it can do.
pub type Performer = AgentKind;

/// The row that is queued, claimed and settled.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The task it executes.
    pub task_id: TaskId,
    /// With the task, the run's identity. Of a run from the graph it is the first claim, and null until then.
    pub scheduled_at: Option<Timestamp>,
    /// UUIDv4, the same for all attempts.
    pub trace_id: TraceId,
    /// The trace of the request that asked for it.
    pub request_trace_id: Option<Uuid>,
    /// The span by which that request was answered.
    pub request_span_id: Option<u64>,
    /// Scheduled or manual.
    pub mode: Mode,
    /// Whether its outcome is the task's. A finished task that is run again gets a run that is not.
    pub drives_task: bool,
    /// Which workers may claim it: `default`, or the queue of one `goalwright run`.
    pub queue: String,
    /// Higher first.
    pub priority: i32,
    /// The agent it is assigned to.
    pub agent_id: AgentId,
    /// That agent's kind.
    pub performer: Performer,
    /// Where it stands.
    pub status: RunStatus,
    /// The moment from which it may be claimed; null while it runs, waits for a person, or is over.
    pub available_at: Option<Timestamp>,
    /// Attempts begun so far.
    pub attempts: u32,
    /// Leases lost since a person last asked for another try.
    pub strikes: u32,
    /// Attempts that do not count against `max_attempts`, lost leases aside: those given back, and all before a person
    /// asked for another try.
    pub excused: u32,
    /// Raised by every claim; a settlement with an older one writes nothing.
    pub fence: i64,
    /// The span of the latest ended attempt, which the next one names as `retry_of`.
    pub last_span: Option<Uuid>,
    /// Whether the latest attempt is suspended, so that the next claim resumes it instead of beginning another.
    pub suspended: bool,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Run {
    /// The run that a claim leaves: running, under a new fence, with one attempt more unless one is resumed. The first claim
    /// of a run without a time gives it one.
    #[must_use]
    pub fn begun(self, now: Timestamp) -> Self {
        Self {
            status: RunStatus::Running,
            available_at: None,
            fence: self.fence + 1,
            attempts: self.attempts + u32::from(!self.suspended),
            scheduled_at: self.scheduled_at.or(Some(now)),
            updated_at: now,
            ..self
        }
    }

    /// The run that an ended or suspended attempt leaves.
    #[must_use]
    pub fn after(mut self, next: RunNext, span: Uuid, ended: AttemptStatus, now: Timestamp) -> Self {
        self.updated_at = now;
        self.suspended = ended == AttemptStatus::Suspended;
        if !self.suspended {
            self.last_span = Some(span);
        }
        (self.status, self.available_at) = match next {
            RunNext::Over(status) => (status, None),
            RunNext::Queued { after } => (RunStatus::Queued, Some(now + after)),
            RunNext::Waiting { until } => (RunStatus::Waiting, until),
        };
        self
    }
}

/// What happens to the run next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunNext {
    /// Nothing more.
    Over(RunStatus),
    /// Another attempt, after this delay.
    Queued {
        /// Back-off, zero when a lease was lost.
        after: Duration,
    },
    /// The attempt is suspended or a person must decide.
    Waiting {
        /// The wake-up time; none when a signal ends it.
        until: Option<Timestamp>,
    },
}
