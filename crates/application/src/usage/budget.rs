//! What a workspace may spend in a month.

use goalwright_domain::execution::RunStatus;
use goalwright_domain::ledger::Fact;
use goalwright_domain::model::Usd;
use goalwright_domain::{Timestamp, Violation};
use serde_json::json;

use super::{Spendings, month, next_month};
use crate::ports::{Amount, Budget};
use crate::precondition::Precondition;
use crate::retrying::retrying;
use crate::{Context, Error};

/// So many runs that wait for money look again at once when a budget changes.
const WOKEN: usize = 1_000;
/// The largest budget in tokens.
const MOST_TOKENS: u64 = 1_000_000_000_000_000;

/// A budget and how much of it is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetView {
    /// What may be spent.
    pub budget: Budget,
    /// What was spent this month.
    pub spent: Amount,
    /// What is promised to calls that are under way.
    pub reserved: Amount,
    /// When the month is over, in UTC.
    pub resets_at: Timestamp,
}

impl BudgetView {
    /// Whether nothing is left of it.
    pub fn is_spent(&self) -> bool {
        let money = self.budget.monthly.is_some_and(|limit| self.spent.money >= limit);
        money || self.budget.monthly_tokens.is_some_and(|limit| self.spent.tokens >= limit)
    }
}

impl Spendings {
    /// The budget of the caller's workspace.
    ///
    /// # Errors
    /// What storage says.
    pub async fn budget(&self, context: &Context) -> Result<BudgetView, Error> {
        let (workspace, now) = (context.workspace(), self.clock.now());
        let budget = self.queries.budget(workspace).await?.unwrap_or_default();
        let (spent, reserved) = self.queries.committed(workspace, &month(now), now).await?;
        Ok(BudgetView { budget, spent, reserved, resets_at: next_month(now) })
    }

    /// Sets it; what is not said is not limited.
    ///
    /// # Errors
    /// `Invalid` for amounts that are none; `Stale`.
    pub async fn set_budget(
        &self,
        context: &Context,
        monthly_usd: Option<f64>,
        monthly_tokens: Option<u64>,
        precondition: &Precondition,
    ) -> Result<BudgetView, Error> {
        let mut violations = Vec::new();
        let monthly = monthly_usd.and_then(Usd::from_dollars);
        if monthly_usd.is_some() && monthly.is_none() {
            let message = "an amount of dollars from 0 to 9,000,000,000";
            violations.push(Violation::new("monthly_usd", "out_of_range", message));
        }
        if monthly_tokens.is_some_and(|tokens| tokens > MOST_TOKENS) {
            let message = format!("at most {MOST_TOKENS} tokens");
            violations.push(Violation::new("monthly_tokens", "out_of_range", message));
        }
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        let workspace = context.workspace();
        retrying(|| async {
            let now = self.clock.now();
            let unit = self.transactions.begin().await?;
            let before = unit.usage().lock_budget(workspace).await?.unwrap_or_default();
            precondition.check(before.revision)?;
            let after = Budget { monthly, monthly_tokens, revision: before.revision + 1 };
            unit.usage().save_budget(workspace, &after, now).await?;
            let show = |budget: &Budget| {
                json!({"monthly_usd": budget.monthly.map(Usd::dollars), "monthly_tokens": budget.monthly_tokens})
            };
            let (from, to) = (show(&before), show(&after));
            let fact = Fact {
                entity_type: "budget",
                entity_id: workspace.to_string(),
                event_type: "budget.updated",
                changes: json!({
                    "monthly_usd": {"from": from["monthly_usd"], "to": to["monthly_usd"]},
                    "monthly_tokens": {"from": from["monthly_tokens"], "to": to["monthly_tokens"]},
                }),
                metadata: json!({}),
            };
            unit.outbox().append(&context.events(&*self.ids, vec![fact], now)).await?;
            // What waits for money looks again.
            let waiting = unit.executions().waiting_for_budget(workspace, WOKEN).await?;
            let mut runs = unit.executions().lock_runs(&waiting).await?;
            runs.retain(|run| run.status == RunStatus::Waiting && run.suspended);
            for run in &mut runs {
                (run.available_at, run.updated_at) = (Some(now), now);
            }
            unit.executions().save_runs(&runs).await?;
            Ok::<_, Error>(unit.commit().await?)
        })
        .await?;
        self.signals.work_changed();
        self.signals.events_appended();
        self.budget(context).await
    }
}

impl Budget {
    /// Whether it limits nothing.
    pub const fn is_unlimited(&self) -> bool {
        self.monthly.is_none() && self.monthly_tokens.is_none()
    }
}
