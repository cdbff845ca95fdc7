use clap::Args;
use serde_json::Value;

use super::progress;
use crate::cli::fields::{moment, number, page, text, texts};
use crate::cli::session::Session;
use crate::cli::task::table::tasks_table;
use crate::client::{Call, Noun};
use crate::failure::{Exit, Failure, printable};
use crate::terminal::{dim, print, status, strong};

/// So many open tasks are shown.
const OPEN: usize = 15;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright goal show 1cef10aa")]
pub(super) struct Show {
    /// The goal: its id, or the beginning or end of it
    id: String,
}

impl Show {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let id = session.id(Noun::Goal, &self.id).await?;
        let goal = session.client.send(Call::get(&["goals", &id])).await?;
        if session.json || session.quiet {
            return Ok(session.show(&goal, Vec::new));
        }
        let figures = session.client.send(Call::get(&["goals", &id, "progress"])).await?.value;
        let (open, more) = open_tasks(session, &id, &figures["by_status"]).await?;
        head(session, &goal.value).iter().for_each(|line| print(line));
        print("");
        progress::lines(&figures).iter().for_each(|line| print(line));
        if !open.is_empty() {
            print("");
            print(&strong("Open tasks"));
            tasks_table(session, &open).await?.lines().iter().for_each(|line| print(line));
            if more > 0 {
                print(&dim(&format!("and {more} more: `goalwright task list --goal {}`", self.id)));
            }
        }
        Ok(Exit::Success)
    }
}

fn head(session: &Session, goal: &Value) -> Vec<String> {
    let mut lines =
        vec![format!("{}  {}", strong(&printable(&text(goal, "title"))), status(&text(goal, "status")))];
    let criteria = texts(goal, "success_criteria").iter().map(|one| format!("- {one}")).collect::<Vec<_>>();
    lines.extend(page(&[
        ("id", text(goal, "id")),
        ("due", moment(goal, "due_at", session.now)),
        ("plan", text(goal, "source_path")),
        ("folder", text(goal, "sandbox")),
        ("created", moment(goal, "created_at", session.now)),
        ("changed", moment(goal, "updated_at", session.now)),
        ("achieved when", criteria.join("\n")),
        ("description", text(goal, "description")),
    ]));
    lines
}

/// The first open tasks, what moves or asks before what waits, and how many there are besides.
async fn open_tasks(session: &Session, goal: &str, counts: &Value) -> Result<(Vec<Value>, i64), Failure> {
    let (mut open, mut total) = (Vec::new(), 0);
    for status in ["running", "waiting", "failed", "ready", "pending"] {
        let count = number(counts, status);
        total += count;
        let rest = OPEN - open.len();
        if count > 0 && rest > 0 {
            let filters = [("goal_id", Some(goal.to_owned())), ("status", Some(status.to_owned()))];
            let listed = session.client.list("tasks", &filters, Some(rest)).await?;
            open.extend_from_slice(listed.items());
        }
    }
    let shown = i64::try_from(open.len()).unwrap_or(i64::MAX);
    Ok((open, (total - shown).max(0)))
}
