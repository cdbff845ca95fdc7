//! What is read of the record besides the record itself.

use async_trait::async_trait;
use goalwright_domain::Timestamp;
use goalwright_domain::agent::AgentId;
use goalwright_domain::execution::{Attempt, Run, RunId, ScriptRun, SpanId};
use goalwright_domain::experience::{Artifact, Experience, ExperienceType};
use goalwright_domain::workspace::WorkspaceId;
use uuid::Uuid;

use super::{Page, PageRequest, Search};
use crate::Error;
use crate::ports::{ModelCall, ToolCall};

/// How an experience refers to what it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkKind {
    /// It was read for it.
    Parent,
    /// It triggered it.
    Cause,
}

impl LinkKind {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parent => "parent",
            Self::Cause => "cause",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Parent, Self::Cause].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// An experience refers to something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The experience.
    pub from: String,
    /// An experience, a goal or a task.
    pub to: String,
    /// In which way.
    pub kind: LinkKind,
}

/// A goal or a task, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: Uuid,
    /// `goal` or `task`.
    pub what: &'static str,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: String,
}

/// How an execution ended, as its experience says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionStatus {
    /// With a result.
    Success,
    /// With an error.
    Failed,
    /// With a part of the result.
    Partial,
}

impl ExecutionStatus {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Partial => "partial",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Success, Self::Failed, Self::Partial].into_iter().find(|status| status.as_str() == text)
    }
}

/// Which executions.
#[derive(Debug, Clone, Default)]
pub struct ExecutionFilter {
    /// Of this task.
    pub task_id: Option<String>,
    /// Of the task with this slug.
    pub task_slug: Option<String>,
    /// That ended like this.
    pub status: Option<ExecutionStatus>,
    /// Of this agent.
    pub agent_id: Option<AgentId>,
    /// Started then or later.
    pub from: Option<Timestamp>,
    /// Started before.
    pub to: Option<Timestamp>,
}

/// An execution of a task as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionView {
    /// Its record.
    pub experience: Experience,
    /// Who performed it; unknown of backfilled ones.
    pub agent_id: Option<AgentId>,
    /// Such as `file.list`, if it called one.
    pub tool: Option<String>,
    /// When the run was queued, of first attempts.
    pub queued_at: Option<Timestamp>,
    /// What ran, or is to run, after it; looked up by [`Experiences::executions`](crate::experiences::Experiences::executions).
    pub hooks: Vec<HookView>,
}

/// Where a hook stands after an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookStatus {
    /// It is to be done, or done again.
    Queued,
    /// It is done.
    Done,
    /// It is not tried again.
    Failed,
}

impl HookStatus {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::Done, Self::Failed].into_iter().find(|status| status.as_str() == text)
    }
}

/// What a hook does, or did, after an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookView {
    /// The record of the execution.
    pub experience_id: String,
    /// The hook.
    pub hook: String,
    /// Where it stands.
    pub status: HookStatus,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub available_at: Option<Timestamp>,
    /// What went wrong last.
    pub error: Option<String>,
    /// The experiences that it left.
    pub left_behind: Vec<String>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What figures are made of: one execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The task's id.
    pub task_id: String,
    /// The task's slug.
    pub task_slug: String,
    /// The task's type.
    pub task_type: String,
    /// Who performed it.
    pub agent_id: Option<AgentId>,
    /// What it called.
    pub tool: Option<String>,
    /// How it ended.
    pub status: ExecutionStatus,
    /// From 1.
    pub attempt: u32,
    /// How long it took.
    pub duration_ms: i64,
    /// When the run was queued, of first attempts.
    pub queued_at: Option<Timestamp>,
    /// When it started.
    pub started_at: Timestamp,
}

/// Answers questions about the record. Everything is scoped to one workspace. What is derived from experiences follows them,
/// see [`Experiences::catch_up`](crate::experiences::Experiences::catch_up).
#[async_trait]
pub trait Records: Send + Sync {
    /// Whether there are experiences that nothing was derived from yet, in any workspace.
    async fn has_unread(&self) -> Result<bool, Error>;
    /// The experience that is read next; none if nothing is unread.
    async fn next_unread(&self) -> Result<Option<String>, Error>;
    /// Those of these hooks that have looked at every execution, of all workspaces.
    async fn hooks_abreast(&self, hooks: &[&str]) -> Result<Vec<String>, Error>;
    /// Whether there is something to do for any hook, in any workspace.
    async fn any_hook_due(&self, now: Timestamp) -> Result<bool, Error>;
    /// What runs, or ran, after these executions, by execution and hook.
    async fn hooks_after(
        &self,
        workspace: WorkspaceId,
        executions: &[String],
    ) -> Result<Vec<HookView>, Error>;
    /// Hooks that failed for good, the latest first, of all workspaces; at most `most`.
    async fn failed_hooks(&self, most: u64) -> Result<Vec<HookView>, Error>;
    /// The newest experiences with these words, all of them or any; at most `most`.
    async fn with_words(
        &self,
        workspace: WorkspaceId,
        search: &Search,
        all: bool,
        kind: Option<ExperienceType>,
        most: u64,
    ) -> Result<Vec<Experience>, Error>;
    /// The experiences with these ids, in no order.
    async fn experiences_of(&self, workspace: WorkspaceId, ids: &[String]) -> Result<Vec<Experience>, Error>;
    /// Links to any of these; at most `most`, in no order.
    async fn links_to(&self, workspace: WorkspaceId, ids: &[String], most: u64) -> Result<Vec<Link>, Error>;
    /// Executions, newest first.
    async fn executions(
        &self,
        workspace: WorkspaceId,
        filter: &ExecutionFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionView>, Error>;
    /// The newest executions that started in this time; at most `most`.
    async fn measured(
        &self,
        workspace: WorkspaceId,
        from: Timestamp,
        to: Timestamp,
        most: u64,
    ) -> Result<Vec<Measured>, Error>;
    /// Runs of this trace, and runs that a request of this trace asked for; at most `most` of each.
    async fn runs_in_trace(&self, workspace: WorkspaceId, trace: Uuid, most: u64) -> Result<Vec<Run>, Error>;
    /// The attempts of these runs, by run and number; at most `most`.
    async fn attempts_of(&self, runs: &[RunId], most: u64) -> Result<Vec<Attempt>, Error>;
    /// The calls of these attempts, in their order; at most `most`.
    async fn calls_of(&self, spans: &[SpanId], most: u64) -> Result<Vec<ToolCall>, Error>;
    /// Calls of models in these traces, oldest first.
    async fn model_calls_in(
        &self,
        workspace: WorkspaceId,
        traces: &[Uuid],
        most: u64,
    ) -> Result<Vec<ModelCall>, Error>;
    /// The runs of scripts of these attempts, in their order; at most `most`.
    async fn scripts_of(&self, spans: &[SpanId], most: u64) -> Result<Vec<ScriptRun>, Error>;
    /// What is known of an artifact.
    async fn artifact(&self, workspace: WorkspaceId, id: Uuid) -> Result<Option<Artifact>, Error>;
    /// The goals and tasks with these ids, in no order.
    async fn named(&self, workspace: WorkspaceId, ids: &[Uuid]) -> Result<Vec<Named>, Error>;
}
