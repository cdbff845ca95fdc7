//! `goalwright event`: the ledger.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::fields::{short_id, text, when};
use super::session::{Paging, Session, Shared};
use crate::client::Noun;
use crate::failure::{Exit, Failure};
use crate::terminal::{Column, Table};

/// Read the ledger: every change, with who made it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright event list")]
pub(super) struct Event {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List events, newest first
    #[command(after_help = "Example:\n  goalwright event list --entity task/list-the-files")]
    List {
        /// Only about this kind of thing, or about this thing: `task`, `task/list-the-files`, `goal/1cef10aa`
        #[arg(long, value_name = "TYPE/ID")]
        entity: Option<String>,
        /// Only of this type, such as task.completed
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
        /// Only of this trace
        #[arg(long, value_name = "ID")]
        trace: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
}

impl Event {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        Session::with(self.shared, async |session| self.action.execute(session).await).await
    }
}

impl Action {
    async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let Self::List { entity, kind, trace, paging } = self;
        let (entity_type, entity_id) = match entity {
            Some(entity) => entity_of(session, &entity).await?,
            None => (None, None),
        };
        let filters = [
            ("entity_type", entity_type),
            ("entity_id", entity_id),
            ("event_type", kind),
            ("trace_id", trace),
        ];
        let listed = session.client.list("events", &filters, paging.limit()).await?;
        let empty = "no events; every change of a goal, a task or an agent leaves one";
        Ok(session.list(&listed, || table(session, listed.items()), empty))
    }
}

/// `type` or `type/id`.
async fn entity_of(session: &Session, entity: &str) -> Result<(Option<String>, Option<String>), Failure> {
    let Some((kind, id)) = entity.split_once('/') else { return Ok((Some(entity.to_owned()), None)) };
    let noun = match kind {
        "goal" => Some(Noun::Goal),
        "task" => Some(Noun::Task),
        "agent" => Some(Noun::Agent),
        _ => None,
    };
    let id = match noun {
        Some(noun) => session.id(noun, id).await?,
        None => id.to_owned(),
    };
    Ok((Some(kind.to_owned()), Some(id)))
}

fn table(session: &Session, events: &[Value]) -> Table {
    let columns = [
        Column::Number("POSITION"),
        Column::Word("TYPE"),
        Column::Word("ID"),
        Column::Word("BY"),
        Column::Text("CHANGED"),
        Column::Aside("CREATED"),
    ];
    Table::of(columns, events, |event| {
        [
            text(event, "position"),
            text(event, "event_type"),
            short_id(event, "entity_id"),
            text(&event["actor"], "type"),
            changed(&event["changes"]),
            when(event, "created_at", session.now),
        ]
    })
}

/// Which fields changed, the status with its values: that is what is looked for most. Where something was made, each field
/// is new, and only the status is told.
fn changed(changes: &Value) -> String {
    let Some(fields) = changes.as_object() else { return String::new() };
    let side = |side: &str| changes["status"][side].as_str().map(str::to_owned);
    let status = match (side("from"), side("to")) {
        (Some(from), Some(to)) => Some(format!("{from} → {to}")),
        (None, to) => to,
        (from, None) => from,
    };
    let made = fields.len() > 1 && fields.values().all(|change| change["from"].is_null());
    let others = fields.keys().filter(|name| !made && *name != "status").cloned();
    status.into_iter().chain(others).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_status_is_told_first_and_with_its_values() {
        let changes = json!({"attempt": {"from": 0, "to": 1}, "status": {"from": "ready", "to": "running"}});
        assert_eq!(changed(&changes), "ready → running, attempt");
        let made = json!({"title": {"from": null, "to": "x"}, "status": {"from": null, "to": "active"}});
        assert_eq!(changed(&made), "active");
        assert_eq!(changed(&Value::Null), "");
    }
}
