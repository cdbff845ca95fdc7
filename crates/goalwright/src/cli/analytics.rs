//! `goalwright analytics`: figures.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::fields::text;
use super::session::{Session, Shared};
use crate::client::Call;
use crate::failure::{Exit, Failure};
use crate::terminal::{Column, Table};

/// See how well things go.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright analytics tasks --by tool")]
pub(super) struct Analytics {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// How often tasks succeed, how long they take and how long they wait
    #[command(after_help = "Example:\n  goalwright analytics tasks --by day --from 2026-11-01T00:00:00Z")]
    Tasks {
        /// What the figures are about: task, type, agent, tool, day
        #[arg(long, value_name = "WHAT", default_value = "task")]
        by: String,
        /// From this moment on; the last 30 days unless given
        #[arg(long, value_name = "MOMENT")]
        from: Option<String>,
        /// Until before this moment
        #[arg(long, value_name = "MOMENT")]
        to: Option<String>,
    },
}

impl Analytics {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        Session::with(self.shared, async |session| self.action.execute(session).await).await
    }
}

impl Action {
    async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let Self::Tasks { by, from, to } = self;
        let call = Call::get(&["analytics", "tasks"]).query(&[("by", Some(by)), ("from", from), ("to", to)]);
        let report = session.client.send(call).await?;
        Ok(session.show(&report, || {
            let items = report.value["items"].as_array().map(Vec::as_slice).unwrap_or_default();
            table(items).lines()
        }))
    }
}

fn table(figures: &[Value]) -> Table {
    let columns = [
        Column::Text("KEY"),
        Column::Number("COUNT"),
        Column::Number("FAILED"),
        Column::Number("SUCCESS"),
        Column::Number("RETRIES"),
        Column::Number("P50 MS"),
        Column::Number("P95 MS"),
        Column::Number("WAIT P95"),
    ];
    Table::of(columns, figures, |one| {
        let name = text(one, "name");
        [
            if name.is_empty() { text(one, "key") } else { name },
            text(one, "executions"),
            text(one, "failed"),
            format!("{:.0} %", one["success_rate"].as_f64().unwrap_or_default() * 100.0),
            text(one, "retries"),
            text(one, "duration_p50_ms"),
            text(one, "duration_p95_ms"),
            text(one, "queue_p95_ms"),
        ]
    })
}
