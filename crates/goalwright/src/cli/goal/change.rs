use clap::{ArgGroup, Args};
use serde_json::{Map, Value, json};

use crate::cli::fields::text;
use crate::cli::input;
use crate::cli::session::Session;
use crate::client::{Call, Noun, short};
use crate::failure::{Exit, Failure};
use crate::terminal::read_moment;

/// Takes a moment away.
const NONE: &str = "none";

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  goalwright goal create \"Ship the guide\" --criterion \"Every page is read\" --due 2026-12-24"
)]
pub(super) struct Create {
    /// What is to be achieved
    title: String,
    /// Details, Markdown; `-` reads standard input
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How people will know that it is achieved; may be given several times
    #[arg(long = "criterion", value_name = "TEXT")]
    criteria: Vec<String>,
    /// Until when: a moment, a day, or a span from now such as 3d
    #[arg(long, value_name = "TIME")]
    due: Option<String>,
}

impl Create {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let mut body = Map::from_iter([("title".to_owned(), json!(self.title))]);
        if let Some(description) = self.description {
            body.insert("description".to_owned(), json!(input::text(description)?));
        }
        if !self.criteria.is_empty() {
            body.insert("success_criteria".to_owned(), json!(self.criteria));
        }
        if let Some(due) = self.due {
            body.insert("due_at".to_owned(), due_at(session, &due)?);
        }
        let goal = session.client.send(Call::post(&["goals"], Value::Object(body))).await?;
        let id = text(&goal.value, "id");
        let next = format!(
            "`goalwright goal decompose {0} --outline FILE` breaks it down, `goalwright task create TITLE --goal {0}` adds a task",
            short(&id)
        );
        Ok(session.done("created", Noun::Goal, &goal, Some(next)))
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright goal update 1cef10aa --status abandoned")]
#[command(group = ArgGroup::new("changes").required(true).multiple(true).args(["title", "description", "criteria", "due", "status"]))]
pub(super) struct Update {
    /// The goal: its id, or the beginning or end of it
    id: String,
    /// Another title
    #[arg(long)]
    title: Option<String>,
    /// Another description; `-` reads standard input
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How people will know that it is achieved, instead of what was said before; may be given several times
    #[arg(long = "criterion", value_name = "TEXT")]
    criteria: Vec<String>,
    /// Until when; `none` takes the date away
    #[arg(long, value_name = "TIME")]
    due: Option<String>,
    /// Where it stands
    #[arg(long, value_parser = ["active", "draft", "abandoned"])]
    status: Option<String>,
}

impl Update {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let id = session.id(Noun::Goal, &self.id).await?;
        let mut body = Map::new();
        if let Some(title) = self.title {
            body.insert("title".to_owned(), json!(title));
        }
        if let Some(description) = self.description {
            body.insert("description".to_owned(), json!(input::text(description)?));
        }
        if !self.criteria.is_empty() {
            body.insert("success_criteria".to_owned(), json!(self.criteria));
        }
        if let Some(due) = self.due {
            body.insert("due_at".to_owned(), due_at(session, &due)?);
        }
        if let Some(status) = self.status {
            body.insert("status".to_owned(), json!(status));
        }
        let goal = session.client.send(Call::patch(&["goals", &id], Value::Object(body))).await?;
        Ok(session.done("updated", Noun::Goal, &goal, None))
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright goal delete 1cef10aa --yes")]
pub(super) struct Delete {
    /// The goal: its id, or the beginning or end of it
    id: String,
    /// Do it without being asked
    #[arg(long, short)]
    yes: bool,
}

impl Delete {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let question = |title: &str| format!("Delete the goal “{title}” with its tasks?");
        session.remove("deleted", Noun::Goal, &self.id, question, self.yes).await
    }
}

fn due_at(session: &Session, given: &str) -> Result<Value, Failure> {
    if given == NONE {
        return Ok(Value::Null);
    }
    let at = read_moment(given, session.now)
        .map_err(|help| Failure::usage(format!("--due `{given}` is no moment"), help))?;
    Ok(json!(at))
}
