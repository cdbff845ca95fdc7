use goalwright_application::ports::Prompt;
use goalwright_application::usage::{BudgetView, UsageFigures, UsageRow};
use goalwright_domain::model::Usd;
use poem_openapi::Object;
use uuid::Uuid;

use crate::nullable::Nullable;
use crate::values::Moment;

/// What may be spent in a month.
#[derive(Debug, Object)]
#[oai(rename = "NewBudget", deny_unknown_fields)]
pub(crate) struct NewBudgetBody {
    /// In US dollars. Counts what has a known price.
    pub(super) monthly_usd: Option<f64>,
    /// In tokens, read and written.
    pub(super) monthly_tokens: Option<u64>,
}

/// What may be spent in a month, and what is left of it.
#[derive(Debug, Object)]
#[oai(rename = "Budget")]
pub(crate) struct BudgetBody {
    /// In US dollars; null if that is not limited.
    monthly_usd: Nullable<f64>,
    /// In tokens, read and written; null if that is not limited.
    monthly_tokens: Nullable<u64>,
    /// What was spent this month, as far as prices are known.
    spent_usd: f64,
    /// How many tokens were read and written this month.
    spent_tokens: u64,
    /// What is promised to calls that are under way.
    reserved_usd: f64,
    /// The same in tokens.
    reserved_tokens: u64,
    /// When the month is over, in UTC.
    resets_at: Moment,
}

impl From<BudgetView> for BudgetBody {
    fn from(BudgetView { budget, spent, reserved, resets_at }: BudgetView) -> Self {
        Self {
            monthly_usd: budget.monthly.map(Usd::dollars).into(),
            monthly_tokens: budget.monthly_tokens.into(),
            spent_usd: spent.money.dollars(),
            spent_tokens: spent.tokens,
            reserved_usd: reserved.money.dollars(),
            reserved_tokens: reserved.tokens,
            resets_at: Moment(resets_at),
        }
    }
}

/// What models cost in a time.
#[derive(Debug, Object)]
#[oai(rename = "ModelUsage")]
pub(crate) struct UsageFiguresBody {
    /// The first day, in UTC.
    from: String,
    /// The last day.
    to: String,
    /// Days in their order, others the dearest first; at most 1,000.
    items: Vec<UsageRowBody>,
}

/// What models cost for one model, goal or day.
#[derive(Debug, Object)]
#[oai(rename = "ModelUsageLine")]
pub(crate) struct UsageRowBody {
    /// The model, the goal's id or the day; empty for what belongs to no goal.
    key: String,
    /// The goal of a line for a goal.
    goal_id: Nullable<Uuid>,
    /// How many breakdowns and executions asked a model.
    calls: u64,
    /// Everything that was read, cached or not.
    input_tokens: u64,
    /// What was written.
    output_tokens: u64,
    /// Both.
    cost_tokens: u64,
    /// Written to providers' caches.
    cache_creation_tokens: u64,
    /// Read from them.
    cache_read_tokens: u64,
    /// In US dollars; null if no price is known of any of it.
    cost_usd: Nullable<f64>,
    /// How many of the calls are not in `cost_usd`, or not with all that they cost, since that is not known.
    unpriced_calls: u64,
}

impl From<UsageFigures> for UsageFiguresBody {
    fn from(UsageFigures { from, to, rows }: UsageFigures) -> Self {
        Self { from, to, items: rows.into_iter().map(UsageRowBody::from).collect() }
    }
}

impl From<UsageRow> for UsageRowBody {
    fn from(UsageRow { name, goal_id, calls, usage, cost, unpriced_calls }: UsageRow) -> Self {
        Self {
            key: name,
            goal_id: goal_id.map(|id| id.uuid()).into(),
            calls,
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cost_tokens: usage.cost_tokens(),
            cache_creation_tokens: usage.cache_creation_tokens,
            cache_read_tokens: usage.cache_read_tokens,
            cost_usd: (unpriced_calls < calls).then(|| cost.dollars()).into(),
            unpriced_calls,
        }
    }
}

/// A version of the prompt to be added.
#[derive(Debug, Object)]
#[oai(rename = "NewPrompt", deny_unknown_fields)]
pub(crate) struct NewPromptBody {
    /// Its name: 1 to 64 letters, digits, `.`, `_` and `-`.
    pub(super) version: String,
    /// What the model is told before it hears of tools and of the goal.
    pub(super) content: String,
}

/// A version of the prompt.
#[derive(Debug, Object)]
#[oai(rename = "Prompt")]
pub(crate) struct PromptBody {
    /// Its name.
    version: String,
    /// What the model is told before it hears of tools and of the goal.
    content: String,
    /// Who wrote it; null for the one that comes with the product.
    created_by: Nullable<Uuid>,
    /// When; null likewise.
    created_at: Nullable<Moment>,
}

/// The versions of the prompt.
#[derive(Debug, Object)]
#[oai(rename = "PromptList")]
pub(crate) struct PromptListBody {
    /// The one that comes with the product first, then those of the workspace by name.
    items: Vec<PromptBody>,
    /// Always null: all of them are here.
    next_cursor: Nullable<String>,
}

impl PromptListBody {
    pub(super) fn of(prompts: Vec<Prompt>) -> Self {
        Self { items: prompts.into_iter().map(PromptBody::from).collect(), next_cursor: None.into() }
    }
}

impl From<Prompt> for PromptBody {
    fn from(Prompt { version, content, created_by, created_at }: Prompt) -> Self {
        Self {
            version,
            content,
            created_by: created_by.map(|id| id.uuid()).into(),
            created_at: created_at.map(Moment).into(),
        }
    }
}
