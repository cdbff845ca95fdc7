use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::input;
use crate::cli::session::Session;
use crate::client::{Call, Noun};
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task complete read-it-over --summary \"Two typos mended\"")]
pub(super) struct Complete {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    /// Its result, JSON; `-` reads standard input
    #[arg(long, value_name = "JSON")]
    result: Option<String>,
    /// What was done, in words, for the record
    #[arg(long, value_name = "TEXT")]
    summary: Option<String>,
    /// Note that only a part was done
    #[arg(long)]
    partial: bool,
    /// The token of the lease, of a worker that holds one
    #[arg(long, value_name = "TOKEN")]
    lease: Option<String>,
}

impl Complete {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let mut body = Map::new();
        if let Some(result) = self.result {
            body.insert("result".to_owned(), input::json("--result", result)?);
        }
        if let Some(summary) = self.summary {
            body.insert("summary".to_owned(), json!(summary));
        }
        if self.partial {
            body.insert("outcome".to_owned(), json!("partial"));
        }
        let leased = self.lease.is_some();
        if let Some(lease) = self.lease {
            body.insert("lease_token".to_owned(), json!(lease));
        }
        let id = session.id(Noun::Task, &self.id).await?;
        let call = Call::post(&["tasks", &id, "complete"], Value::Object(body));
        let next = (!leased).then(|| "`goalwright task next` tells what to work on now".to_owned());
        Ok(session.done("completed", Noun::Task, &session.client.send(call).await?, next))
    }
}
