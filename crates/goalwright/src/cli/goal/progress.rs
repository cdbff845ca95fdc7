use clap::Args;
use serde_json::Value;

use crate::cli::fields::{number, text};
use crate::cli::session::Session;
use crate::client::{Call, Noun};
use crate::failure::{Exit, Failure, printable};
use crate::terminal::{accent, bar, dim, status};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright goal progress 1cef10aa")]
pub(super) struct Progress {
    /// The goal: its id, or the beginning or end of it
    id: String,
}

/// In the order in which people want to know.
const STATUSES: [&str; 8] =
    ["running", "waiting", "failed", "ready", "pending", "completed", "skipped", "cancelled"];

impl Progress {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let id = session.id(Noun::Goal, &self.id).await?;
        let figures = session.client.send(Call::get(&["goals", &id, "progress"])).await?;
        Ok(session.show(&figures, || lines(&figures.value)))
    }
}

/// A bar, the tasks by status, and the reasons.
pub(super) fn lines(figures: &Value) -> Vec<String> {
    let percentage = figures["percentage"].as_f64().unwrap_or_default();
    let (completed, total) = (number(figures, "completed"), number(figures, "total"));
    let mut lines =
        vec![format!("{} {:.0} %  {completed} of {total} tasks", bar(percentage), percentage.floor())];
    let counts = STATUSES.iter().filter(|word| number(&figures["by_status"], word) > 0);
    let counts: Vec<String> =
        counts.map(|word| format!("{} {}", number(&figures["by_status"], word), status(word))).collect();
    if !counts.is_empty() {
        lines.push(counts.join(", "));
    }
    for problem in entries(figures, "errors") {
        lines.extend(told(&status("error"), problem));
    }
    for reason in entries(figures, "reasons") {
        lines.extend(told(&dim("·"), reason));
    }
    lines
}

fn told(mark: &str, reason: &Value) -> Vec<String> {
    let mut lines = vec![format!("{mark} {}", printable(&text(reason, "message")))];
    let mend = printable(&mend(reason));
    if !mend.is_empty() {
        lines.push(format!("  {} {mend}", accent("→")));
    }
    lines
}

/// What to do about a reason, as a command where there is one. The interface speaks to programs, and names its paths.
fn mend(reason: &Value) -> String {
    let command = match reason["code"].as_str().unwrap_or_default() {
        "no_tasks" => "`goalwright goal decompose ID --outline FILE` breaks it down",
        "unassigned" => "`goalwright task assign ID AGENT` gives a task to an agent",
        "no_capable_agent" => {
            "`goalwright agent create NAME --kind KIND --capability TYPE` makes an agent that can"
        }
        "no_worker" | "not_started" => "`goalwright serve` works on it",
        "waiting_for_person" => "`goalwright task complete ID` completes a task",
        "task_failed" => "`goalwright task show ID` tells what went wrong",
        "counter_drift" => "`goalwright admin rebuild` counts anew",
        "goal_not_active" => "`goalwright goal update ID --status active` makes it active",
        _ => return text(reason, "mend"),
    };
    command.to_owned()
}

fn entries<'a>(figures: &'a Value, field: &str) -> &'a [Value] {
    figures[field].as_array().map_or(&[], Vec::as_slice)
}
