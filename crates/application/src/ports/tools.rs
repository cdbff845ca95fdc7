//! The tools an action may use: what is registered, whether parameters fit, and the call itself.
//!
//! The kernel talks to this port only. It resolves templates before it calls, journals the intent
//! of everything whose [`Effect`] is not `None`, and owns deadlines: an implementation never
//! retries, never journals and never waits longer than its [`Invocation::cancel`] allows.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use goalwright_domain::execution::{Effect, ScriptStatus};
use goalwright_domain::experience::Retrieval;
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::telemetry::TraceContext;

/// A registry of tool operations that can be inspected and called.
///
/// Obligations of an implementation:
///
/// - no input makes it panic; whatever goes wrong is a [`ToolFailure`] whose message says what to do;
/// - [`check`](Tools::check) finds nothing in parameters that [`call`](Tools::call) would accept;
/// - the effect that [`effect_of`](Tools::effect_of) answers is the effect that happens: `None` changes nothing, a
///   repeated `Idempotent` call leaves what the first one left; the declared effect is the strongest of them;
/// - results contain no U+0000, which PostgreSQL's `jsonb` cannot store;
/// - nothing outside [`Invocation::sandbox`] is read or written through paths in parameters.
#[async_trait]
pub trait Tools: Send + Sync {
    /// The declaration of an operation, `None` when it is not registered.
    fn find(&self, tool: &str, operation: &str) -> Option<&Operation>;

    /// What a repetition of a call with these parameters would do, `None` when the operation is not registered.
    ///
    /// `parameters` may contain template holes: where the effect depends on one, this is the strongest effect that
    /// is possible.
    fn effect_of(&self, tool: &str, operation: &str, _parameters: &Value) -> Option<Effect> {
        self.find(tool, operation).map(|operation| operation.effect)
    }

    /// Every operation, by tool, then by operation.
    fn all(&self) -> Vec<&Operation>;

    /// Every problem of these parameters that can be known before running.
    ///
    /// `parameters` may contain template holes: a value with a hole is not checked against its
    /// type, and a required one that is present with a hole counts as present. An operation that
    /// is not registered is one problem with the code `tool_unavailable`.
    fn check(&self, tool: &str, operation: &str, parameters: &Value) -> Vec<ParameterProblem>;

    /// Whether a result of this operation can have the attribute path (`["files"]`).
    ///
    /// `Some(message)` when the result's schema rules it out; `None` when it is possible, or when
    /// nothing is known about the operation.
    fn check_result_path(&self, tool: &str, operation: &str, path: &[String]) -> Option<String>;

    /// Whether an operation only computes: its result follows from its parameters and the moment it is asked at, it uses
    /// neither files nor the network, and it never waits.
    fn computes(&self, _tool: &str, _operation: &str) -> bool {
        false
    }

    /// The answer of an operation that only computes; `None` of every other. The parameters are small, and the answer takes
    /// well below a millisecond.
    fn compute(&self, _invocation: Invocation) -> Option<Result<Reply, ToolFailure>> {
        None
    }

    /// Runs an operation once.
    ///
    /// # Errors
    /// A [`ToolFailure`] for everything that keeps the operation from its result, an unregistered
    /// operation (`ToolUnavailable`) and a cancelled one (`Cancelled`) included.
    async fn call(&self, invocation: Invocation) -> Result<Reply, ToolFailure>;
}

/// The declaration of one operation of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The tool's name, `file` in `file.list`.
    pub tool: String,
    /// The operation's name, `list` in `file.list`.
    pub operation: String,
    /// One or two sentences for people and models: what it does and answers.
    pub summary: String,
    /// What a repetition of the call would do; the strongest where that depends on the parameters, see
    /// [`Tools::effect_of`].
    pub effect: Effect,
    /// JSON Schema of the parameters, always an object.
    pub parameters: Value,
    /// JSON Schema of the result.
    pub result: Value,
}

/// A problem of one parameter, found without running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterProblem {
    /// Where, from the action: `parameters.paths[0]`.
    pub path: String,
    /// A stable snake_case code: `tool_unavailable`, `parameter_missing`, `parameter_unknown`,
    /// `parameter_invalid`.
    pub code: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// One call of an operation.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The tool's name.
    pub tool: String,
    /// The operation's name.
    pub operation: String,
    /// The parameters, with every template resolved.
    pub parameters: Value,
    /// The tenant on whose behalf it is made.
    pub workspace: WorkspaceId,
    /// The task it is made for, if it is.
    pub task: Option<TaskId>,
    /// The folder that paths are relative to and cannot leave.
    pub sandbox: PathBuf,
    /// The attempt's idempotency key, handed on by tools whose other side understands one.
    pub idempotency_key: String,
    /// The trace it belongs to, handed on likewise.
    pub trace: TraceContext,
    /// The present moment; tools read no clock.
    pub now: DateTime<Utc>,
    /// Cancelled when the answer is no longer wanted.
    pub cancel: CancellationToken,
}

/// What a call led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The operation is over.
    Done {
        /// The result, as the declared schema has it.
        result: Value,
        /// Files created or changed, relative to the sandbox, with `/` between folders.
        files_written: Vec<String>,
        /// Which experiences were looked up for it; they become the parents of the execution's experience.
        retrieval: Option<Retrieval>,
        /// The script that was run for it.
        script: Option<Box<Script>>,
    },
    /// The kernel suspends durably, without lease or permit, and then answers `result`.
    Sleep {
        /// How long, in seconds: finite and not negative.
        seconds: f64,
        /// The result once the time has passed.
        result: Value,
    },
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolFailure {
    /// The kind of failure in CamelCase, stable enough to group by: `FileNotFound`.
    pub kind: String,
    /// What happened and what to do about it, safe to show.
    pub message: String,
    /// The causes below it, outermost first.
    pub sources: Vec<String>,
    /// Whether the same call may succeed later without anybody changing anything.
    pub retryable: bool,
    /// Whether it is known that the call came to nothing more than is said here.
    pub fate: Fate,
    /// Files that it created or changed before it failed, as in [`Reply::Done`].
    pub files_written: Vec<String>,
    /// The script that was run for it.
    pub script: Option<Box<Script>>,
}

impl ToolFailure {
    /// A failure for certain that will not go away by itself and left nothing.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            message: message.into(),
            sources: Vec::new(),
            retryable: false,
            fate: Fate::Failed,
            files_written: Vec::new(),
            script: None,
        }
    }
}

/// What is known of a call that has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It failed for certain: what was asked for did not take place.
    Failed,
    /// Nobody knows whether it took effect, or how much of it did. If that cannot be undone, a person decides; else it
    /// is tried again where the task may be.
    Unknown,
}

/// A run of a script, as its tool knows it. The kernel keeps audit copies of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The command as it was run, without secrets that the tool knows of.
    pub command: String,
    /// How it ended.
    pub status: ScriptStatus,
    /// What it ended with; none if it was stopped, or killed by a signal.
    pub exit_code: Option<i32>,
    /// What it wrote to its standard output, as much of it as is kept.
    pub stdout: String,
    /// What it wrote to its standard error, as much of it as is kept.
    pub stderr: String,
    /// How long it took.
    pub duration: Duration,
}

impl std::fmt::Display for ToolFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl std::error::Error for ToolFailure {}
