use clap::Args;
use serde_json::{Value, json};

use crate::cli::planning::Asked;
use crate::cli::session::Session;
use crate::client::{Call, Noun};
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  goalwright goal decompose 1cef10aa --instructions \"Two people, one week\" --dry-run\n  goalwright goal decompose 1cef10aa --outline plan.md"
)]
pub(super) struct Decompose {
    /// The goal: its id, or the beginning or end of it
    id: String,
    #[command(flatten)]
    asked: Asked,
    /// What becomes of the tasks that the goal has: `create` adds to them, `update` matches them with the plan
    #[arg(long, value_parser = ["create", "update"], default_value = "create")]
    mode: String,
}

impl Decompose {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let id = session.id(Noun::Goal, &self.id).await?;
        let mut body = self.asked.body()?;
        body.insert("mode".to_owned(), json!(self.mode));
        let answer =
            session.client.send(Call::post(&["goals", &id, "decompose"], Value::Object(body))).await?;
        Ok(self.asked.tell(session, &answer, Noun::Goal, &id))
    }
}
