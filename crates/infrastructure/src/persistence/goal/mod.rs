//! Goals and the counters of their tasks.

pub(crate) mod queries;
mod repository;
pub(crate) mod stored;

use goalwright_application::ports::StorageError;
use goalwright_domain::goal::{Goal, GoalState, GoalStatus, Origin, TaskCounts};
use goalwright_domain::task::TaskStatus;
use sea_orm::{QueryResult, Value};
use serde_json::json;

use super::row::Row;
use super::sql::{self, time, time_or_null};

const COLUMNS: [&str; 15] = [
    "id",
    "workspace_id",
    "title",
    "description",
    "success_criteria",
    "due_at",
    "status",
    "queue",
    "sandbox",
    "source_path",
    "source_digest",
    "created_by",
    "revision",
    "created_at",
    "updated_at",
];

/// What can change after a goal was made. Naming the workspace in an update, even with the value it has, would make SQLite
/// look through all tasks that refer to the goal.
const CHANGING: [&str; 12] = [
    "id",
    "title",
    "description",
    "success_criteria",
    "due_at",
    "status",
    "queue",
    "sandbox",
    "source_path",
    "source_digest",
    "revision",
    "updated_at",
];

fn select() -> String {
    format!("SELECT {} FROM goals", COLUMNS.join(", "))
}

fn to_row(goal: &Goal) -> Vec<Value> {
    let state = goal.state();
    vec![
        state.id.uuid().into(),
        state.workspace_id.uuid().into(),
        state.title.as_str().into(),
        state.description.as_str().into(),
        sql::json(json!(state.success_criteria)),
        time_or_null(state.due_at),
        state.status.as_str().into(),
        state.origin.queue.as_str().into(),
        state.origin.sandbox.clone().into(),
        state.origin.source_path.clone().into(),
        state.origin.source_digest.clone().into(),
        state.created_by.uuid().into(),
        goal.revision().into(),
        time(state.created_at),
        time(goal.updated_at()),
    ]
}

fn changing_row(goal: &Goal) -> Vec<Value> {
    let state = goal.state();
    vec![
        state.id.uuid().into(),
        state.title.as_str().into(),
        state.description.as_str().into(),
        sql::json(json!(state.success_criteria)),
        time_or_null(state.due_at),
        state.status.as_str().into(),
        state.origin.queue.as_str().into(),
        state.origin.sandbox.clone().into(),
        state.origin.source_path.clone().into(),
        state.origin.source_digest.clone().into(),
        goal.revision().into(),
        time(goal.updated_at()),
    ]
}

fn state_of(row: &Row<'_>) -> Result<GoalState, StorageError> {
    Ok(GoalState {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        title: row.text("title")?,
        description: row.text("description")?,
        success_criteria: row.json("success_criteria")?,
        due_at: row.time_or_none("due_at")?,
        status: row.word("status", GoalStatus::parse)?,
        origin: Origin {
            queue: row.text("queue")?,
            sandbox: row.get("sandbox")?,
            source_path: row.get("source_path")?,
            source_digest: row.get("source_digest")?,
        },
        created_by: row.id("created_by")?,
        created_at: row.time("created_at")?,
    })
}

fn from_row(row: &QueryResult) -> Result<Goal, StorageError> {
    let row = Row::of("goals", row);
    Ok(Goal::rehydrate(state_of(&row)?, row.get("revision")?, row.time("updated_at")?))
}

fn counts_of(row: &Row<'_>) -> Result<TaskCounts, StorageError> {
    let mut counts = TaskCounts::default();
    for status in TaskStatus::ALL {
        *counts.of_mut(status) = row.get(status.as_str())?;
    }
    Ok(counts)
}
