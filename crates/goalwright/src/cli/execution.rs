//! `goalwright execution`: attempts at tasks.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::fields::{moment, number, page, short_id, text, when};
use super::session::{Paging, Session, Shared};
use crate::client::{Call, Noun};
use crate::failure::{Exit, Failure, printable};
use crate::terminal::{Column, Table, dim, status, strong};

/// Read what was executed: every attempt at a task.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright execution list --status failed")]
pub(super) struct Execution {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List executions, the latest begun first
    #[command(after_help = "Example:\n  goalwright execution list --task list-the-files")]
    List {
        /// Only of this task: its id, the beginning or end of it, its slug, or its key
        #[arg(long, value_name = "TASK")]
        task: Option<String>,
        /// Only those that ended like this: success, failed, partial
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show all that happened in a trace: attempts, their stages and calls
    #[command(after_help = "Example:\n  goalwright execution show 2c87d299-644d-44a0-810f-f06885518dd0")]
    Show {
        /// The trace of a run, or of the request that asked for it
        trace: String,
    },
}

impl Execution {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        Session::with(self.shared, async |session| self.action.execute(session).await).await
    }
}

impl Action {
    async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        match self {
            Self::List { task, status, paging } => {
                let task = session.id_if(Noun::Task, task.as_deref()).await?;
                let filters = [("task_id", task), ("status", status)];
                let listed = session.client.list("task-executions", &filters, paging.limit()).await?;
                let empty = "no executions; every task that is run or completed leaves one";
                Ok(session.list_by("experience_id", &listed, || table(session, listed.items()), empty))
            }
            Self::Show { trace } => {
                let trace = session.client.send(Call::get(&["traces", &trace])).await?;
                Ok(session.show(&trace, || lines(session, &trace.value)))
            }
        }
    }
}

fn table(session: &Session, executions: &[Value]) -> Table {
    let columns = [
        Column::Word("ID"),
        Column::Status("STATUS"),
        Column::Text("TASK"),
        Column::Number("ATTEMPT"),
        Column::Word("TOOL"),
        Column::Number("MS"),
        Column::Aside("TRACE"),
        Column::Aside("STARTED"),
    ];
    Table::of(columns, executions, |execution| {
        [
            short_id(execution, "experience_id"),
            text(execution, "status"),
            text(execution, "task_slug"),
            text(execution, "attempt"),
            text(execution, "tool"),
            text(execution, "duration_ms"),
            text(execution, "trace_id"),
            when(execution, "started_at", session.now),
        ]
    })
}

fn lines(session: &Session, trace: &Value) -> Vec<String> {
    let list = |value: &Value, field: &str| value[field].as_array().cloned().unwrap_or_default();
    let mut lines = Vec::new();
    for run in list(trace, "runs") {
        lines.push(format!("{}  {}", strong("run"), status(&text(&run, "status"))));
        lines.extend(page(&[
            ("task", text(&run, "task_id")),
            ("trace", text(&run, "trace_id")),
            ("queued", moment(&run, "queued_at", session.now)),
        ]));
        for attempt in list(&run, "attempts") {
            let told = status(&text(&attempt, "status"));
            lines.push(format!(
                "  attempt {}  {told}  {}",
                number(&attempt, "number"),
                dim(&text(&attempt, "worker"))
            ));
            for stage in list(&attempt, "stages") {
                lines.push(format!("    {:<10}  {}", text(&stage, "name"), text(&stage, "from")));
            }
            for call in list(&attempt, "tool_calls") {
                lines.push(format!("    called {}  {}", text(&call, "tool"), status(&text(&call, "status"))));
            }
            for script in list(&attempt, "script_runs") {
                let command = printable(&text(&script, "command"));
                lines.push(format!("    ran {command}  {}", status(&text(&script, "status"))));
            }
            lines.push(format!("    {}", dim(&text(&attempt, "experience_id"))));
        }
    }
    for event in list(trace, "events") {
        lines.push(format!("{:>8}  {}", number(&event, "position"), text(&event, "event_type")));
    }
    lines
}
