//! What calls of a model came to, and what for.

use std::time::Duration;

use goalwright_domain::Timestamp;
use goalwright_domain::execution::SpanId;
use goalwright_domain::goal::GoalId;
use goalwright_domain::model::{ModelName, PriceTable, Usage, Usd};
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use serde_json::Value;
use uuid::Uuid;

use super::{Reservation, Spendings};
use crate::Error;
use crate::models::{Answered, Unanswered};
use crate::ports::{Amount, ModelSpending, UnitOfWork};

/// What a provider tells of usage is kept up to so many bytes.
const KEPT_USAGE: usize = 16 * 1024;

/// What calls came to that are paid for together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bill {
    /// How often the model was asked.
    pub(crate) attempts: u32,
    /// What it read and wrote, as far as that was told.
    pub(crate) usage: Usage,
    /// What that cost; none where not all of it was told, or a price is not known.
    pub(crate) cost: Option<Usd>,
    /// How long it took, pauses included.
    pub(crate) took: Duration,
    /// The usage as the provider told it, one entry for each answer.
    pub(super) raw_usage: Vec<Value>,
    /// Not all of what the last call consumed was told: an attempt at it broke off, or its answer said nothing of it. That may
    /// be as much as was promised to it, and so much limits bear at least: otherwise calls that time out could be repeated for
    /// ever for nothing.
    pub(super) forfeits: bool,
}

impl Default for Bill {
    /// Nobody was asked: that costs nothing, and that is known.
    fn default() -> Self {
        Self {
            attempts: 0,
            usage: Usage::default(),
            cost: Some(Usd::default()),
            took: Duration::ZERO,
            raw_usage: Vec::new(),
            forfeits: false,
        }
    }
}

impl Bill {
    /// Of one call at these prices.
    pub(super) fn of(prices: &PriceTable, model: &ModelName, asked: &Result<Answered, Unanswered>) -> Self {
        let (attempts, usage, untold, took, raw_usage) = match asked {
            Ok(Answered { reply, attempts, usage, untold, took }) => {
                (*attempts, *usage, *untold, *took, vec![kept(&reply.raw_usage)])
            }
            Err(Unanswered { attempts, usage, untold, took, .. }) => {
                (*attempts, *usage, *untold, *took, Vec::new())
            }
        };
        let cost = prices.cost(model, &usage).filter(|_| !untold);
        Self { attempts, usage, cost, took, raw_usage, forfeits: untold }
    }

    /// Of one call that was given up before it ended.
    pub(crate) fn given_up(took: Duration) -> Self {
        Self { attempts: 1, cost: None, took, forfeits: true, ..Self::default() }
    }

    /// One more call, at its own price: long ones may cost more.
    pub(crate) fn add(&mut self, next: Self) {
        let Self { attempts, usage, cost, took, raw_usage, forfeits } = next;
        self.attempts = self.attempts.saturating_add(attempts);
        self.usage += usage;
        // What is not known whole is not known: a sum that is too small would look like one.
        self.cost = self.cost.zip(cost).map(|(before, cost)| before + cost);
        self.took = self.took.saturating_add(took);
        self.raw_usage.extend(raw_usage);
        self.forfeits |= forfeits;
    }
}

/// What a model was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Purpose {
    /// The tenant.
    pub(crate) workspace: WorkspaceId,
    /// `decompose`, `expand`, `task` or `lessons`.
    pub(crate) name: &'static str,
    /// The goal.
    pub(crate) goal: Option<GoalId>,
    /// The task.
    pub(crate) task: Option<TaskId>,
    /// The breakdown.
    pub(crate) decomposition: Option<Uuid>,
    /// Which model.
    pub(crate) model: ModelName,
    /// The version of its prompt.
    pub(crate) prompt_version: Option<String>,
    /// In which trace.
    pub(crate) trace: Option<Uuid>,
    /// For which attempt at a task.
    pub(crate) span: Option<SpanId>,
}

impl Spendings {
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
        let promised = if reservation.held { reservation.promised } else { Amount::default() };
        let (known, borne) = (self.known(&purpose.model, bill), self.borne(&purpose.model, bill, promised));
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

    /// What limits have to bear of calls of which the last was promised so much.
    pub(crate) fn borne(&self, model: &ModelName, bill: &Bill, promised: Amount) -> Amount {
        let known = self.known(model, bill);
        if !bill.forfeits {
            return known;
        }
        Amount { money: known.money.max(promised.money), tokens: known.tokens.max(promised.tokens) }
    }

    /// What a limit has to bear at least: the cost, or as much of it as was told.
    pub(super) fn known(&self, model: &ModelName, bill: &Bill) -> Amount {
        let told = || self.models.prices().cost(model, &bill.usage);
        Amount { money: bill.cost.or_else(told).unwrap_or_default(), tokens: bill.usage.cost_tokens() }
    }
}

/// What a provider tells of usage, if it can be kept.
fn kept(raw: &Value) -> Value {
    let text = raw.to_string();
    if text.len() > KEPT_USAGE || text.contains("\\u0000") { Value::Null } else { raw.clone() }
}

#[cfg(test)]
mod tests {
    use goalwright_domain::model::Cause;

    use super::*;
    use crate::models::NoAnswer;

    const KNOWN: &str = "anthropic/claude-sonnet-4-5";

    fn bill(model: &str, (input_tokens, untold): (u64, bool)) -> Bill {
        let usage = Usage { input_tokens, ..Usage::default() };
        let why = NoAnswer::Failed(Cause::CutOff);
        let took = Duration::from_secs(2);
        let asked = Err(Unanswered { why, attempts: 3, usage, untold, took });
        Bill::of(&PriceTable::default(), &model.parse().expect("a name"), &asked)
    }

    #[test]
    fn what_is_not_known_whole_is_not_known() {
        let mut sum = Bill::default();
        sum.add(bill(KNOWN, (1_000, false)));
        sum.add(bill(KNOWN, (2_000, false)));
        assert_eq!((sum.attempts, sum.usage.input_tokens, sum.took), (6, 3_000, Duration::from_secs(4)));
        assert_eq!((sum.cost, sum.forfeits), (Some(Usd::from_nanos(9_000_000)), false));
        for unknown in [bill(KNOWN, (1_000, true)), bill("openai/llama3", (1_000, false))] {
            let mut sum = sum.clone();
            sum.add(unknown);
            sum.add(bill(KNOWN, (5, false)));
            assert_eq!((sum.cost, sum.usage.input_tokens), (None, 4_005));
        }
    }

    #[test]
    fn an_end_without_a_word_costs_what_was_promised() {
        assert!(bill(KNOWN, (0, true)).forfeits && Bill::given_up(Duration::ZERO).forfeits);
        let mut later = bill(KNOWN, (0, true));
        later.add(bill(KNOWN, (10, false)));
        assert!(later.forfeits, "what follows takes nothing back");
    }

    #[test]
    fn what_no_database_keeps_is_left_out_of_what_a_provider_told() {
        assert_eq!(kept(&serde_json::json!({"a": 1})), serde_json::json!({"a": 1}));
        for odd in [serde_json::json!({"a": "\0"}), serde_json::json!("x".repeat(KEPT_USAGE))] {
            assert_eq!(kept(&odd), Value::Null);
        }
    }
}
