use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::fields::text;
use crate::cli::input;
use crate::cli::session::Session;
use crate::client::{Call, Noun, short};
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  goalwright task create \"Read it over\" --goal 1cef10aa --after write-the-list-down\n  \
                  goalwright task create \"Say the time\" --use 'time.now {}' --schedule '0 9 * * mon-fri' --timezone Europe/Berlin"
)]
pub(super) struct Create {
    /// What is to be done
    title: String,
    /// The goal that it belongs to
    #[arg(long, value_name = "ID")]
    goal: Option<String>,
    /// A task that has to be completed first; may be given several times
    #[arg(long, value_name = "ID")]
    after: Vec<String>,
    /// Its type, matched with what agents can do
    #[arg(long = "type", value_name = "TYPE")]
    task_type: Option<String>,
    /// The higher, the earlier
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i64>,
    /// Details, Markdown; `-` reads standard input
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// The tool that does it, as in a plan: `tool.operation {json}`
    #[arg(long = "use", value_name = "CALL")]
    call: Option<String>,
    /// Its name in commands; from the title unless given
    #[arg(long)]
    slug: Option<String>,
    /// When it recurs: a cron text, or JSON as the interface takes it
    #[arg(long, value_name = "WHEN")]
    schedule: Option<String>,
    /// The zone of a cron text, such as Europe/Berlin; UTC unless given
    #[arg(long, value_name = "ZONE", requires = "schedule")]
    timezone: Option<String>,
}

impl Create {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let mut body = Map::from_iter([("title".to_owned(), json!(self.title))]);
        let mut set = |field: &str, value: Value| drop(body.insert(field.to_owned(), value));
        if let Some(call) = &self.call {
            set("action", input::tool_call(call)?);
        }
        if let Some(description) = self.description {
            set("description", json!(input::text(description)?));
        }
        if let Some(goal) = &self.goal {
            set("goal_id", json!(session.id(Noun::Goal, goal).await?));
        }
        let mut after = Vec::new();
        for task in &self.after {
            after.push(session.id(Noun::Task, task).await?);
        }
        if !after.is_empty() {
            set("depends_on", json!(after));
        }
        if let Some(task_type) = self.task_type {
            set("task_type", json!(task_type));
        }
        if let Some(priority) = self.priority {
            set("priority", json!(priority));
        }
        if let Some(slug) = self.slug {
            set("slug", json!(slug));
        }
        if let Some(schedule) = self.schedule {
            set("schedule", input::schedule(schedule, self.timezone)?);
        }
        let task = session.client.send(Call::post(&["tasks"], Value::Object(body))).await?;
        let id = text(&task.value, "id");
        let next = match (task.value["status"].as_str(), task.value["action"].is_object()) {
            (Some("pending"), _) if task.value["schedule"].is_object() => {
                format!("`goalwright task schedule {}` tells when it runs", short(&id))
            }
            (Some("pending"), _) => format!("`goalwright task show {}` tells what it waits for", short(&id)),
            (_, true) => format!("`goalwright task run {}` runs it", short(&id)),
            (_, false) => format!("`goalwright task complete {}` completes it", short(&id)),
        };
        Ok(session.done("created", Noun::Task, &task, Some(next)))
    }
}
