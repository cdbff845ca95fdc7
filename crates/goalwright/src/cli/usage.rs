//! `goalwright usage`: what models cost.

use clap::Args;
use serde_json::Value;

use super::fields::{short_id, text};
use super::planning::dollars;
use super::session::{Session, Shared};
use crate::client::{Call, Listed};
use crate::failure::{Exit, Failure};
use crate::terminal::{Column, Table};

/// See what models cost.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright usage --by model --from 2026-11-01")]
pub(super) struct Usage {
    /// A line for each of these
    #[arg(long, value_name = "WHAT", value_parser = ["day", "model", "goal"], default_value = "day")]
    by: String,
    /// The first day, in UTC; 29 days before --to unless given
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// The last day; today unless given
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    #[command(flatten)]
    shared: Shared,
}

impl Usage {
    pub(super) async fn execute(self) -> Result<Exit, Failure> {
        let query = [("by", Some(self.by)), ("from", self.from), ("to", self.to)];
        Session::with(self.shared, async |session| {
            let listed = Listed::whole(session.client.send(Call::get(&["usage"]).query(&query)).await?);
            let (from, to) = (text(&listed.answer.value, "from"), text(&listed.answer.value, "to"));
            let empty = format!("no model was asked from {from} to {to}");
            Ok(session.list_by("key", &listed, || table(listed.items()), &empty))
        })
        .await
    }
}

fn table(rows: &[Value]) -> Table {
    let columns = [
        Column::Text("KEY"),
        Column::Word("GOAL"),
        Column::Number("CALLS"),
        Column::Number("READ"),
        Column::Number("CACHED"),
        Column::Number("WRITTEN"),
        Column::Number("COST"),
        Column::Number("UNPRICED"),
    ];
    Table::of(columns, rows, |row| {
        [
            text(row, "key"),
            short_id(row, "goal_id"),
            text(row, "calls"),
            text(row, "input_tokens"),
            text(row, "cache_read_tokens"),
            text(row, "output_tokens"),
            dollars(&row["cost_usd"], ""),
            Some(text(row, "unpriced_calls")).filter(|count| count != "0").unwrap_or_default(),
        ]
    })
}
