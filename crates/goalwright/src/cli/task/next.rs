use clap::Args;

use super::show;
use crate::cli::fields::text;
use crate::cli::session::Session;
use crate::client::{Call, Noun};
use crate::failure::{Exit, Failure, printable};
use crate::terminal::{accent, note, print};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task next --goal 1cef10aa")]
pub(super) struct Next {
    /// Only among the tasks of this goal
    #[arg(long, value_name = "ID")]
    goal: Option<String>,
}

impl Next {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let goal = session.id_if(Noun::Goal, self.goal.as_deref()).await?;
        let next = session.client.send(Call::get(&["tasks", "next"]).query(&[("goal_id", goal)])).await?;
        let task = &next.value["task"];
        if session.json {
            return Ok(session.show(&next, Vec::new));
        }
        let reason = printable(&text(&next.value["reason"], "message"));
        if !task.is_object() {
            note(if reason.is_empty() { "there is nothing to work on" } else { &reason });
            show::left_out(&next.value).iter().for_each(|line| note(line));
            return Ok(Exit::Success);
        }
        if session.quiet {
            print(&text(task, "id"));
            return Ok(Exit::Success);
        }
        show::lines(session, task).await?.iter().for_each(|line| print(line));
        if !reason.is_empty() {
            print("");
            print(&format!("{} {reason}", accent("why:")));
        }
        Ok(Exit::Success)
    }
}
