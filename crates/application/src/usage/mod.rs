//! What models cost: told by day, model and goal, and kept below a budget.
//!
//! A budget is spent before it is: what a call may cost at most is promised to it before it is made, and what it did cost is
//! settled with what came of it, in one unit. Calls that are under way at the same time cannot spend the same money.

mod bill;
mod figures;

use std::sync::Arc;
use std::time::Duration;

use chrono::{Datelike, TimeZone, Utc};
use goalwright_domain::execution::RunStatus;
use goalwright_domain::ledger::Fact;
use goalwright_domain::model::{Content, ModelName, Usage, Usd};
use goalwright_domain::workspace::{Actor, WorkspaceId};
use goalwright_domain::{Timestamp, Violation};
use serde_json::json;
use uuid::Uuid;

use crate::context::events;
use crate::execution::KernelPorts;
use crate::models::{Answered, ModelCalls, Patience, Unanswered};
use crate::ports::{
    Amount, Budget, Clock, Ids, ModelRequest, ModelSpending, Signals, Transactions, UnitOfWork,
};
use crate::precondition::Precondition;
use crate::read::Queries;
use crate::retrying::retrying;
use crate::{Context, Error};

pub(crate) use bill::{Bill, Purpose};
pub use figures::{MOST_LINES, UsageBy, UsageFigures, UsageRow};

/// A promise outlives the call by this, in which what the call came to is written. Then it is void: whoever got it is gone.
const TO_BE_WRITTEN: Duration = Duration::from_secs(2 * 60);
/// What is promised to others may be free again after this.
const PROMISED_AGAIN: Duration = Duration::from_secs(30);
/// Text has hardly more tokens than one for so many bytes.
const BYTES_PER_TOKEN: u64 = 3;
/// So many runs that wait for money look again at once when a budget changes.
const WOKEN: usize = 1_000;
/// The largest budget in tokens.
const MOST_TOKENS: u64 = 1_000_000_000_000_000;

/// Spending of workspaces.
pub struct Spendings {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    signals: Arc<dyn Signals>,
    models: Arc<ModelCalls>,
}

/// Why a budget leaves too little for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shortage {
    /// What is left is promised to calls that are under way.
    Promised,
    /// Too much of it is spent this month.
    Spent,
    /// The call could cost more than the whole of it.
    TooDear,
}

/// A budget leaves too little for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    limit: String,
    pub(crate) why: Shortage,
    /// When it is worth trying again.
    pub(crate) retry_after: Duration,
    resets_at: Timestamp,
}

impl Refusal {
    /// In words, with what to do.
    pub(crate) fn message(&self) -> String {
        let Self { limit, resets_at, .. } = self;
        match self.why {
            Shortage::Promised => format!(
                "what the workspace's monthly budget of {limit} leaves is promised to calls that are under way; try again when they \
                 are over, or raise it with `PUT /v1/budget`"
            ),
            Shortage::Spent => format!(
                "the workspace's monthly budget of {limit} leaves too little for this call; raise it with `PUT /v1/budget`, or wait \
                 until {resets_at}"
            ),
            Shortage::TooDear => format!(
                "this call alone could cost more than the workspace's whole monthly budget of {limit}; raise it with `PUT /v1/budget`, \
                 or make the call smaller"
            ),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let (retry_after, message) = (refusal.retry_after, refusal.message());
        Self::Limited { code: "budget_exhausted", retry_after, message }
    }
}

/// On whose account a model is asked.
#[derive(Debug, Clone)]
pub(crate) struct Payer {
    /// The tenant.
    pub(crate) workspace: WorkspaceId,
    /// Whom events name as their cause.
    pub(crate) actor: Actor,
    /// In which trace.
    pub(crate) trace: Option<Uuid>,
}

/// What is promised to calls that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    id: Uuid,
    held: bool,
    /// What is promised by now.
    promised: Amount,
}

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
    /// Over these ports.
    pub fn new(ports: &KernelPorts) -> Self {
        let KernelPorts { transactions, queries, clock, ids, signals, models, .. } = ports.clone();
        Self { transactions, queries, clock, ids, signals, models }
    }

    /// For calls that have not begun.
    pub(crate) fn open(&self) -> Reservation {
        Reservation { id: self.ids.ordered(), held: false, promised: Amount::default() }
    }

    /// Promises what the next request of a breakdown may cost at most, besides what calls `before` it came to.
    ///
    /// # Errors
    /// `Limited` (`budget_exhausted`), told as an event, before anything is spent; what storage says.
    pub(crate) async fn reserve(
        &self,
        context: &Context,
        reservation: &mut Reservation,
        request: &ModelRequest,
        before: &Bill,
        patience: &Patience,
    ) -> Result<(), Error> {
        let payer = Payer { workspace: context.workspace(), actor: context.actor(), trace: context.trace_id };
        let before = self.known(&request.model, before);
        match self.promise(&payer, reservation, request, before, patience).await? {
            None => Ok(()),
            Some(refusal) => Err(refusal.into()),
        }
    }

    /// What a request may cost at most.
    pub(crate) fn at_most(&self, request: &ModelRequest) -> Amount {
        let input_tokens = size_of(request);
        // What goes into a provider's cache is the dearest input.
        let usage = Usage {
            input_tokens,
            cache_creation_tokens: input_tokens,
            output_tokens: u64::from(request.max_output_tokens),
            ..Usage::default()
        };
        Amount {
            money: self.models.prices().cost(&request.model, &usage).unwrap_or_default(),
            tokens: usage.cost_tokens(),
        }
    }

    /// Promises what the next request may cost at most, besides what was consumed `before` it and is not settled yet. Without
    /// a budget nothing is written. The promise is void when a call of such patience is over for a while, since whoever got it may
    /// be gone. Where the budget leaves too little, that is told as an event, and given.
    ///
    /// # Errors
    /// What storage says.
    pub(crate) async fn promise(
        &self,
        payer: &Payer,
        reservation: &mut Reservation,
        request: &ModelRequest,
        before: Amount,
        patience: &Patience,
    ) -> Result<Option<Refusal>, Error> {
        let workspace = payer.workspace;
        if self.queries.budget(workspace).await?.is_none_or(|budget| budget.is_unlimited()) {
            return Ok(None);
        }
        let holds = patience.whole().saturating_add(TO_BE_WRITTEN);
        let at_most = self.at_most(request);
        let amount = Amount {
            money: at_most.money + before.money,
            tokens: at_most.tokens.saturating_add(before.tokens),
        };
        let refusal = retrying(|| async {
            let now = self.clock.now();
            let unit = self.transactions.begin().await?;
            let budget = unit.usage().lock_budget(workspace).await?.unwrap_or_default();
            let (spent, reserved) =
                unit.usage().committed(workspace, &month(now), now, reservation.id).await?;
            let refusal = exhausted(&budget, spent, reserved, amount).map(|limit| {
                let nothing = Amount::default();
                let why = if exhausted(&budget, nothing, nothing, amount).is_some() {
                    Shortage::TooDear
                } else if exhausted(&budget, spent, nothing, amount).is_none() {
                    Shortage::Promised
                } else {
                    Shortage::Spent
                };
                (limit, why)
            });
            if let Some((what, _)) = &refusal {
                let fact = Fact {
                    entity_type: "budget",
                    entity_id: workspace.to_string(),
                    event_type: "budget.exhausted",
                    changes: json!({}),
                    metadata: json!({
                        "model": request.model.to_string(), "limit": what, "spent_usd": spent.money.dollars(),
                        "spent_tokens": spent.tokens, "reserved_usd": reserved.money.dollars(),
                        "reserved_tokens": reserved.tokens, "asked_usd": amount.money.dollars(),
                        "asked_tokens": amount.tokens,
                    }),
                };
                let told = events(&*self.ids, workspace, &payer.actor, payer.trace, vec![fact], now);
                unit.outbox().append(&told).await?;
            } else {
                unit.usage().promise(workspace, reservation.id, amount, now + holds, now).await?;
            }
            unit.commit().await?;
            Ok::<_, Error>(refusal)
        })
        .await?;
        let Some((limit, why)) = refusal else {
            (reservation.held, reservation.promised) = (true, amount);
            return Ok(None);
        };
        self.signals.events_appended();
        let now = self.clock.now();
        let resets_at = next_month(now);
        let until = match why {
            Shortage::Promised => now + PROMISED_AGAIN,
            Shortage::Spent | Shortage::TooDear => resets_at,
        };
        Ok(Some(Refusal { limit, why, retry_after: until.since(now), resets_at }))
    }

    /// What one call came to.
    pub(crate) fn bill(&self, model: &ModelName, asked: &Result<Answered, Unanswered>) -> Bill {
        Bill::of(self.models.prices(), model, asked)
    }

    /// Writes what was spent, and takes back what was promised. Where nobody knows what a call consumed, its cost stays unknown, and
    /// the budget bears what was promised to it.
    pub(crate) async fn settle(
        &self,
        unit: &dyn UnitOfWork,
        reservation: Reservation,
        bill: &Bill,
        purpose: &Purpose,
        now: Timestamp,
    ) -> Result<(), Error> {
        if reservation.held {
            unit.usage().release(reservation.id).await?;
        }
        if bill.attempts == 0 {
            return Ok(());
        }
        let known = self.known(&purpose.model, bill);
        let borne = match reservation.held && bill.forfeits {
            true => Amount {
                money: known.money.max(reservation.promised.money),
                tokens: known.tokens.max(reservation.promised.tokens),
            },
            false => known,
        };
        let Purpose { workspace, name, goal, task, decomposition, model, prompt_version, trace, span } =
            purpose.clone();
        let spending = ModelSpending {
            id: self.ids.ordered(),
            workspace_id: workspace,
            purpose: name,
            goal_id: goal,
            task_id: task,
            decomposition_id: decomposition,
            model: model.to_string(),
            prompt_version,
            attempts: bill.attempts,
            usage: bill.usage,
            raw_usage: bill.raw_usage.clone(),
            cost: bill.cost,
            price_version: self.models.prices().version().to_owned(),
            trace_id: trace,
            span_id: span,
            took: Some(bill.took),
            created_at: now,
        };
        Ok(unit.usage().spend(&spending, known.money, borne).await?)
    }

    /// What a budget has to bear at least: the cost, or as much of it as was told.
    fn known(&self, model: &ModelName, bill: &Bill) -> Amount {
        let told = || self.models.prices().cost(model, &bill.usage);
        Amount { money: bill.cost.or_else(told).unwrap_or_default(), tokens: bill.usage.cost_tokens() }
    }

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

/// Which limit an amount would break, in words.
fn exhausted(budget: &Budget, spent: Amount, reserved: Amount, asked: Amount) -> Option<String> {
    let money = spent.money + reserved.money + asked.money;
    let tokens = spent.tokens.saturating_add(reserved.tokens).saturating_add(asked.tokens);
    // What has no price can still be asked as long as some money is left; a limit in tokens bounds it.
    if let Some(limit) = budget.monthly.filter(|limit| money > *limit || spent.money >= *limit) {
        return Some(limit.to_string());
    }
    let limit = budget.monthly_tokens.filter(|limit| tokens > *limit)?;
    Some(format!("{limit} tokens"))
}

/// At most so many tokens are read.
fn size_of(request: &ModelRequest) -> u64 {
    let said = request.messages.iter().flat_map(|message| &message.content).map(|part| match part {
        Content::Text { text } => text.len(),
        Content::ToolResult(result) => result.text.len(),
        Content::ToolCall(call) => call.arguments.to_string().len(),
        Content::Opaque { value } => value.to_string().len(),
    });
    let tools = request.tools.iter().map(|tool| tool.description.len() + tool.parameters.to_string().len());
    let form = request.form.iter().map(|form| form.schema.to_string().len());
    let bytes = request.system.len() + said.sum::<usize>() + tools.sum::<usize>() + form.sum::<usize>();
    u64::try_from(bytes).unwrap_or(u64::MAX) / BYTES_PER_TOKEN + 1
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

    fn amount(dollars: f64, tokens: u64) -> Amount {
        Amount { money: Usd::from_dollars(dollars).expect("an amount"), tokens }
    }

    #[test]
    fn what_is_promised_counts_as_spent() {
        let budget = Budget { monthly: Usd::from_dollars(1.0), monthly_tokens: Some(1_000), revision: 1 };
        let (spent, reserved) = (amount(0.4, 300), amount(0.4, 300));
        assert_eq!(exhausted(&budget, spent, reserved, amount(0.2, 400)), None);
        assert_eq!(exhausted(&budget, spent, reserved, amount(0.21, 1)), Some("$1.0000".to_owned()));
        assert_eq!(exhausted(&budget, spent, reserved, amount(0.0, 401)), Some("1000 tokens".to_owned()));
        let nothing = Budget { monthly: Some(Usd::default()), ..Budget::default() };
        assert!(exhausted(&nothing, Amount::default(), Amount::default(), Amount::default()).is_some());
        assert_eq!(exhausted(&Budget::default(), amount(9.0, 9), reserved, amount(9.0, 9)), None);
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let at = |text: &str| -> Timestamp { text.parse().expect("a moment") };
        assert_eq!(next_month(at("2026-12-31T23:59:59Z")), at("2027-01-01T00:00:00Z"));
        assert_eq!(month(at("2026-12-31T23:59:59-01:00")), "2027-01");
    }
}
