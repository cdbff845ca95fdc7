//! Executions of tasks, one for each attempt.

use goalwright_application::Services;
use goalwright_application::read::{ExecutionFilter, ExecutionStatus, ExecutionView, HookView};
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::answer::Shown;
use crate::auth::{Caller, Read};
use crate::document::Chapter;
use crate::nullable::Nullable;
use crate::page::{Limit, List, list, page};
use crate::problem::Problem;
use crate::values::{FreeObject, Moment, Word, vocabulary};

const LIST: &str = "task-executions";

vocabulary!(ExecutionStatus, "execution status", { Success: "success", Failed: "failed", Partial: "partial" });

/// Read executions.
pub(crate) struct Executions(pub(crate) Services);

/// One attempt at a task, as its record tells it.
#[derive(Debug, Object)]
#[oai(rename = "TaskExecution")]
struct ExecutionBody {
    /// The experience that is its record.
    experience_id: String,
    /// The task's id; of older records any text.
    task_id: String,
    /// The task's slug.
    task_slug: Nullable<String>,
    /// The task's title at the time.
    task_name: Nullable<String>,
    /// The task's type.
    task_type: Nullable<String>,
    /// How it ended.
    status: Nullable<String>,
    /// `scheduled` or `manual`.
    mode: Nullable<String>,
    /// From 1.
    attempt: i64,
    /// The span of the attempt before.
    retry_of: Nullable<String>,
    /// Constant over the attempts of a run.
    trace_id: Nullable<String>,
    /// Of this attempt alone.
    span_id: Nullable<String>,
    /// Who performed it; unknown of records from elsewhere.
    agent_id: Nullable<Uuid>,
    /// What it called, such as `file.list`.
    tool: Nullable<String>,
    /// When its run was queued, of first attempts.
    queued_at: Nullable<Moment>,
    /// When it began.
    started_at: Moment,
    /// When it ended.
    ended_at: Nullable<String>,
    /// How long it took.
    duration_ms: i64,
    /// `{type, message, stack_hash}` if it failed.
    error: Nullable<FreeObject>,
    /// What ran, or is to run, after it.
    hooks: Vec<HookBody>,
}

/// A step that runs after an execution.
#[derive(Debug, Object)]
#[oai(rename = "HookRun")]
struct HookBody {
    /// Which one.
    name: String,
    /// `queued`, `done` or `failed`.
    status: String,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next.
    next_attempt_at: Nullable<Moment>,
    /// What went wrong last.
    error: Nullable<String>,
    /// The experiences that it left.
    experiences: Vec<String>,
}

impl From<HookView> for HookBody {
    fn from(view: HookView) -> Self {
        Self {
            name: view.hook,
            status: view.status.as_str().to_owned(),
            attempts: view.attempts,
            next_attempt_at: view.available_at.map(Moment).into(),
            error: view.error.into(),
            experiences: view.left_behind,
        }
    }
}

#[OpenApi(tag = "Chapter::Experiences")]
impl Executions {
    /// List executions of tasks.
    ///
    /// The attempts at tasks that have ended, the latest begun first. Filters are combined.
    #[expect(clippy::too_many_arguments, reason = "one per filter")]
    #[oai(path = "/v1/task-executions", method = "get", operation_id = "list_task_executions")]
    async fn list(
        &self,
        caller: Caller<Read>,
        /// Only executions of this task.
        task_id: Query<Option<String>>,
        /// Only executions of the task with this slug.
        task_slug: Query<Option<String>>,
        /// Only executions that ended like this.
        status: Query<Option<Word<ExecutionStatus>>>,
        /// Only executions by this agent.
        agent: Query<Option<Uuid>>,
        /// Only executions that began then or later.
        from: Query<Option<Moment>>,
        /// Only executions that began before.
        to: Query<Option<Moment>>,
        /// The most items of the page.
        limit: Query<Option<Limit>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Shown<List<ExecutionBody>>, Problem> {
        let filter = ExecutionFilter {
            task_id: task_id.0.map(|id| id.parse::<Uuid>().map_or(id, |uuid| uuid.to_string())),
            task_slug: task_slug.0,
            status: status.0.map(|word| word.0),
            agent_id: agent.0.map(Into::into),
            from: from.0.map(|moment| moment.0),
            to: to.0.map(|moment| moment.0),
        };
        let page = page(LIST, limit.0, cursor.0)?;
        Ok(list(LIST, self.0.experiences.executions(&caller.0, &filter, &page).await?))
    }
}

impl From<ExecutionView> for ExecutionBody {
    fn from(view: ExecutionView) -> Self {
        let structured = &view.experience.content["structured"];
        let text = |field: &str| structured[field].as_str().map(str::to_owned);
        Self {
            task_id: text("task_id").unwrap_or_default(),
            task_slug: text("task_slug").into(),
            task_name: text("task_name").into(),
            task_type: text("task_type").into(),
            status: text("status").into(),
            mode: text("scheduled_vs_manual").into(),
            attempt: structured["attempt"].as_i64().unwrap_or(1),
            retry_of: text("retry_of").into(),
            trace_id: text("trace_id").into(),
            span_id: text("span_id").into(),
            agent_id: view.agent_id.map(|id| id.uuid()).into(),
            tool: view.tool.into(),
            queued_at: view.queued_at.map(Moment).into(),
            started_at: view.experience.created_at.into(),
            ended_at: text("ended_at_iso").into(),
            duration_ms: structured["duration_ms"].as_i64().unwrap_or(0),
            error: structured["error"].is_object().then(|| FreeObject(structured["error"].clone())).into(),
            experience_id: view.experience.id,
            hooks: view.hooks.into_iter().map(Into::into).collect(),
        }
    }
}

/// Tell what happened in a trace.
pub(crate) struct Traces(pub(crate) Services);

mod trace;
use trace::TraceBody;

#[OpenApi(tag = "Chapter::Experiences")]
impl Traces {
    /// Read a trace.
    ///
    /// All that happened in it, as a tree: its runs, their attempts with their stages, calls and scripts, and the events of the
    /// request and of the runs. A trace is that of a run or that of the request that asked for it.
    #[oai(path = "/v1/traces/:id", method = "get", operation_id = "get_trace")]
    async fn get(
        &self,
        caller: Caller<Read>,
        /// The trace's id.
        id: Path<Uuid>,
    ) -> Result<Shown<TraceBody>, Problem> {
        Ok(Shown(self.0.traces.get(&caller.0, id.0).await?.into()))
    }
}
