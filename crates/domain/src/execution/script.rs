//! Runs of scripts: what was started, and what came of it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{SpanId, TraceId};
use crate::experience::{TEXT_LIMIT, audit_text};
use crate::task::TaskId;
use crate::workspace::WorkspaceId;
use crate::{Timestamp, canonical};

/// How the run of a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptStatus {
    /// With the exit code 0.
    Succeeded,
    /// With another exit code, or without having begun.
    Failed,
    /// Stopped because it took too long.
    TimedOut,
    /// Stopped because nobody wanted it any more.
    Cancelled,
}

impl ScriptStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::TimedOut, Self::Cancelled];

    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What a script wrote: a bounded audit copy, and the artifact that holds all of it where that is more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScriptOutput {
    /// An audit copy of its beginning.
    pub text: String,
    /// The artifact with the whole audit copy.
    pub artifact_id: Option<Uuid>,
}

impl ScriptOutput {
    /// An audit copy of what a script wrote. Whoever has more than [`TEXT_LIMIT`] bytes keeps it as an artifact.
    pub fn of(text: &str) -> Self {
        Self { text: audit_text(text), artifact_id: None }
    }

    /// Whether a text is more than is kept here.
    pub const fn is_cut(text: &str) -> bool {
        text.len() > TEXT_LIMIT
    }
}

/// One run of a script, as it is kept. Command and output are audit copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptRun {
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
    /// `sha256:` of the command as it was run, so that equal ones are known although the copy is scrubbed.
    pub command_digest: String,
    /// An audit copy of the command.
    pub command: String,
    /// How it ended.
    pub status: ScriptStatus,
    /// What it ended with; none if it was stopped or never began.
    pub exit_code: Option<i32>,
    /// What it wrote to its standard output.
    pub stdout: ScriptOutput,
    /// What it wrote to its standard error.
    pub stderr: ScriptOutput,
    /// How long it took.
    pub duration_ms: u64,
    /// When it was started.
    pub started_at: Timestamp,
}

/// Digest and audit copy of a command.
pub fn command_copy(command: &str) -> (String, String) {
    (format!("sha256:{}", canonical::sha256_hex(command.as_bytes())), audit_text(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_known_again_and_tells_no_secret() {
        let (digest, copy) = command_copy("curl https://ann:pw@example.org");
        assert_eq!(copy, "curl https://[credentials]@example.org");
        assert_eq!(digest, command_copy("curl https://ann:pw@example.org").0);
        assert_ne!(digest, command_copy("curl https://bob:pw@example.org").0);
        for status in ScriptStatus::ALL {
            assert_eq!(ScriptStatus::parse(status.as_str()), Some(status));
        }
        assert!(ScriptOutput::is_cut(&"x".repeat(TEXT_LIMIT + 1)) && !ScriptOutput::is_cut("x"));
    }
}
