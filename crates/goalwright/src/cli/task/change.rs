use clap::{ArgGroup, Args};
use serde_json::{Map, Value, json};

use crate::cli::input;
use crate::cli::session::Session;
use crate::client::{Call, Noun};
use crate::failure::{Exit, Failure};

use super::recover::act;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task update 8cd5b695 --title \"Write the whole list down\"")]
#[command(group = ArgGroup::new("changes").required(true).multiple(true).args(["title", "description", "task_type", "priority", "schedule", "no_schedule"]))]
pub(super) struct Update {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    /// Another title
    #[arg(long)]
    title: Option<String>,
    /// Another description; `-` reads standard input
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Another type
    #[arg(long = "type", value_name = "TYPE")]
    task_type: Option<String>,
    /// The higher, the earlier
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i64>,
    /// When it recurs from now on: a cron text, or JSON as the interface takes it
    #[arg(long, value_name = "WHEN")]
    schedule: Option<String>,
    /// The zone of a cron text, such as Europe/Berlin; UTC unless given
    #[arg(long, value_name = "ZONE", requires = "schedule")]
    timezone: Option<String>,
    /// It recurs no more
    #[arg(long, conflicts_with = "schedule")]
    no_schedule: bool,
}

impl Update {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let id = session.id(Noun::Task, &self.id).await?;
        let mut body = Map::new();
        if let Some(title) = self.title {
            body.insert("title".to_owned(), json!(title));
        }
        if let Some(description) = self.description {
            body.insert("description".to_owned(), json!(input::text(description)?));
        }
        if let Some(task_type) = self.task_type {
            body.insert("task_type".to_owned(), json!(task_type));
        }
        if let Some(priority) = self.priority {
            body.insert("priority".to_owned(), json!(priority));
        }
        if let Some(schedule) = self.schedule {
            body.insert("schedule".to_owned(), input::schedule(schedule, self.timezone)?);
        } else if self.no_schedule {
            body.insert("schedule".to_owned(), Value::Null);
        }
        let task = session.client.send(Call::patch(&["tasks", &id], Value::Object(body))).await?;
        Ok(session.done("updated", Noun::Task, &task, None))
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task assign read-it-over local")]
pub(super) struct Assign {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    /// The agent: its id, the beginning or end of it, or its name
    agent: String,
}

impl Assign {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let id = session.id(Noun::Task, &self.id).await?;
        let agent = session.id(Noun::Agent, &self.agent).await?;
        let call = Call::post(&["tasks", &id, "assign"], json!({"agent_id": agent}));
        Ok(session.done("assigned", Noun::Task, &session.client.send(call).await?, None))
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task cancel read-it-over --reason \"Nobody needs it\"")]
pub(super) struct Cancel {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Cancel {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        act(session, &self.id, "cancel", input::because(self.reason), "cancelled").await
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task skip read-it-over --reason \"It was read last week\"")]
pub(super) struct Skip {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Skip {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        act(session, &self.id, "skip", input::because(self.reason), "skipped").await
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task delete read-it-over --yes")]
pub(super) struct Delete {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    /// Do it without being asked
    #[arg(long, short)]
    yes: bool,
}

impl Delete {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let question = |title: &str| format!("Delete the task “{title}”?");
        session.remove("deleted", Noun::Task, &self.id, question, self.yes).await
    }
}
