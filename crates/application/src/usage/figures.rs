//! What was spent, by day, model or goal.

use goalwright_domain::Violation;
use goalwright_domain::goal::GoalId;
use goalwright_domain::model::{Usage, Usd};

use super::Spendings;
use crate::{Context, Error};

/// At most so many days are looked at.
const LONGEST: i64 = 366;
/// At most so many lines are answered, the dearest first.
pub const MOST_LINES: u64 = 1_000;

/// What sums are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageBy {
    /// One line for each model.
    Model,
    /// One line for each goal.
    Goal,
    /// One line for each day.
    Day,
}

/// A line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// The model, the goal's id or the day; empty for what belongs to no goal.
    pub name: String,
    /// The goal of a line for a goal.
    pub goal_id: Option<GoalId>,
    /// How many breakdowns and executions.
    pub calls: u64,
    /// What they read and wrote.
    pub usage: Usage,
    /// What they cost as far as prices are known.
    pub cost: Usd,
    /// How many of them have no known price.
    pub unpriced_calls: u64,
}

/// What was spent in a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageFigures {
    /// The first day, `2026-11-01`.
    pub from: String,
    /// The last day.
    pub to: String,
    /// The lines: days in their order, others the dearest first.
    pub rows: Vec<UsageRow>,
}

impl Spendings {
    /// What the caller's workspace spent from one day to another, both included, in UTC; the last 30 days if nobody says.
    ///
    /// # Errors
    /// `Invalid` for days that are none, or too many.
    pub async fn usage(
        &self,
        context: &Context,
        by: UsageBy,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<UsageFigures, Error> {
        let today = self.clock.now().utc().date_naive();
        let mut violations = Vec::new();
        let mut read = |path: &str, given: Option<&str>, usual: chrono::NaiveDate| match given.map(str::parse)
        {
            None => usual,
            Some(Ok(day)) => day,
            Some(Err(_)) => {
                violations.push(Violation::new(path, "invalid_date", "a day such as 2026-11-21"));
                usual
            }
        };
        let to = read("to", to, today);
        let usual = to.checked_sub_days(chrono::Days::new(29)).unwrap_or(to);
        let from = read("from", from, usual);
        if violations.is_empty() && !(0..LONGEST).contains(&(to - from).num_days()) {
            let message =
                format!("`from` is not after `to`, and there are at most {LONGEST} days between them");
            violations.push(Violation::new("from", "out_of_range", message));
        }
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        let (from, to) = (from.to_string(), to.to_string());
        let rows = self.queries.usage(context.workspace(), by, &from, &to).await?;
        Ok(UsageFigures { from, to, rows })
    }
}
