//! `goalwright agent`: who can do tasks.

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Map, Value, json};

use super::fields::{moment, page, short_id, text, texts, when};
use super::input;
use super::session::{Paging, Session, Shared};
use crate::client::{Call, Noun};
use crate::failure::{Exit, Failure, printable};
use crate::terminal::{Column, Table, status, strong};

/// Say who can do tasks.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright agent list")]
pub(super) struct Agent {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List agents, newest first
    #[command(after_help = "Example:\n  goalwright agent list --status active")]
    List {
        /// Only agents in this status
        #[arg(long, value_name = "STATUS", value_parser = ["active", "retired"])]
        status: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show an agent
    #[command(after_help = "Example:\n  goalwright agent show tools")]
    Show {
        /// The agent: its id, the beginning or end of it, or its name
        id: String,
    },
    /// Make an agent
    #[command(
        after_help = "Example:\n  goalwright agent create reviewer --kind human --capability review --limit 2"
    )]
    Create(Create),
    /// Change fields of an agent
    #[command(after_help = "Example:\n  goalwright agent update reviewer --limit 4")]
    Update(Update),
    /// Retire an agent: it gets no more tasks, and its record stays
    #[command(after_help = "Example:\n  goalwright agent retire reviewer --yes")]
    Retire {
        /// The agent: its id, the beginning or end of it, or its name
        id: String,
        /// Do it without being asked
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// Its name, unique in the workspace
    name: String,
    /// What it is
    #[arg(long, value_parser = ["tool", "llm", "human", "external"])]
    kind: String,
    #[command(flatten)]
    can: Can,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("changes").required(true).multiple(true).args(["name", "capabilities", "limit", "default"]))]
struct Update {
    /// The agent: its id, the beginning or end of it, or its name
    id: String,
    /// Another name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    can: Can,
}

#[derive(Debug, Args)]
struct Can {
    /// A type of task that it can do; may be given several times
    #[arg(long = "capability", value_name = "TYPE")]
    capabilities: Vec<String>,
    /// So many tasks at once
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// It takes what nobody else can do
    #[arg(long)]
    default: bool,
}

impl Can {
    fn write(self, body: &mut Map<String, Value>) {
        if !self.capabilities.is_empty() {
            body.insert("capabilities".to_owned(), json!(self.capabilities));
        }
        if let Some(limit) = self.limit {
            body.insert("max_concurrency".to_owned(), json!(limit));
        }
        if self.default {
            body.insert("is_default".to_owned(), json!(true));
        }
    }
}

impl Agent {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        let session = Session::open(self.shared).await?;
        let ended = self.action.execute(&session).await;
        session.end(ended).await
    }
}

impl Action {
    async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::List { status, paging } => {
                let listed = session.client.list("agents", &[("status", status)], paging.limit()).await?;
                let empty = "no agents; `goalwright agent create NAME --kind human` makes one";
                Ok(session.list(&listed, || table(session, listed.items()), empty))
            }
            Self::Show { id } => {
                let id = session.id(Noun::Agent, &id).await?;
                let agent = session.client.send(Call::get(&["agents", &id])).await?;
                Ok(session.show(&agent, || lines(session, &agent.value)))
            }
            Self::Create(Create { name, kind, can }) => {
                let mut body =
                    Map::from_iter([("name".to_owned(), json!(name)), ("kind".to_owned(), json!(kind))]);
                can.write(&mut body);
                let agent = session.client.send(Call::post(&["agents"], Value::Object(body))).await?;
                let next = format!("`goalwright task assign ID {name}` gives it a task");
                Ok(session.done("created", Noun::Agent, &agent, Some(next)))
            }
            Self::Update(Update { id, name, can }) => {
                let id = session.id(Noun::Agent, &id).await?;
                let mut body = Map::new();
                if let Some(name) = name {
                    body.insert("name".to_owned(), json!(name));
                }
                can.write(&mut body);
                let call = Call::patch(&["agents", &id], Value::Object(body));
                Ok(session.done("updated", Noun::Agent, &session.client.send(call).await?, None))
            }
            Self::Retire { id, yes } => {
                let id = session.id(Noun::Agent, &id).await?;
                let agent = session.client.send(Call::get(&["agents", &id])).await?.value;
                input::confirm(&format!("Retire the agent “{}”?", text(&agent, "name")), yes)?;
                let answer = session.client.send(Call::delete(&["agents", &id])).await?;
                Ok(session.done_to("retired", Noun::Agent, &answer, &agent, None))
            }
        }
    }
}

fn table(session: &Session, agents: &[Value]) -> Table {
    let mut table = Table::new([
        Column::Word("ID"),
        Column::Text("NAME"),
        Column::Word("KIND"),
        Column::Status("STATUS"),
        Column::Number("LIMIT"),
        Column::Word("DEFAULT"),
        Column::Text("CAN DO"),
        Column::Aside("CHANGED"),
    ]);
    for agent in agents {
        table.row([
            short_id(agent, "id"),
            text(agent, "name"),
            text(agent, "kind"),
            text(agent, "status"),
            text(agent, "max_concurrency"),
            if agent["is_default"] == true { "yes".to_owned() } else { String::new() },
            texts(agent, "capabilities").join(", "),
            when(agent, "updated_at", session.now),
        ]);
    }
    table
}

fn lines(session: &Session, agent: &Value) -> Vec<String> {
    let mut lines =
        vec![format!("{}  {}", strong(&printable(&text(agent, "name"))), status(&text(agent, "status")))];
    lines.extend(page(&[
        ("id", text(agent, "id")),
        ("kind", text(agent, "kind")),
        ("can do", texts(agent, "capabilities").join(", ")),
        ("at once", text(agent, "max_concurrency")),
        ("default", if agent["is_default"] == true { "yes".to_owned() } else { String::new() }),
        ("user", text(agent, "user_id")),
        ("created", moment(agent, "created_at", session.now)),
        ("changed", moment(agent, "updated_at", session.now)),
    ]));
    lines
}
