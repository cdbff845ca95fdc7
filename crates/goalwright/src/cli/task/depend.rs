use clap::{ArgGroup, Args};
use serde_json::{Value, json};

use crate::cli::fields::{text, texts};
use crate::cli::session::Session;
use crate::client::{Call, Noun, short};
use crate::failure::{Exit, Failure, printable};
use crate::terminal::{dim, status};

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  goalwright task depend read-it-over --on list-the-files --on write-the-list-down"
)]
#[command(group = ArgGroup::new("which").required(true).multiple(false).args(["on", "none"]))]
pub(super) struct Depend {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
    /// A task that it waits for; may be given several times
    #[arg(long, value_name = "ID")]
    on: Vec<String>,
    /// It waits for nothing
    #[arg(long)]
    none: bool,
}

impl Depend {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let id = session.id(Noun::Task, &self.id).await?;
        let mut on = Vec::new();
        for task in &self.on {
            on.push(session.id(Noun::Task, task).await?);
        }
        let call = Call::put(&["tasks", &id, "dependencies"], json!({"depends_on": on}));
        let next = format!("`goalwright task ready {}` tells whether it can be worked on", short(&id));
        Ok(session.done("ordered", Noun::Task, &session.client.send(call).await?, Some(next)))
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task ready read-it-over")]
pub(super) struct Ready {
    /// The task: its id, the beginning or end of it, its slug, or its key
    id: String,
}

impl Ready {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let id = session.id(Noun::Task, &self.id).await?;
        let readiness = session.client.send(Call::get(&["tasks", &id, "readiness"])).await?;
        Ok(session.show(&readiness, || lines(&readiness.value)))
    }
}

fn lines(readiness: &Value) -> Vec<String> {
    if readiness["ready"] == true {
        return vec![format!("{}: it can be worked on now", status("ready"))];
    }
    let failures = readiness["failures"].as_array().map_or(&[][..], Vec::as_slice);
    let mut lines = vec![format!("{}: {} things are missing", status("waiting"), failures.len())];
    if failures.len() == 1 {
        lines = vec![format!("{}: one thing is missing", status("waiting"))];
    }
    for failure in failures {
        lines.push(format!("  {} {}", dim("·"), printable(&text(failure, "message"))));
        lines.extend(texts(failure, "related").iter().map(|id| format!("    {}", printable(id))));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_listed() {
        let plain = |readiness: Value| -> Vec<String> {
            lines(&readiness).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
        };
        assert_eq!(plain(json!({"ready": true, "failures": []})), ["ready: it can be worked on now"]);
        let open = json!({"code": "dependencies_open", "message": "1 task is open", "related": ["x1"]});
        assert_eq!(
            plain(json!({"ready": false, "failures": [open]})),
            ["waiting: one thing is missing", "  · 1 task is open", "    x1"]
        );
    }
}
