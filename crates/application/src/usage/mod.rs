//! What models cost: told by day, model and goal, and kept below a budget.
//!
//! A budget is spent before it is: what a call may cost at most is promised to it before it is made, and what it did cost is
//! settled with what came of it, in one unit. Calls that are under way at the same time cannot spend the same money.

mod bill;
mod budget;
mod figures;
mod promise;

use std::sync::Arc;

use chrono::{Datelike, TimeZone, Utc};
use goalwright_domain::Timestamp;

use crate::execution::KernelPorts;
use crate::models::ModelCalls;
use crate::ports::{Clock, Ids, Signals, Transactions};
use crate::read::Queries;

pub(crate) use bill::{Bill, Purpose};
pub use budget::BudgetView;
pub use figures::{MOST_LINES, UsageBy, UsageFigures, UsageRow};
pub use promise::Reservation;
pub(crate) use promise::{Payer, Refusal, Shortage};

/// Spending of workspaces.
pub struct Spendings {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    signals: Arc<dyn Signals>,
    models: Arc<ModelCalls>,
}

impl Spendings {
    /// Over these ports.
    pub fn new(ports: &KernelPorts) -> Self {
        let KernelPorts { transactions, queries, clock, ids, signals, models, .. } = ports.clone();
        Self { transactions, queries, clock, ids, signals, models }
    }
}

/// The month of a moment in UTC, `2026-11`.
fn month(at: Timestamp) -> String {
    at.utc().format("%Y-%m").to_string()
}

/// When the month of a moment is over.
fn next_month(at: Timestamp) -> Timestamp {
    let (year, month) = (at.utc().year(), at.utc().month());
    let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    Utc.with_ymd_and_hms(year, month, 1, 0, 0, 0).single().map_or(at, Timestamp::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let at = |text: &str| -> Timestamp { text.parse().expect("a moment") };
        assert_eq!(next_month(at("2026-12-31T23:59:59Z")), at("2027-01-01T00:00:00Z"));
        assert_eq!(month(at("2026-12-31T23:59:59-01:00")), "2027-01");
    }
}
