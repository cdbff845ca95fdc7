use async_trait::async_trait;
use goalwright_application::ports::{Amount, Budget, ModelSpending, Prompt, StorageError, UsageRepository};
use goalwright_domain::Timestamp;
use goalwright_domain::model::{Usage, Usd};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::Value;
use serde_json::json;
use uuid::Uuid;

use super::{BUDGET, amount, budget, promised, signed, spent};
use crate::persistence::sql::{self, insert_many, time, uuid_or_null};
use crate::persistence::unit_of_work::Unit;

const CALLS: [&str; 20] = [
    "id",
    "workspace_id",
    "purpose",
    "goal_id",
    "task_id",
    "decomposition_id",
    "model",
    "prompt_version",
    "attempts",
    "input_tokens",
    "output_tokens",
    "cache_creation_tokens",
    "cache_read_tokens",
    "raw_usage",
    "cost_nanos",
    "price_version",
    "trace_id",
    "span_id",
    "took_ms",
    "created_at",
];

const DAYS: [&str; 11] = [
    "workspace_id",
    "day",
    "model",
    "goal_id",
    "calls",
    "input_tokens",
    "output_tokens",
    "cache_creation_tokens",
    "cache_read_tokens",
    "cost_nanos",
    "unpriced_calls",
];

const ADD_TO_DAY: &str = " ON CONFLICT (workspace_id, day, model, goal_id) DO UPDATE SET \
    calls = usage_days.calls + excluded.calls, \
    input_tokens = usage_days.input_tokens + excluded.input_tokens, \
    output_tokens = usage_days.output_tokens + excluded.output_tokens, \
    cache_creation_tokens = usage_days.cache_creation_tokens + excluded.cache_creation_tokens, \
    cache_read_tokens = usage_days.cache_read_tokens + excluded.cache_read_tokens, \
    cost_nanos = usage_days.cost_nanos + excluded.cost_nanos, \
    unpriced_calls = usage_days.unpriced_calls + excluded.unpriced_calls";

const ADD_TO_MONTH: &str = " ON CONFLICT (workspace_id, month) DO UPDATE SET \
    spent_nanos = budget_months.spent_nanos + excluded.spent_nanos, \
    spent_tokens = budget_months.spent_tokens + excluded.spent_tokens";

#[async_trait]
impl UsageRepository for Unit {
    async fn lock_budget(&self, workspace: WorkspaceId) -> Result<Option<Budget>, StorageError> {
        let sql = self.sql(BUDGET).bind(workspace.uuid()).text(self.dialect.lock());
        self.one(sql).await?.as_ref().map(budget).transpose()
    }

    async fn save_budget(
        &self,
        workspace: WorkspaceId,
        budget: &Budget,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let row = vec![
            workspace.uuid().into(),
            budget.monthly.map(Usd::nanos).into(),
            budget.monthly_tokens.map(signed).into(),
            budget.revision.into(),
            time(now),
        ];
        let columns = ["workspace_id", "monthly_nanos", "monthly_tokens", "revision", "updated_at"];
        let replace = " ON CONFLICT (workspace_id) DO UPDATE SET monthly_nanos = excluded.monthly_nanos, \
             monthly_tokens = excluded.monthly_tokens, revision = excluded.revision, updated_at = excluded.updated_at";
        self.run_all(insert_many(self.dialect, "budgets", &columns, vec![row], replace)).await.map(|_| ())
    }

    async fn committed(
        &self,
        workspace: WorkspaceId,
        month: &str,
        now: Timestamp,
        except: Uuid,
    ) -> Result<(Amount, Amount), StorageError> {
        // First what is promised: what is settled in between is counted twice then, and never not at all.
        let reserved = self.one(promised(self.sql(""), workspace, now, except)).await?;
        let before = self.one(spent(self.sql(""), workspace, month)).await?;
        Ok((amount(before.as_ref())?, amount(reserved.as_ref())?))
    }

    async fn promise(
        &self,
        workspace: WorkspaceId,
        id: Uuid,
        amount: Amount,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let expired = self
            .sql("DELETE FROM budget_reservations WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND expires_at <= ")
            .bind(time(now));
        self.run(expired).await?;
        let row = vec![
            id.into(),
            workspace.uuid().into(),
            amount.money.nanos().into(),
            signed(amount.tokens).into(),
            time(expires_at),
        ];
        let columns = ["id", "workspace_id", "nanos", "tokens", "expires_at"];
        let replace = " ON CONFLICT (id) DO UPDATE SET nanos = excluded.nanos, tokens = excluded.tokens, \
             expires_at = excluded.expires_at";
        self.run_all(insert_many(self.dialect, "budget_reservations", &columns, vec![row], replace))
            .await
            .map(|_| ())
    }

    async fn release(&self, id: Uuid) -> Result<(), StorageError> {
        self.run(self.sql("DELETE FROM budget_reservations WHERE id = ").bind(id)).await.map(|_| ())
    }

    async fn spend(&self, spending: &ModelSpending, least: Usd, borne: Amount) -> Result<(), StorageError> {
        let Usage { input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens } = spending.usage;
        let counts: [Value; 4] = [input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens]
            .map(|count| signed(count).into());
        let workspace: Value = spending.workspace_id.uuid().into();
        let nanos = spending.cost.map(Usd::nanos);
        let goal = spending.goal_id.map(|id| id.uuid());
        let mut call = vec![
            spending.id.into(),
            workspace.clone(),
            spending.purpose.into(),
            uuid_or_null(goal),
            uuid_or_null(spending.task_id.map(|id| id.uuid())),
            uuid_or_null(spending.decomposition_id),
            spending.model.as_str().into(),
            spending.prompt_version.clone().into(),
            i64::from(spending.attempts).into(),
        ];
        call.extend(counts.clone());
        call.extend([
            sql::json(json!(spending.raw_usage)),
            nanos.into(),
            spending.price_version.as_str().into(),
            uuid_or_null(spending.trace_id),
            uuid_or_null(spending.span_id),
            spending.took.map(|took| i64::try_from(took.as_millis()).unwrap_or(i64::MAX)).into(),
            time(spending.created_at),
        ]);
        self.run_all(insert_many(self.dialect, "model_calls", &CALLS, vec![call], "")).await?;
        let at = spending.created_at.utc();
        let mut day: Vec<Value> = vec![
            workspace.clone(),
            at.format("%Y-%m-%d").to_string().into(),
            spending.model.as_str().into(),
            goal.unwrap_or_default().into(),
            1_i64.into(),
        ];
        day.extend(counts);
        day.extend([least.nanos().into(), i64::from(nanos.is_none()).into()]);
        self.run_all(insert_many(self.dialect, "usage_days", &DAYS, vec![day], ADD_TO_DAY)).await?;
        let month = vec![
            workspace,
            at.format("%Y-%m").to_string().into(),
            borne.money.nanos().into(),
            signed(borne.tokens).into(),
        ];
        let columns = ["workspace_id", "month", "spent_nanos", "spent_tokens"];
        self.run_all(insert_many(self.dialect, "budget_months", &columns, vec![month], ADD_TO_MONTH))
            .await
            .map(|_| ())
    }

    async fn add_prompt(&self, workspace: WorkspaceId, prompt: &Prompt) -> Result<(), StorageError> {
        let row = vec![
            workspace.uuid().into(),
            prompt.version.as_str().into(),
            prompt.content.as_str().into(),
            uuid_or_null(prompt.created_by.map(|id| id.uuid())),
            sql::time_or_null(prompt.created_at),
        ];
        let columns = ["workspace_id", "version", "content", "created_by", "created_at"];
        self.run_all(insert_many(self.dialect, "prompts", &columns, vec![row], "")).await.map(|_| ())
    }
}
