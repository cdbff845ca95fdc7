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
        after_help = "Examples:\n  goalwright agent create reviewer --kind human --capability review --limit 2\n  goalwright agent create \
                      researcher --kind llm --tool file.read --tool http.request --max-cost 0.50"
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
    #[command(flatten)]
    works: Works,
}

/// How an agent works that is a model.
#[derive(Debug, Default, Args)]
struct Works {
    /// Of a model: which one, such as anthropic/claude-sonnet-4-5; that of the workspace unless given
    #[arg(long)]
    model: Option<String>,
    /// Of a model: what it is told before every task; a file after @
    #[arg(long, value_name = "TEXT|@FILE")]
    instructions: Option<String>,
    /// Of a model: a tool that it may call, `tool.operation` or `tool.*`; may be given several times
    #[arg(long = "tool", value_name = "TOOL")]
    tools: Vec<String>,
    /// Of a model: it is asked at most so often for a task
    #[arg(long, value_name = "N")]
    max_turns: Option<u32>,
    /// Of a model: it reads and writes at most so many tokens for a task
    #[arg(long, value_name = "N")]
    max_tokens: Option<u64>,
    /// Of a model: an attempt ends after so many seconds
    #[arg(long, value_name = "N")]
    max_seconds: Option<u64>,
    /// Of a model: a task costs at most so many dollars
    #[arg(long, value_name = "USD")]
    max_cost: Option<f64>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("changes").required(true).multiple(true).args([
    "name", "capabilities", "limit", "default", "model", "instructions", "tools", "max_turns", "max_tokens", "max_seconds",
    "max_cost",
]))]
struct Update {
    /// The agent: its id, the beginning or end of it, or its name
    id: String,
    /// Another name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    can: Can,
    #[command(flatten)]
    works: Works,
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

impl Works {
    /// What is said of it, by the names that the interface has.
    fn said(self) -> Result<Map<String, Value>, Failure> {
        let instructions = self.instructions.map(input::text_or_file).transpose()?;
        let said = [
            ("model", self.model.map(Value::from)),
            ("instructions", instructions.map(Value::from)),
            ("tools", (!self.tools.is_empty()).then(|| json!(self.tools))),
            ("max_turns", self.max_turns.map(Value::from)),
            ("max_tokens", self.max_tokens.map(Value::from)),
            ("max_seconds", self.max_seconds.map(Value::from)),
            ("max_cost_usd", self.max_cost.map(Value::from)),
        ];
        Ok(said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    }
}

/// What is said, over what held before. What is null is as usual, and left out.
fn over(before: &Value, said: Map<String, Value>) -> Value {
    let kept = before.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let mut all: Map<String, Value> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    all.extend(said);
    Value::Object(all)
}

impl Agent {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        Session::with(self.shared, async |session| self.action.execute(session).await).await
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
            Self::Create(Create { name, kind, can, works }) => {
                let mut body =
                    Map::from_iter([("name".to_owned(), json!(name)), ("kind".to_owned(), json!(kind))]);
                can.write(&mut body);
                let said = works.said()?;
                if !said.is_empty() {
                    body.insert("llm".to_owned(), Value::Object(said));
                }
                let agent = session.client.send(Call::post(&["agents"], Value::Object(body))).await?;
                let next = format!("`goalwright task assign ID {name}` gives it a task");
                Ok(session.done("created", Noun::Agent, &agent, Some(next)))
            }
            Self::Update(Update { id, name, can, works }) => {
                let id = session.id(Noun::Agent, &id).await?;
                let mut body = Map::new();
                if let Some(name) = name {
                    body.insert("name".to_owned(), json!(name));
                }
                can.write(&mut body);
                let said = works.said()?;
                if !said.is_empty() {
                    let before = session.client.send(Call::get(&["agents", &id])).await?.value;
                    body.insert("llm".to_owned(), over(&before["llm"], said));
                }
                let call = Call::patch(&["agents", &id], Value::Object(body));
                Ok(session.done("updated", Noun::Agent, &session.client.send(call).await?, None))
            }
            Self::Retire { id, yes } => {
                let question = |name: &str| format!("Retire the agent “{name}”?");
                session.remove("retired", Noun::Agent, &id, question, yes).await
            }
        }
    }
}

fn table(session: &Session, agents: &[Value]) -> Table {
    let columns = [
        Column::Word("ID"),
        Column::Text("NAME"),
        Column::Word("KIND"),
        Column::Status("STATUS"),
        Column::Number("LIMIT"),
        Column::Word("DEFAULT"),
        Column::Text("CAN DO"),
        Column::Aside("CHANGED"),
    ];
    Table::of(columns, agents, |agent| {
        [
            short_id(agent, "id"),
            text(agent, "name"),
            text(agent, "kind"),
            text(agent, "status"),
            text(agent, "max_concurrency"),
            if agent["is_default"] == true { "yes".to_owned() } else { String::new() },
            texts(agent, "capabilities").join(", "),
            when(agent, "updated_at", session.now),
        ]
    })
}

/// Which model it is; nothing of another kind.
fn model(llm: &Value) -> String {
    match &llm["model"] {
        Value::String(model) => model.clone(),
        _ if llm.is_object() => "that of the workspace".to_owned(),
        _ => String::new(),
    }
}

fn may_call(llm: &Value) -> String {
    match &llm["tools"] {
        Value::Array(_) => texts(llm, "tools").join(", "),
        _ if llm.is_object() => "what a task names, else the usual tools".to_owned(),
        _ => String::new(),
    }
}

fn bounds(llm: &Value) -> String {
    if !llm.is_object() {
        return String::new();
    }
    let mut bounds = format!(
        "{} turns, {} tokens, {} s",
        text(llm, "max_turns"),
        text(llm, "max_tokens"),
        text(llm, "max_seconds")
    );
    if let Some(cost) = llm["max_cost_usd"].as_f64() {
        bounds.push_str(&format!(", ${cost:.2}"));
    }
    bounds
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
        ("model", model(&agent["llm"])),
        ("may call", may_call(&agent["llm"])),
        ("bounds", bounds(&agent["llm"])),
        ("user", text(agent, "user_id")),
        ("created", moment(agent, "created_at", session.now)),
        ("changed", moment(agent, "updated_at", session.now)),
    ]));
    lines
}
