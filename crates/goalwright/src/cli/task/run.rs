use clap::Args;
use goalwright_domain::Timestamp;
use goalwright_domain::execution::RunId;
use serde_json::{Value, json};

use crate::cli::fields::{page, text};
use crate::cli::session::Session;
use crate::client::{Answer, Call, Noun, strange};
use crate::failure::{Exit, Failure};
use crate::terminal::{note, print, print_raw, read_moment, status, strong};

/// Run a task now, also one that is finished
///
/// On the local database it is done in this process, and nothing else is. Ends with 0 when the run succeeded, 1 when it failed, 3 when it waits for people or has not ended yet.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task run list-the-files")]
pub(super) struct Run {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    /// The moment that the run stands for; the same moment is the same run
    #[arg(long, value_name = "TIME")]
    scheduled_at: Option<String>,
    /// Only ask for the run, and leave it to a server
    #[arg(long)]
    no_wait: bool,
}

impl Run {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let given = match &self.scheduled_at {
            Some(given) => Some(
                read_moment(given, session.now)
                    .map_err(|help| Failure::usage(format!("--scheduled-at `{given}` is no moment"), help))?,
            ),
            None => None,
        };
        let id = session.id(Noun::Task, &self.id).await?;
        let mode = if given.is_some() { "scheduled" } else { "manual" };
        let answer = if self.no_wait {
            ask(session, &id, mode, given, false).await?
        } else if session.client.is_local() {
            // The moment is the run's name: asked for by it again, the run that was made is waited for.
            let at = given.unwrap_or(session.now);
            let made = ask(session, &id, mode, Some(at), false).await?;
            let run: RunId = text(&made.value, "run_id").parse().map_err(|_| strange("the run has no id"))?;
            session.client.work_on(run, until_still(session, &id, mode, at)).await?
        } else {
            ask(session, &id, mode, given, true).await?
        };
        self.tell(session, &id, &answer).await
    }

    async fn tell(&self, session: &Session, id: &str, answer: &Answer) -> Result<Exit, Failure> {
        let state = text(&answer.value, "status");
        let exit = match state.as_str() {
            "succeeded" => Exit::Success,
            "failed" | "cancelled" => Exit::Failed,
            _ if self.no_wait => Exit::Success,
            _ => Exit::Waiting,
        };
        if session.json {
            print_raw(&answer.text);
            return Ok(exit);
        }
        if session.quiet {
            print(&text(&answer.value, "run_id"));
            return Ok(exit);
        }
        let task = session.client.send(Call::get(&["tasks", id])).await?.value;
        let experience = text(&answer.value, "experience_id");
        let structured = match experience.is_empty() {
            true => Value::Null,
            false => {
                let call = Call::get(&["experiences", &experience]);
                session.client.send(call).await?.value["content"]["structured"].take()
            }
        };
        print(&format!("{}  {}", strong(&text(&task, "title")), status(&state)));
        let took = structured["duration_ms"].as_i64().map(|millis| format!("{millis} ms"));
        let lines = page(&[
            ("run", text(&answer.value, "run_id")),
            ("trace", text(&answer.value, "trace_id")),
            ("experience", experience),
            ("took", took.unwrap_or_default()),
            ("error", text(&structured["error"], "message")),
        ]);
        lines.iter().for_each(|line| print(line));
        match state.as_str() {
            "waiting" => {
                note("help: the task waits for a person; `goalwright task complete ID` completes it")
            }
            "queued" if !self.no_wait => {
                note(
                    "help: nobody has begun it yet; look whether `goalwright serve` runs, and at the task's agent",
                );
            }
            "queued" => note("next: `goalwright serve` works on it"),
            _ => {}
        }
        Ok(exit)
    }
}

async fn ask(
    session: &Session,
    id: &str,
    mode: &str,
    at: Option<Timestamp>,
    wait: bool,
) -> Result<Answer, Failure> {
    let mut body = json!({"task_id": id, "mode": mode, "wait": wait});
    if let Some(at) = at {
        body["scheduled_at"] = json!(at);
    }
    session.client.send(Call::post(&["tasks", "run"], body)).await
}

/// Waits as long as it is worked on, or will be tried again.
async fn until_still(session: &Session, id: &str, mode: &str, at: Timestamp) -> Result<Answer, Failure> {
    loop {
        let answer = ask(session, id, mode, Some(at), true).await?;
        let begun = answer.value["span_id"].is_string();
        let moves = match answer.value["status"].as_str() {
            Some("running") => true,
            Some("queued") => begun,
            _ => false,
        };
        if !moves {
            return Ok(answer);
        }
    }
}
