//! Tasks and the edges between them.

pub(crate) mod cycle;
pub(crate) mod queries;
mod repository;
mod search;
pub(crate) mod stored;

use goalwright_application::ports::StorageError;
use goalwright_domain::execution::OnExhausted;
use goalwright_domain::task::{Task, TaskState, TaskStatus};
use sea_orm::{QueryResult, Value};
use serde::Serialize;
use serde_json::json;

use super::row::Row;
use super::sql::{self, int, int_or_null, json_or_null, time, time_or_null, uuid_or_null};

const COLUMNS: [&str; 30] = [
    "id",
    "workspace_id",
    "goal_id",
    "key",
    "slug",
    "title",
    "description",
    "task_type",
    "status",
    "waiting",
    "error",
    "priority",
    "agent_id",
    "action",
    "result",
    "labels",
    "parallel",
    "estimate_minutes",
    "complexity",
    "complexity_reason",
    "attempt",
    "max_attempts",
    "retry",
    "on_exhausted",
    "scheduled_at",
    "schedule",
    "open_dependencies",
    "revision",
    "created_at",
    "updated_at",
];

fn select() -> String {
    format!("SELECT {} FROM tasks", COLUMNS.join(", "))
}

fn stored<T: Serialize>(value: Option<&T>) -> Value {
    json_or_null(value.map(|value| json!(value)))
}

fn to_row(task: &Task) -> Vec<Value> {
    let state = task.state();
    vec![
        state.id.uuid().into(),
        state.workspace_id.uuid().into(),
        uuid_or_null(state.goal_id.map(|id| id.uuid())),
        state.key.clone().into(),
        state.slug.as_str().into(),
        state.title.as_str().into(),
        state.description.as_str().into(),
        state.task_type.as_str().into(),
        state.status.as_str().into(),
        stored(state.waiting.as_ref()),
        stored(state.error.as_ref()),
        state.priority.into(),
        uuid_or_null(state.agent_id.map(|id| id.uuid())),
        stored(state.action.as_ref()),
        json_or_null(state.result.clone()),
        sql::json(json!(state.labels)),
        state.parallel.into(),
        int_or_null(state.estimate_minutes),
        int_or_null(state.complexity),
        state.complexity_reason.clone().into(),
        int(state.attempt),
        int(state.max_attempts),
        stored(state.retry.as_ref()),
        state.on_exhausted.as_str().into(),
        time_or_null(state.scheduled_at),
        stored(state.schedule.as_ref()),
        int(task.open_dependencies()),
        task.revision().into(),
        time(state.created_at),
        time(task.updated_at()),
    ]
}

/// What can change at all. The workspace never does.
const REWRITTEN: [&str; 28] = [
    "id",
    "goal_id",
    "key",
    "slug",
    "title",
    "description",
    "task_type",
    "status",
    "waiting",
    "error",
    "priority",
    "agent_id",
    "action",
    "result",
    "labels",
    "parallel",
    "estimate_minutes",
    "complexity",
    "complexity_reason",
    "attempt",
    "max_attempts",
    "retry",
    "on_exhausted",
    "scheduled_at",
    "schedule",
    "open_dependencies",
    "revision",
    "updated_at",
];

fn rewritten_row(task: &Task) -> Vec<Value> {
    let row = to_row(task).into_iter().zip(COLUMNS);
    row.filter(|(_, column)| REWRITTEN.contains(column)).map(|(value, _)| value).collect()
}

/// What progress changes of a task: a claim or a settlement need not write its words again.
const CHANGING: [&str; 13] = [
    "id",
    "status",
    "waiting",
    "error",
    "priority",
    "agent_id",
    "result",
    "attempt",
    "scheduled_at",
    "open_dependencies",
    "revision",
    "updated_at",
    "goal_id",
];

fn changing_row(task: &Task) -> Vec<Value> {
    let state = task.state();
    vec![
        state.id.uuid().into(),
        state.status.as_str().into(),
        stored(state.waiting.as_ref()),
        stored(state.error.as_ref()),
        state.priority.into(),
        uuid_or_null(state.agent_id.map(|id| id.uuid())),
        json_or_null(state.result.clone()),
        int(state.attempt),
        time_or_null(state.scheduled_at),
        int(task.open_dependencies()),
        task.revision().into(),
        time(task.updated_at()),
        uuid_or_null(state.goal_id.map(|id| id.uuid())),
    ]
}

fn state_of(row: &Row<'_>) -> Result<TaskState, StorageError> {
    let small = |column: &str| -> Result<Option<u32>, StorageError> {
        Ok(row.get::<Option<i32>>(column)?.and_then(|number| u32::try_from(number).ok()))
    };
    Ok(TaskState {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        goal_id: row.id_or_none("goal_id")?,
        key: row.get("key")?,
        slug: row.text("slug")?,
        title: row.text("title")?,
        description: row.text("description")?,
        task_type: row.text("task_type")?,
        status: row.word("status", TaskStatus::parse)?,
        waiting: row.json_or_none("waiting")?,
        error: row.json_or_none("error")?,
        priority: row.get("priority")?,
        agent_id: row.id_or_none("agent_id")?,
        action: row.json_or_none("action")?,
        result: row.get("result")?,
        labels: row.json("labels")?,
        parallel: row.get("parallel")?,
        estimate_minutes: small("estimate_minutes")?,
        complexity: small("complexity")?.and_then(|number| u8::try_from(number).ok()),
        complexity_reason: row.get("complexity_reason")?,
        attempt: row.count("attempt")?,
        max_attempts: row.count("max_attempts")?,
        retry: row.json_or_none("retry")?,
        on_exhausted: row.word("on_exhausted", OnExhausted::parse)?,
        scheduled_at: row.time_or_none("scheduled_at")?,
        schedule: row.json_or_none("schedule")?,
        created_at: row.time("created_at")?,
    })
}

fn from_row(row: &QueryResult) -> Result<Task, StorageError> {
    let row = Row::of("tasks", row);
    let open = row.count("open_dependencies")?;
    Ok(Task::rehydrate(state_of(&row)?, row.get("revision")?, row.time("updated_at")?, open))
}
