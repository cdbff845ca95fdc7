//! Agents.

pub(crate) mod queries;
mod repository;
pub(crate) mod stored;

use goalwright_application::ports::StorageError;
use goalwright_domain::agent::{Agent, AgentKind, AgentState, AgentStatus};
use sea_orm::{QueryResult, Value};
use serde_json::json;

use super::row::Row;
use super::sql::{self, int_or_null, time, time_or_null, uuid_or_null};

const COLUMNS: [&str; 14] = [
    "id",
    "workspace_id",
    "name",
    "kind",
    "capabilities",
    "max_concurrency",
    "is_default",
    "status",
    "user_id",
    "llm",
    "revision",
    "created_at",
    "updated_at",
    "last_seen_at",
];

/// What can change after an agent was made. Naming the workspace in an update, even with the value it has, would make
/// SQLite look through all tasks that refer to the agent.
const CHANGING: [&str; 11] = [
    "id",
    "name",
    "kind",
    "capabilities",
    "max_concurrency",
    "is_default",
    "status",
    "user_id",
    "llm",
    "revision",
    "updated_at",
];

fn select() -> String {
    format!("SELECT {} FROM agents", COLUMNS.join(", "))
}

fn to_row(agent: &Agent) -> Vec<Value> {
    let state = agent.state();
    vec![
        state.id.uuid().into(),
        state.workspace_id.uuid().into(),
        state.name.as_str().into(),
        state.kind.as_str().into(),
        sql::json(json!(state.capabilities)),
        int_or_null(state.max_concurrency),
        state.is_default.into(),
        state.status.as_str().into(),
        uuid_or_null(state.user_id.map(|id| id.uuid())),
        sql::json_or_null(state.llm.as_ref().map(|profile| json!(profile))),
        agent.revision().into(),
        time(state.created_at),
        time(agent.updated_at()),
        time_or_null(agent.last_seen_at()),
    ]
}

fn changing_row(agent: &Agent) -> Vec<Value> {
    let state = agent.state();
    vec![
        state.id.uuid().into(),
        state.name.as_str().into(),
        state.kind.as_str().into(),
        sql::json(json!(state.capabilities)),
        int_or_null(state.max_concurrency),
        state.is_default.into(),
        state.status.as_str().into(),
        uuid_or_null(state.user_id.map(|id| id.uuid())),
        sql::json_or_null(state.llm.as_ref().map(|profile| json!(profile))),
        agent.revision().into(),
        time(agent.updated_at()),
    ]
}

fn from_row(row: &QueryResult) -> Result<Agent, StorageError> {
    let row = Row::of("agents", row);
    let state = AgentState {
        id: row.id("id")?,
        workspace_id: row.id("workspace_id")?,
        name: row.text("name")?,
        kind: row.word("kind", AgentKind::parse)?,
        capabilities: row.json("capabilities")?,
        max_concurrency: row
            .get::<Option<i32>>("max_concurrency")?
            .and_then(|limit| u32::try_from(limit).ok()),
        is_default: row.get("is_default")?,
        status: row.word("status", AgentStatus::parse)?,
        user_id: row.id_or_none("user_id")?,
        llm: row.json_or_none("llm")?,
        created_at: row.time("created_at")?,
    };
    let agent = Agent::rehydrate(state, row.get("revision")?, row.time("updated_at")?);
    Ok(agent.seen(row.time_or_none("last_seen_at")?))
}
