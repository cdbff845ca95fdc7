//! What a script does as a worker: claim, keep, give back. It completes and fails with the token of its lease.

use clap::Args;
use serde_json::{Map, Value, json};

use super::show;
use crate::cli::fields::text;
use crate::cli::session::Session;
use crate::client::{Call, Noun, short};
use crate::failure::{Exit, Failure, printable};
use crate::terminal;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  goalwright task claim printer --wait 30000\n  read -r task lease < <(goalwright task claim printer --quiet)"
)]
pub(super) struct Claim {
    /// The agent that the work is for: its id, the beginning or end of it, or its name
    agent: String,
    /// Only tasks of this type; may be given several times
    #[arg(long = "type", value_name = "TYPE")]
    task_types: Vec<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 1)]
    limit: u32,
    /// How long a lease holds without a heartbeat, in milliseconds
    #[arg(long, value_name = "MS")]
    lease_ms: Option<u32>,
    /// How long to wait for a task if there is none, in milliseconds
    #[arg(long, value_name = "MS")]
    wait: Option<u32>,
}

impl Claim {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let agent = session.id(Noun::Agent, &self.agent).await?;
        let mut body = Map::from_iter([
            ("agent_id".to_owned(), json!(agent)),
            ("task_types".to_owned(), json!(self.task_types)),
            ("limit".to_owned(), json!(self.limit)),
        ]);
        if let Some(lease) = self.lease_ms {
            body.insert("lease_ms".to_owned(), json!(lease));
        }
        if let Some(wait) = self.wait {
            body.insert("wait_ms".to_owned(), json!(wait));
        }
        let answer = session.client.send(Call::post(&["tasks", "claim"], Value::Object(body))).await?;
        let claimed = answer.value["items"].as_array().map_or(&[][..], Vec::as_slice);
        if session.json {
            terminal::print_raw(&answer.text);
        } else if claimed.is_empty() && !session.quiet {
            terminal::note("nothing to claim; --wait MS waits for a task");
            show::left_out(&answer.value).iter().for_each(|line| terminal::note(line));
        }
        for one in claimed.iter().filter(|_| !session.json) {
            let (task, lease) = (&one["task"], &one["lease"]);
            let (id, token) = (text(task, "id"), text(lease, "token"));
            if session.quiet {
                terminal::print(&format!("{id} {token}"));
            } else {
                let title = printable(&text(task, "title"));
                terminal::print(&format!("claimed task {} “{title}”", short(&id)));
                terminal::print(&format!("lease {token} until {}", text(lease, "expires_at")));
            }
        }
        Ok(Exit::Success)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task heartbeat print-it --lease $lease")]
pub(super) struct Heartbeat {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    /// The token of the lease, as `task claim` gave it
    #[arg(long, value_name = "TOKEN")]
    lease: String,
    /// How long the lease holds from now on, in milliseconds
    #[arg(long, value_name = "MS")]
    lease_ms: Option<u32>,
}

impl Heartbeat {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let id = session.id(Noun::Task, &self.id).await?;
        let body = match self.lease_ms {
            Some(length) => json!({"lease_token": self.lease, "lease_ms": length}),
            None => json!({"lease_token": self.lease}),
        };
        let answer = session.client.send(Call::post(&["tasks", &id, "heartbeat"], body)).await?;
        if session.json {
            terminal::print_raw(&answer.text);
        } else {
            terminal::print(&text(&answer.value, "expires_at"));
        }
        Ok(Exit::Success)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task release print-it --lease $lease")]
pub(super) struct Release {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    /// The token of the lease, as `task claim` gave it
    #[arg(long, value_name = "TOKEN")]
    lease: String,
}

impl Release {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let id = session.id(Noun::Task, &self.id).await?;
        let call = Call::post(&["tasks", &id, "release"], json!({"lease_token": self.lease}));
        Ok(session.done("released", Noun::Task, &session.client.send(call).await?, None))
    }
}
