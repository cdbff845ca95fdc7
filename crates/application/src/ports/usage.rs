//! What models cost, and what may be spent.

use std::time::Duration;

use async_trait::async_trait;
use goalwright_domain::Timestamp;
use goalwright_domain::execution::SpanId;
use goalwright_domain::goal::GoalId;
use goalwright_domain::model::{Usage, Usd};
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::{UserId, WorkspaceId};
use serde_json::Value;
use uuid::Uuid;

use super::storage::Stored;

/// Calls of a model that belong together, with what they consumed: the calls of one breakdown, or of one task.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSpending {
    /// Its id.
    pub id: Uuid,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// What for: `decompose`, `task` or `lessons`.
    pub purpose: &'static str,
    /// The goal.
    pub goal_id: Option<GoalId>,
    /// The task.
    pub task_id: Option<TaskId>,
    /// The breakdown.
    pub decomposition_id: Option<Uuid>,
    /// Which model.
    pub model: String,
    /// The version of its prompt.
    pub prompt_version: Option<String>,
    /// How often it was called.
    pub attempts: u32,
    /// What it read and wrote.
    pub usage: Usage,
    /// The same as the provider told it, one entry for each answer.
    pub raw_usage: Vec<Value>,
    /// What it cost; none where the price is not known.
    pub cost: Option<Usd>,
    /// By which prices.
    pub price_version: String,
    /// In which trace.
    pub trace_id: Option<Uuid>,
    /// For which attempt at a task.
    pub span_id: Option<SpanId>,
    /// How long it took, pauses included.
    pub took: Option<Duration>,
    /// When it was over.
    pub created_at: Timestamp,
}

/// What a workspace may spend in a month; nothing said is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// In money.
    pub monthly: Option<Usd>,
    /// In tokens, read and written.
    pub monthly_tokens: Option<u64>,
    /// The number of its changes; 0 if it was never set.
    pub revision: i64,
}

/// Money and tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Money, as far as prices are known.
    pub money: Usd,
    /// Tokens.
    pub tokens: u64,
}

/// A call of a model, as a trace tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCall {
    /// Its id.
    pub id: Uuid,
    /// What for: `decompose`, `task` or `lessons`.
    pub purpose: String,
    /// For which attempt at a task.
    pub span_id: Option<SpanId>,
    /// Which model.
    pub model: String,
    /// How often it was asked.
    pub attempts: u32,
    /// What it read and wrote.
    pub usage: Usage,
    /// What it cost; none where the price is not known.
    pub cost: Option<Usd>,
    /// How long it took, pauses included; none of calls from before that was noted.
    pub took: Option<Duration>,
    /// When it was over.
    pub ended_at: Timestamp,
}

impl ModelCall {
    /// When it began, as far as that is known.
    pub fn started_at(&self) -> Option<Timestamp> {
        let took = chrono::Duration::from_std(self.took?).ok()?;
        Some(Timestamp::new(self.ended_at.utc() - took))
    }
}

/// A version of a prompt that a workspace wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// Its name.
    pub version: String,
    /// What the model is told.
    pub content: String,
    /// Who wrote it; none of what comes with the product.
    pub created_by: Option<UserId>,
    /// When; none likewise.
    pub created_at: Option<Timestamp>,
}

/// Spending, inside a unit.
#[async_trait]
pub trait UsageRepository: Send + Sync {
    /// The budget of the workspace, locked where there is one.
    async fn lock_budget(&self, workspace: WorkspaceId) -> Stored<Option<Budget>>;
    /// Sets it.
    async fn save_budget(&self, workspace: WorkspaceId, budget: &Budget, now: Timestamp) -> Stored<()>;
    /// What is spent in this month (`2026-11`), and what is promised to calls that are under way, except to this one.
    async fn committed(
        &self,
        workspace: WorkspaceId,
        month: &str,
        now: Timestamp,
        except: Uuid,
    ) -> Stored<(Amount, Amount)>;
    /// Promises an amount to a call, in place of what was promised to it before. Promises that nobody kept make way when they
    /// expire.
    async fn promise(
        &self,
        workspace: WorkspaceId,
        id: Uuid,
        amount: Amount,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Stored<()>;
    /// Takes a promise back.
    async fn release(&self, id: Uuid) -> Stored<()>;
    /// Adds what was spent: the calls, the sums of the day (`2026-11-21`) and of the month. `least` is what is known of its
    /// cost, also where not all of it is; `borne` is what is spent of the month's budget.
    async fn spend(&self, spending: &ModelSpending, least: Usd, borne: Amount) -> Stored<()>;
    /// Adds a version of a prompt. `Duplicate` if the name is taken.
    async fn add_prompt(&self, workspace: WorkspaceId, prompt: &Prompt) -> Stored<()>;
}
