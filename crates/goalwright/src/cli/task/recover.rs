//! How it goes on with what failed or waits.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::input;
use crate::cli::session::Session;
use crate::client::{Call, Noun, short};
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task retry read-it-over --reason \"The disk is mended\"")]
pub(super) struct Retry {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Retry {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        act(session, &self.id, "retry", input::because(self.reason), "retried").await
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task approve send-it --comment \"Go ahead\"")]
pub(super) struct Approve {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    /// Do not approve: the task fails
    #[arg(long)]
    no: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

impl Approve {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let mut body = json!({"approved": !self.no});
        if let Some(comment) = self.comment {
            body["comment"] = json!(comment);
        }
        let verb = if self.no { "declined" } else { "approved" };
        act(session, &self.id, "approve", body, verb).await
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task answer which-colour '\"blue\"'")]
pub(super) struct Answer {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    /// The answer, JSON; `-` reads standard input
    answer: String,
}

impl Answer {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let body = json!({"answer": input::json("ANSWER", self.answer)?});
        act(session, &self.id, "answer", body, "answered").await
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  goalwright task fail print-it \"Tray 2 is stuck\" --type PrinterJammed --lease $lease"
)]
pub(super) struct Fail {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    /// What went wrong, in words
    message: String,
    /// The class of the error
    #[arg(long = "type", value_name = "TYPE", default_value = "Failed")]
    kind: String,
    /// The token of the lease, of a worker that holds one; without it the task has to wait for a person
    #[arg(long, value_name = "TOKEN")]
    lease: Option<String>,
    /// Note that trying again cannot help
    #[arg(long = "final")]
    for_good: bool,
}

impl Fail {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let error = json!({"type": self.kind, "message": self.message});
        let mut body = json!({"error": error, "retryable": !self.for_good});
        if let Some(lease) = self.lease {
            body["lease_token"] = json!(lease);
        }
        act(session, &self.id, "fail", body, "failed").await
    }
}

/// Does this to a task, tells so, and says what to do where it failed.
pub(super) async fn act(
    session: &Session,
    given: &str,
    act: &str,
    body: Value,
    verb: &str,
) -> Result<Exit, Failure> {
    let id = session.id(Noun::Task, given).await?;
    let task = session.client.send(Call::post(&["tasks", &id, act], body)).await?;
    let next = match task.value["status"].as_str() {
        Some("failed") => Some(format!("`goalwright task retry {}` tries it again", short(&id))),
        _ => None,
    };
    Ok(session.done(verb, Noun::Task, &task, next))
}
