//! Experiences: the audit record of what was done. One `TASK_EXECUTION` per attempt, with the field contract of
//! the end-to-end tracking specification (schema version 1).

mod artifact;
mod audit;
pub mod legacy;
mod lesson;
mod note;
mod redaction;
mod relevance;
mod secrets;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::Timestamp;
use crate::execution::{Attempt, AttemptStatus, ExecutionError, Mode, Run};
use crate::task::TaskState;
use crate::workspace::WorkspaceId;

pub use artifact::{ARTIFACT_LIMIT, Artifact, whole_copy};
pub use audit::{TEXT_LIMIT, audit_text, audit_value};
pub use lesson::{Lesson, learned, lesson};
pub use note::{Note, note};
pub use relevance::relevance;
pub use secrets::{REDACTED, names_secret, without_secrets};

/// The kinds of experiences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExperienceType {
    /// Something seen in the world.
    Observation,
    /// Something said.
    Conversation,
    /// A thought about experiences.
    Reflection,
    /// Something held to be true.
    Belief,
    /// One attempt at a task.
    TaskExecution,
    /// One execution of a chain.
    ChainExecution,
}

impl ExperienceType {
    /// Every type.
    pub const ALL: [Self; 6] = [
        Self::Observation,
        Self::Conversation,
        Self::Reflection,
        Self::Belief,
        Self::TaskExecution,
        Self::ChainExecution,
    ];

    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observation => "OBSERVATION",
            Self::Conversation => "CONVERSATION",
            Self::Reflection => "REFLECTION",
            Self::Belief => "BELIEF",
            Self::TaskExecution => "TASK_EXECUTION",
            Self::ChainExecution => "CHAIN_EXECUTION",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What an attempt touched. The ids refer to rows that exist.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Io {
    /// Paths, relative to the sandbox.
    pub files_written: Vec<String>,
    /// Ids of artifacts.
    pub artifact_ids: Vec<String>,
    /// Ids of tool calls.
    pub tool_calls: Vec<String>,
    /// Ids of script runs.
    pub script_runs: Vec<String>,
}

/// Which experiences were given to the performer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Retrieval {
    /// Their ids, which become the parents.
    pub memories: Vec<String>,
    /// The query; none when nothing was looked up.
    pub query: Option<String>,
    /// The filters of the query.
    pub filters: Map<String, Value>,
    /// How long it took.
    pub latency_ms: u64,
    /// What was searched.
    pub source: Vec<String>,
}

impl Retrieval {
    fn to_json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("memory_count".into(), json!(self.memories.len()));
        if let Some(query) = &self.query {
            fields.insert("query".into(), json!(audit_text(query)));
        }
        fields.insert("filters".into(), audit_value(&Value::Object(self.filters.clone())));
        fields.insert("latency_ms".into(), json!(self.latency_ms));
        fields.insert("source".into(), json!(self.source));
        Value::Object(fields)
    }
}

/// Which process ran it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runner {
    /// `worker`, `run`, `api`.
    pub name: String,
    /// Of the product.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// Host name.
    pub host: String,
}

impl Runner {
    /// How a lease names its holder.
    pub fn label(&self) -> String {
        format!("{}@{}:{}", self.name, self.host, self.pid)
    }
}

/// An experience as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Experience {
    /// `task_exec_{task_id}_{timestamp}_{short_uuid}`.
    pub id: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: ExperienceType,
    /// `{text, structured}`.
    pub content: Value,
    /// `{actor, method, sources}`.
    pub provenance: Value,
    /// Experiences that were read to do it.
    pub parents: Vec<String>,
    /// What triggered it: the goal, earlier task executions.
    pub causes: Vec<String>,
    /// `task:{task_id}:{exec_ts_iso}:{short_uuid}`.
    pub session_id: String,
    /// The same instant as `ts`.
    pub created_at: Timestamp,
    /// Seconds since the epoch.
    pub ts: f64,
    /// `{scrubbed, …}`.
    pub meta: Value,
    /// The tenant; not part of the contract's nesting.
    #[serde(skip)]
    pub workspace_id: WorkspaceId,
}

/// All that an attempt leaves, from which its experience is made.
#[derive(Debug, Clone)]
pub struct Execution<'a> {
    /// The task as it was performed.
    pub task: &'a TaskState,
    /// `sha256:` of the task's action and settings.
    pub config_digest: String,
    /// The run.
    pub run: &'a Run,
    /// The ended attempt.
    pub attempt: &'a Attempt,
    /// The response: the summary if somebody wrote one, else the result.
    pub text: String,
    /// What it touched.
    pub io: Io,
    /// What it was told.
    pub retrieval: Retrieval,
    /// The goal and the executions that made it possible.
    pub causes: Vec<String>,
    /// Which process recorded it.
    pub runner: &'a Runner,
    /// Done by a person or asked for by one.
    pub manual: bool,
    /// Four or more hex digits that make the id unique.
    pub short: &'a str,
}

/// Builds the audit copy of an ended attempt. Every word of it that people or tools wrote passes through
/// [`audit_text`], and nowhere else.
pub fn task_execution(execution: Execution<'_>) -> Experience {
    let Execution { task, run, attempt, .. } = execution;
    let started = attempt.started_at;
    let ended = attempt.ended_at.unwrap_or(started).max(started);
    let status = match attempt.status {
        AttemptStatus::Succeeded => "success",
        AttemptStatus::Partial => "partial",
        AttemptStatus::Failed | AttemptStatus::Running | AttemptStatus::Suspended => "failed",
    };
    let (mode, method) = if execution.manual || run.mode == Mode::Manual {
        ("manual", "MANUAL_TASK")
    } else {
        ("scheduled", "SCHEDULED_TASK")
    };
    let error = attempt.error.as_ref().map(|error| ExecutionError {
        kind: error.kind.clone(),
        message: audit_text(&error.message),
        stack_hash: error.stack_hash.clone(),
    });
    let files_written = execution.io.files_written.iter().map(|path| audit_text(path)).collect();
    let io = Io { files_written, ..execution.io };
    let structured = json!({
        "schema_version": 1,
        "task_id": task.id,
        "task_slug": task.slug,
        "task_name": audit_text(&task.title),
        "task_type": task.task_type,
        "scheduled_vs_manual": mode,
        "status": status,
        "started_at_iso": started,
        "ended_at_iso": ended,
        "started_at_ts": started.as_seconds(),
        "ended_at_ts": ended.as_seconds(),
        "duration_ms": ended.millis_since(started),
        "trace_id": run.trace_id,
        "span_id": attempt.span_id,
        "attempt": attempt.number,
        "retry_of": attempt.retry_of,
        "idempotency_key": attempt.idempotency_key,
        "scheduled_at": run.scheduled_at,
        "request_trace_id": run.request_trace_id.map(|id| id.simple().to_string()),
        "task_config_digest": execution.config_digest,
        "retrieval": execution.retrieval.to_json(),
        "io": io,
        "embedding_skipped": true,
        "provenance_runner": execution.runner,
        "grants": {"scopes": [], "impersonation": false},
        "error": error,
    });
    Experience {
        id: format!(
            "task_exec_{}_{}_{}",
            task.id,
            started.utc().format("%Y%m%dT%H%M%S%6fZ"),
            execution.short
        ),
        kind: ExperienceType::TaskExecution,
        content: json!({"text": audit_text(&execution.text), "structured": structured}),
        provenance: json!({"actor": "AGENT", "method": method, "sources": []}),
        parents: execution.retrieval.memories,
        causes: execution.causes,
        session_id: format!("task:{}:{started}:{}", task.id, execution.short),
        created_at: started,
        ts: started.as_seconds(),
        meta: json!({"scrubbed": true}),
        workspace_id: run.workspace_id,
    }
}

/// The text of a result for people: a string as it is, everything else as compact JSON.
pub fn result_text(result: &Value) -> String {
    match result {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A short hexadecimal name from a random UUID.
pub fn short(random: Uuid) -> String {
    random.simple().to_string()[..8].to_owned()
}
