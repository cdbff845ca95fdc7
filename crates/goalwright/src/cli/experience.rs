//! `goalwright experience`: what was done and learned.

mod lineage;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::fields::{moment, page, short_id, text, texts, when};
use super::input;
use super::session::{Paging, Session, Shared};
use crate::client::{Call, Noun};
use crate::failure::{Exit, Failure};
use crate::terminal::{Column, Table, print, status, strong};

/// Read what was done and learned, and add to it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright experience list")]
pub(super) struct Experience {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List experiences, newest first
    #[command(after_help = "Example:\n  goalwright experience list --task list-the-files")]
    List(List),
    /// Show an experience with its whole record
    #[command(after_help = "Example:\n  goalwright experience show a74b07b8")]
    Show {
        /// The experience: its id, or the beginning or end of it
        id: String,
    },
    /// Show what an experience came from and what came of it, as a tree
    #[command(after_help = "Example:\n  goalwright experience lineage a74b07b8 --direction up")]
    Lineage {
        /// The experience: its id, or the beginning or end of it
        id: String,
        /// Which way to look: up, down, both
        #[arg(long, value_name = "DIRECTION", default_value = "both")]
        direction: String,
        /// The most steps away from it, up to 20
        #[arg(long, value_name = "STEPS", default_value_t = 5)]
        depth: u32,
        /// The most nodes, up to 1000
        #[arg(long, value_name = "NODES", default_value_t = 200)]
        limit: u32,
    },
    /// Add an observation, a reflection or a belief
    #[command(after_help = "Example:\n  goalwright experience add \"The feed is slow on Mondays\"")]
    Add {
        /// What is worth keeping; `-` reads standard input
        text: String,
        /// What kind of experience it is: OBSERVATION, REFLECTION, BELIEF, CONVERSATION
        #[arg(long = "type", value_name = "TYPE", default_value = "OBSERVATION")]
        kind: String,
    },
}

#[derive(Debug, Args)]
struct List {
    /// Only of this type, such as TASK_EXECUTION
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only of this task: its id, the beginning or end of it, its slug, or its key
    #[arg(long, value_name = "TASK")]
    task: Option<String>,
    /// Only of this trace
    #[arg(long, value_name = "ID")]
    trace: Option<String>,
    /// Only those in which these words occur
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

impl Experience {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        Session::with(self.shared, async |session| self.action.execute(session).await).await
    }
}

impl Action {
    async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::List(List { kind, task, trace, search, paging }) => {
                let task = session.id_if(Noun::Task, task.as_deref()).await?;
                let filters = [
                    ("type", kind.map(|kind| kind.to_uppercase())),
                    ("task_id", task),
                    ("trace_id", trace),
                    ("q", search),
                ];
                let listed = session.client.list("experiences", &filters, paging.limit()).await?;
                let empty = "no experiences; every task that is run or completed leaves one";
                Ok(session.list(&listed, || table(session, listed.items()), empty))
            }
            Self::Show { id } => {
                let id = whole(session, id).await?;
                let experience = session.client.send(Call::get(&["experiences", &id])).await?;
                Ok(session.show(&experience, || lines(session, &experience.value)))
            }
            Self::Lineage { id, direction, depth, limit } => {
                let id = whole(session, id).await?;
                let call = Call::get(&["experiences", &id, "lineage"]).query(&[
                    ("direction", Some(direction)),
                    ("depth", Some(depth.to_string())),
                    ("limit", Some(limit.to_string())),
                ]);
                let lineage = session.client.send(call).await?;
                if session.quiet && !session.json {
                    let nodes = lineage.value["nodes"].as_array().into_iter().flatten();
                    nodes.for_each(|node| print(&text(node, "id")));
                    return Ok(Exit::Success);
                }
                Ok(session.show(&lineage, || lineage::tree(&lineage.value)))
            }
            Self::Add { text, kind } => {
                let body = Map::from_iter([
                    ("type".to_owned(), json!(kind.to_uppercase())),
                    ("text".to_owned(), json!(input::text(text)?)),
                ]);
                let call = Call::post(&["experiences"], Value::Object(body));
                Ok(session.done("added", Noun::Experience, &session.client.send(call).await?, None))
            }
        }
    }
}

/// Longer than any piece that somebody types is whole.
async fn whole(session: &Session, id: String) -> Result<String, Failure> {
    match id.len() {
        30.. => Ok(id),
        _ => session.id(Noun::Experience, &id).await,
    }
}

fn table(session: &Session, experiences: &[Value]) -> Table {
    let columns = [
        Column::Word("ID"),
        Column::Word("TYPE"),
        Column::Status("STATUS"),
        Column::Text("TASK"),
        Column::Text("TEXT"),
        Column::Aside("CREATED"),
    ];
    Table::of(columns, experiences, |experience| {
        let structured = &experience["content"]["structured"];
        [
            short_id(experience, "id"),
            text(experience, "type"),
            text(structured, "status"),
            text(structured, "task_slug"),
            text(&experience["content"], "text"),
            when(experience, "created_at", session.now),
        ]
    })
}

fn lines(session: &Session, experience: &Value) -> Vec<String> {
    let structured = &experience["content"]["structured"];
    let record = serde_json::to_string_pretty(structured).unwrap_or_default();
    let mut lines =
        vec![format!("{}  {}", strong(&text(experience, "type")), status(&text(structured, "status")))];
    lines.extend(page(&[
        ("id", text(experience, "id")),
        ("task", text(structured, "task_name")),
        ("trace", text(structured, "trace_id")),
        ("by", text(&experience["provenance"], "actor")),
        ("created", moment(experience, "created_at", session.now)),
        ("follows", texts(experience, "causes").join("\n")),
        ("text", text(&experience["content"], "text")),
        ("record", if structured.is_null() { String::new() } else { record }),
    ]));
    lines
}
