use clap::Args;
use serde_json::Value;

use crate::cli::planning::Asked;
use crate::cli::session::Session;
use crate::client::{Call, Noun};
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  goalwright task expand bake-the-bread --dry-run\n  goalwright task expand T002 --outline parts.md"
)]
pub(super) struct Expand {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    #[command(flatten)]
    asked: Asked,
}

impl Expand {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let id = session.id(Noun::Task, &self.id).await?;
        let body = Value::Object(self.asked.body()?);
        let answer = session.client.send(Call::post(&["tasks", &id, "expand"], body)).await?;
        Ok(self.asked.tell(session, &answer, Noun::Task, &id))
    }
}
