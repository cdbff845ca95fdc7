use clap::Args;

use super::table::tasks_table;
use crate::cli::session::{Paging, Session};
use crate::client::Noun;
use crate::failure::{Exit, Failure};
use crate::terminal::Table;

const STATUSES: [&str; 8] =
    ["pending", "ready", "running", "waiting", "completed", "failed", "cancelled", "skipped"];

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright task list --goal 1cef10aa --status ready")]
pub(super) struct List {
    /// Only tasks of this goal
    #[arg(long, value_name = "ID")]
    goal: Option<String>,
    /// Only tasks in this status
    #[arg(long, value_name = "STATUS", value_parser = STATUSES)]
    status: Option<String>,
    /// Only tasks of this agent: its id or name
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// Only tasks of this type
    #[arg(long = "type", value_name = "TYPE")]
    task_type: Option<String>,
    /// Only the task with this slug
    #[arg(long)]
    slug: Option<String>,
    /// Only tasks in which these words occur
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

impl List {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let goal = session.id_if(Noun::Goal, self.goal.as_deref()).await?;
        let agent = session.id_if(Noun::Agent, self.agent.as_deref()).await?;
        let filters = [
            ("goal_id", goal),
            ("status", self.status),
            ("agent_id", agent),
            ("task_type", self.task_type),
            ("slug", self.slug),
            ("q", self.search),
        ];
        let filtered = filters.iter().any(|(_, filter)| filter.is_some());
        let listed = session.client.list("tasks", &filters, self.paging.limit()).await?;
        let table = if session.json || session.quiet {
            Table::new([])
        } else {
            tasks_table(session, listed.items()).await?
        };
        let empty = match filtered {
            true => "no such tasks; `goalwright task list` shows all",
            false => {
                "no tasks; `goalwright task create TITLE` makes one, `goalwright goal import FILE` makes those of a plan"
            }
        };
        Ok(session.list(&listed, || table, empty))
    }
}
