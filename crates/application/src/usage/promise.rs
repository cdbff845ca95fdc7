//! What a call may cost at most is promised to it before it is made, if a budget has room for it.

use std::time::Duration;

use goalwright_domain::Timestamp;
use goalwright_domain::ledger::Fact;
use goalwright_domain::model::{Content, Usage};
use goalwright_domain::workspace::{Actor, WorkspaceId};
use serde_json::json;
use uuid::Uuid;

use super::{Bill, Spendings, month, next_month};
use crate::context::events;
use crate::models::Patience;
use crate::ports::{Amount, Budget, ModelRequest};
use crate::retrying::retrying;
use crate::{Context, Error};

/// A promise outlives the call by this, in which what the call came to is written. Then it is void: whoever got it is gone.
const TO_BE_WRITTEN: Duration = Duration::from_secs(2 * 60);
/// What is promised to others may be free again after this.
const PROMISED_AGAIN: Duration = Duration::from_secs(30);
/// Text has hardly more tokens than one for so many bytes.
const BYTES_PER_TOKEN: u64 = 3;

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
    pub(super) id: Uuid,
    pub(super) held: bool,
    /// What is promised by now.
    pub(super) promised: Amount,
}

impl Spendings {
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

#[cfg(test)]
mod tests {
    use goalwright_domain::model::Usd;

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
}
