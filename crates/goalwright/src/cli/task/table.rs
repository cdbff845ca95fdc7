//! Tasks as rows.

use std::collections::HashMap;

use serde_json::Value;

use crate::cli::fields::{count, short_id, text, when};
use crate::cli::session::Session;
use crate::client::short;
use crate::failure::Failure;
use crate::terminal::{Column, Table};

/// Of so many agents the names are known; of others the id is shown.
const AGENTS: usize = 200;

/// Tasks with the names of their agents.
pub(in crate::cli) async fn tasks_table(session: &Session, tasks: &[Value]) -> Result<Table, Failure> {
    let agents = agent_names(session, tasks).await?;
    let columns = [
        Column::Word("ID"),
        Column::Word("KEY"),
        Column::Status("STATUS"),
        Column::Text("TITLE"),
        Column::Number("OPEN"),
        Column::Text("AGENT"),
        Column::Aside("CHANGED"),
    ];
    Ok(Table::of(columns, tasks, |task| {
        let open = count(task, "blocked_by");
        [
            short_id(task, "id"),
            text(task, "key"),
            text(task, "status"),
            text(task, "title"),
            if open > 0 { open.to_string() } else { String::new() },
            agent_name(&agents, task),
            when(task, "updated_at", session.now),
        ]
    }))
}

/// The names of agents by their ids, if any of these tasks has one.
pub(super) async fn agent_names(
    session: &Session,
    tasks: &[Value],
) -> Result<HashMap<String, String>, Failure> {
    if tasks.iter().all(|task| task["agent_id"].is_null()) {
        return Ok(HashMap::new());
    }
    let agents = session.client.list("agents", &[], Some(AGENTS)).await?;
    Ok(agents.items().iter().map(|agent| (text(agent, "id"), text(agent, "name"))).collect())
}

/// The name of a task's agent.
pub(super) fn agent_name(names: &HashMap<String, String>, task: &Value) -> String {
    let id = text(task, "agent_id");
    names.get(&id).cloned().unwrap_or_else(|| short(&id).to_owned())
}
