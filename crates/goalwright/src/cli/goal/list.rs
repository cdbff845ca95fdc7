use clap::Args;

use crate::cli::fields::{short_id, text, when};
use crate::cli::session::{Paging, Session};
use crate::failure::{Exit, Failure};
use crate::terminal::{Column, Table};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright goal list --status active")]
pub(super) struct List {
    /// Only goals in this status
    #[arg(long, value_name = "STATUS", value_parser = ["draft", "active", "achieved", "abandoned"])]
    status: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

impl List {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let listed = session.client.list("goals", &[("status", self.status)], self.paging.limit()).await?;
        let table = || {
            let columns = [
                Column::Word("ID"),
                Column::Status("STATUS"),
                Column::Text("TITLE"),
                Column::Word("DUE"),
                Column::Aside("CHANGED"),
            ];
            Table::of(columns, listed.items(), |goal| {
                [
                    short_id(goal, "id"),
                    text(goal, "status"),
                    text(goal, "title"),
                    when(goal, "due_at", session.now),
                    when(goal, "updated_at", session.now),
                ]
            })
        };
        Ok(session.list(
            &listed,
            table,
            "no goals; `goalwright goal create TITLE` states one, `goalwright goal import FILE` makes one of a plan",
        ))
    }
}
