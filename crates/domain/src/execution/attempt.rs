//! An attempt: one try at a run, under a lease.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{RunId, ScriptRun};
use crate::agent::AgentId;
use crate::task::TaskId;
use crate::workspace::WorkspaceId;
use crate::{Timestamp, canonical};

/// UUIDv4, unique per attempt.
pub type SpanId = Uuid;
/// The secret that a holder of a lease shows.
pub type LeaseToken = Uuid;

/// Where an attempt stands. All but the first two are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptStatus {
    /// Somebody holds its lease.
    Running,
    /// Waits without a lease.
    Suspended,
    /// Ended with a result.
    Succeeded,
    /// Ended with a part of the result.
    Partial,
    /// Ended with an error.
    Failed,
}

impl AttemptStatus {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Succeeded => "succeeded",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Running, Self::Suspended, Self::Succeeded, Self::Partial, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == text)
    }

    /// Whether it has ended, and so never changes.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Partial | Self::Failed)
    }
}

/// The right to perform one attempt, until it expires or somebody else is given a higher fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run_id: RunId,
    /// The attempt.
    pub span_id: SpanId,
    /// Shown with every heartbeat and settlement.
    pub token: LeaseToken,
    /// Raised by every claim of the run.
    pub fence: i64,
    /// By the database's clock.
    pub expires_at: Timestamp,
}

/// What a suspended attempt waits for, and what its result is when the wait ends by time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspension {
    /// The wait.
    pub wait: Wait,
    /// The result once a wait for a moment is over; a person brings their own.
    #[serde(default)]
    pub then: Value,
}

/// A wait: its kind, its end if that is a moment, and the sentence that people are shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// For what.
    pub kind: WaitKind,
    /// The wake-up time.
    pub until: Option<Timestamp>,
    /// Why, in words.
    pub message: String,
}

/// What ends a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitKind {
    /// A person does the work.
    Person,
    /// A person decides what became of an effect whose outcome is unknown, or of a task that keeps losing workers.
    Decision,
    /// A moment comes.
    Time,
    /// A model that is away comes back. It is asked again at a moment, or as soon as somebody has the task tried again.
    Model,
    /// There is money for a model. That is looked at again at a moment, when the budget is changed, or as soon as somebody has
    /// the task tried again.
    Budget,
}

/// What an effect led to, noted before it is settled: if the worker dies in between, the attempt is settled with this
/// instead of being done again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The result.
    pub result: Value,
    /// Paths relative to the sandbox.
    pub files_written: Vec<String>,
    /// The scripts that were run for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<ScriptRun>,
}

/// Why an attempt failed. The same three fields stand in the experience, plus the digest of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionError {
    /// A class of errors, such as `FileNotFound` or `LeaseLost`.
    #[serde(rename = "type")]
    pub kind: String,
    /// For people.
    pub message: String,
    /// First 16 hex digits of SHA-256 over the type and the source chain.
    pub stack_hash: String,
}

impl ExecutionError {
    /// The error with the hash of its type and of what caused it.
    pub fn new(kind: impl Into<String>, message: impl Into<String>, sources: &[String]) -> Self {
        let kind = kind.into();
        let mut chain = kind.clone();
        for source in sources {
            chain.push('\n');
            chain.push_str(source);
        }
        let mut stack_hash = canonical::sha256_hex(chain.as_bytes());
        stack_hash.truncate(16);
        Self { kind, message: message.into(), stack_hash }
    }
}

/// One try at a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Its span, which is also its key.
    pub span_id: SpanId,
    /// The run it belongs to.
    pub run_id: RunId,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The task, as the run says.
    pub task_id: TaskId,
    /// From 1.
    pub number: u32,
    /// The span of the attempt before; null exactly when this is the first.
    pub retry_of: Option<SpanId>,
    /// See [`idempotency_key`].
    pub idempotency_key: String,
    /// Who performs it.
    pub agent_id: AgentId,
    /// The process that holds the lease, for people.
    pub worker: String,
    /// Where it stands.
    pub status: AttemptStatus,
    /// Present exactly while it runs.
    pub lease_token: Option<LeaseToken>,
    /// Present exactly while it runs.
    pub lease_expires_at: Option<Timestamp>,
    /// The fence of its latest claim.
    pub fence: i64,
    /// What it waits for, while suspended.
    pub suspension: Option<Suspension>,
    /// What its effect led to, between the effect and its settlement.
    pub recorded: Option<Recorded>,
    /// Why it failed.
    pub error: Option<ExecutionError>,
    /// The experience it left; present exactly once it has ended.
    pub experience_id: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// `hex(sha256(task_id + ":" + scheduled_at + ":" + attempt))`, the time with six decimals, ids in lower case.
pub fn idempotency_key(task_id: TaskId, scheduled_at: Timestamp, attempt: u32) -> String {
    canonical::sha256_hex(format!("{task_id}:{scheduled_at}:{attempt}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_idempotency_key_is_the_contract_s() {
        // sha256sum of "0192f3a4-5b6c-7d8e-9f00-112233445566:2025-11-04T18:29:12.000000Z:1"
        let task: TaskId = "0192F3A4-5B6C-7D8E-9F00-112233445566".parse().expect("uuid");
        let at = "2025-11-04T19:29:12+01:00".parse().expect("time");
        let key = idempotency_key(task, at, 1);
        assert_eq!(
            key,
            canonical::sha256_hex(b"0192f3a4-5b6c-7d8e-9f00-112233445566:2025-11-04T18:29:12.000000Z:1")
        );
        assert_ne!(key, idempotency_key(task, at, 2));
    }

    #[test]
    fn the_stack_hash_tells_causes_apart_but_not_messages() {
        let a = ExecutionError::new("Io", "one", &["disk full".into()]);
        let b = ExecutionError::new("Io", "two", &["disk full".into()]);
        let c = ExecutionError::new("Io", "one", &["no such file".into()]);
        assert_eq!(a.stack_hash, b.stack_hash);
        assert_ne!(a.stack_hash, c.stack_hash);
        assert_eq!(a.stack_hash.len(), 16);
    }
}
