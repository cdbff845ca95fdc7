use goalwright_application::read::{TaskView, Then};
use goalwright_domain::agent::AgentId;
use goalwright_domain::execution::{ExecutionError, OnExhausted, Wait, WaitKind};
use goalwright_domain::goal::GoalId;
use goalwright_domain::task::{TaskId, TaskStatus};
use poem_openapi::Object;
use serde_json::Value;
use uuid::Uuid;

use super::action::ActionBody;
use super::retry::RetryBody;
use super::schedule::ScheduleBody;
use crate::nullable::Nullable;
use crate::values::{Moment, Word};

/// A task.
#[derive(Debug, Object)]
#[oai(rename = "Task")]
pub(crate) struct TaskBody {
    /// Its id.
    id: Uuid,
    /// The tenant.
    workspace_id: Uuid,
    /// The goal it serves.
    goal_id: Nullable<Uuid>,
    /// Its name in the plan, such as `T001`; unique in the goal.
    key: Nullable<String>,
    /// Its name in the workspace, unique there.
    slug: String,
    /// What is to be done.
    title: String,
    /// Details, Markdown.
    description: String,
    /// Matched with the agents' capabilities.
    task_type: String,
    /// Where it stands.
    status: Word<TaskStatus>,
    /// Higher first.
    priority: i32,
    /// Who does it.
    agent_id: Nullable<Uuid>,
    /// The tasks that it waits for, or waited for.
    depends_on: Vec<Uuid>,
    /// Those of `depends_on` that are not completed.
    blocked_by: Vec<Uuid>,
    /// What to do, if it is more than words.
    action: Nullable<ActionBody>,
    /// Present once it is completed.
    result: Nullable<Value>,
    /// Why it waits; present exactly while it does.
    waiting: Nullable<WaitBody>,
    /// The last failure; kept until it succeeds.
    error: Nullable<ExecutionErrorBody>,
    /// Free words.
    labels: Vec<String>,
    /// Marked with `[P]` in the plan.
    parallel: bool,
    /// Expected effort.
    estimate_minutes: Nullable<u32>,
    /// 1 (trivial) to 10.
    complexity: Nullable<u8>,
    /// Why it is that complex; a model that planned it says so.
    complexity_reason: Nullable<String>,
    /// The latest attempt's number, 0 before the first.
    attempt: u32,
    /// Attempts in all before it fails.
    max_attempts: u32,
    /// When it is tried again.
    retry: RetryBody,
    /// What becomes of it when it is not tried again.
    on_exhausted: Word<OnExhausted>,
    /// When it is meant to run, or ran.
    scheduled_at: Nullable<Moment>,
    /// When it recurs, with every default filled in.
    schedule: Nullable<ScheduleBody>,
    /// When its schedule begins the next run; null without one, after its end, and once the task is given up.
    next_run_at: Nullable<Moment>,
    /// Raised with every change; the `ETag`.
    revision: i64,
    /// When it was made.
    created_at: Moment,
    /// When it last changed.
    updated_at: Moment,
    /// The past moment at which it was so; not there for what it is now.
    #[oai(skip_serializing_if_is_none)]
    as_of: Option<Moment>,
    /// Of the past, the fields whose values were redacted and stand here empty.
    #[oai(skip_serializing_if_is_none)]
    redacted: Option<Vec<String>>,
}

/// What a task waits for.
#[derive(Debug, Object)]
#[oai(rename = "Wait")]
pub(crate) struct WaitBody {
    /// A person's work, a person's decision, or a moment.
    kind: Word<WaitKind>,
    /// The moment, if it is one.
    until: Nullable<Moment>,
    /// In words.
    message: String,
}

/// Why an execution failed.
#[derive(Debug, Object)]
#[oai(rename = "ExecutionError")]
pub(crate) struct ExecutionErrorBody {
    /// A class of errors, such as `FileNotFound`.
    #[oai(rename = "type")]
    kind: String,
    /// In words.
    message: String,
    /// 16 hexadecimal digits over the type and what caused it.
    stack_hash: String,
}

impl From<Then<TaskView>> for TaskBody {
    fn from(Then { at, what, redacted }: Then<TaskView>) -> Self {
        Self { as_of: Some(at.into()), redacted: Some(redacted), ..what.into() }
    }
}

impl From<TaskView> for TaskBody {
    fn from(TaskView { state, revision, updated_at, depends_on, blocked_by, next_run_at }: TaskView) -> Self {
        Self {
            id: state.id.uuid(),
            workspace_id: state.workspace_id.uuid(),
            goal_id: state.goal_id.map(GoalId::uuid).into(),
            key: state.key.into(),
            slug: state.slug,
            title: state.title,
            description: state.description,
            task_type: state.task_type,
            status: Word(state.status),
            priority: state.priority,
            agent_id: state.agent_id.map(AgentId::uuid).into(),
            depends_on: depends_on.into_iter().map(|edge| edge.task_id.uuid()).collect(),
            blocked_by: blocked_by.into_iter().map(TaskId::uuid).collect(),
            action: state.action.map(ActionBody::from).into(),
            result: state.result.into(),
            waiting: state.waiting.map(WaitBody::from).into(),
            error: state.error.map(ExecutionErrorBody::from).into(),
            labels: state.labels,
            parallel: state.parallel,
            estimate_minutes: state.estimate_minutes.into(),
            complexity: state.complexity.into(),
            complexity_reason: state.complexity_reason.into(),
            attempt: state.attempt,
            max_attempts: state.max_attempts,
            retry: state.retry.unwrap_or_default().into(),
            on_exhausted: Word(state.on_exhausted),
            scheduled_at: state.scheduled_at.map(Moment).into(),
            schedule: state.schedule.map(ScheduleBody::from).into(),
            next_run_at: next_run_at.map(Moment).into(),
            revision,
            created_at: state.created_at.into(),
            updated_at: updated_at.into(),
            as_of: None,
            redacted: None,
        }
    }
}

impl From<Wait> for WaitBody {
    fn from(wait: Wait) -> Self {
        Self { kind: Word(wait.kind), until: wait.until.map(Moment).into(), message: wait.message }
    }
}

impl From<ExecutionError> for ExecutionErrorBody {
    fn from(ExecutionError { kind, message, stack_hash }: ExecutionError) -> Self {
        Self { kind, message, stack_hash }
    }
}
