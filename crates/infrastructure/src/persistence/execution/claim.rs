//! Taking runs.
//!
//! The statement that takes is one `UPDATE … RETURNING` over a choice made `FOR UPDATE SKIP LOCKED`: what it chooses
//! nobody else can take. Agents with a limit are served one by one under a lock of the agent's row, since
//! skipping locked runs alone would let two workers spend the same free place.

use std::cmp::Reverse;
use std::time::Duration;

use goalwright_application::ports::{Claim, ClaimedRun, StorageError};
use goalwright_domain::Timestamp;
use sea_orm::QueryResult;
use uuid::Uuid;

use super::{RUN, run_from};
use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, Sql, time};
use crate::persistence::unit_of_work::Unit;

/// A run that may be taken: its moment has come. `{when}` is bound.
const CLAIMABLE: &str = "r.status IN ('queued', 'waiting') AND r.available_at <= ";

struct Taking<'a> {
    unit: &'a Unit,
    claim: &'a Claim,
    /// Our own moment: what is noted as the first claim.
    now: Timestamp,
    /// The later one of ours and the database's, so that a clock that lags leaves nothing lying.
    due: Timestamp,
}

pub(super) async fn claim(
    unit: &Unit,
    claim: &Claim,
    now: Timestamp,
) -> Result<Vec<ClaimedRun>, StorageError> {
    let database_now = unit.database_now().await?;
    let taking = Taking { unit, claim, now, due: now.max(database_now) };
    let mut rows = taking.take_unlimited(claim.limit).await?;
    if rows.len() < claim.limit {
        rows.extend(taking.take_limited(claim.limit - rows.len()).await?);
    }
    let expires_at = database_now + claim.lease.max(Duration::from_millis(1));
    let claimed = |row| Ok(ClaimedRun { run: run_from(row)?, claimed_at: now, expires_at });
    let mut claimed = rows.iter().map(claimed).collect::<Result<Vec<_>, StorageError>>()?;
    // They come back in any order, and are begun in this one.
    claimed.sort_by_key(|claimed| (Reverse(claimed.run.priority), claimed.run.id));
    Ok(claimed)
}

impl Taking<'_> {
    /// Runs of agents that only the workers limit.
    async fn take_unlimited(&self, limit: usize) -> Result<Vec<QueryResult>, StorageError> {
        let pick = |sql: Sql| {
            // No join: runs are to be read in the order of their index, as far as they are wanted.
            self.mine(sql.text("SELECT r.id FROM runs r WHERE "))
                .text(" AND r.agent_id NOT IN (SELECT id FROM agents WHERE max_concurrency IS NOT NULL)")
        };
        self.take(pick, limit).await
    }

    /// Runs of agents with a limit: as many as they have places left.
    async fn take_limited(&self, limit: usize) -> Result<Vec<QueryResult>, StorageError> {
        let unit = self.unit;
        let candidates = self
            .mine(unit.sql(
                "SELECT a.id, a.workspace_id, a.max_concurrency FROM agents a WHERE a.max_concurrency IS NOT NULL AND \
                 EXISTS (SELECT 1 FROM runs r WHERE r.workspace_id = a.workspace_id AND r.agent_id = a.id AND ",
            ))
            .text(") ORDER BY a.id")
            .text(unit.dialect.lock_skipping());
        let mut taken = Vec::new();
        for agent in unit.all(candidates).await? {
            let agent = Row::of("agents", &agent);
            let (id, workspace): (Uuid, Uuid) = (agent.get("id")?, agent.get("workspace_id")?);
            let places = usize::try_from(agent.get::<i32>("max_concurrency")?).unwrap_or(0);
            let busy = unit
                .sql("SELECT COUNT(*) AS busy FROM attempts WHERE status = 'running' AND agent_id = ")
                .bind(id);
            let busy =
                unit.one(busy).await?.map(|row| Row::of("attempts", &row).get::<i64>("busy")).transpose()?;
            let free = places.saturating_sub(usize::try_from(busy.unwrap_or(0)).unwrap_or(usize::MAX));
            let wanted = free.min(limit - taken.len());
            if wanted == 0 {
                continue;
            }
            let pick = |sql: Sql| {
                let sql = sql.text("SELECT r.id FROM runs r WHERE r.workspace_id = ").bind(workspace);
                self.mine(sql.text(" AND r.agent_id = ").bind(id).text(" AND "))
            };
            taken.extend(self.take(pick, wanted).await?);
            if taken.len() == limit {
                break;
            }
        }
        Ok(taken)
    }

    /// Of this queue, for these performers, due.
    fn mine(&self, sql: Sql) -> Sql {
        let sql = match self.claim.only {
            Some(run) => sql.text("r.id = ").bind(run.uuid()),
            None => sql.text("r.queue = ").bind(self.claim.queue.as_str()),
        };
        let sql = match self.claim.agent {
            Some((workspace, agent)) => sql
                .text(" AND r.workspace_id = ")
                .bind(workspace.uuid())
                .text(" AND r.agent_id = ")
                .bind(agent.uuid()),
            None => sql,
        };
        let types = &self.claim.task_types;
        let sql = if types.is_empty() {
            sql
        } else {
            sql.text(" AND EXISTS (SELECT 1 FROM tasks t WHERE t.id = r.task_id AND t.task_type IN ")
                .list(types.iter().map(String::as_str))
                .text(")")
        };
        let sql =
            sql.text(" AND r.performer IN ").list(self.claim.performers.iter().map(|kind| kind.as_str()));
        sql.text(" AND ").text(CLAIMABLE).bind(time(self.due))
    }

    async fn take(&self, pick: impl Fn(Sql) -> Sql, limit: usize) -> Result<Vec<QueryResult>, StorageError> {
        let unit = self.unit;
        let limited = |sql: Sql| {
            pick(sql)
                .text(" ORDER BY r.priority DESC, r.available_at, r.id LIMIT ")
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        };
        let set = |sql: Sql| {
            sql.text("UPDATE runs SET status = 'running', available_at = NULL, fence = fence + 1, updated_at = ")
                .bind(time(self.now))
                .text(", attempts = attempts + CASE WHEN suspended THEN 0 ELSE 1 END, scheduled_at = COALESCE(scheduled_at, ")
                .bind(time(self.now))
                .text(")")
        };
        let returned: Vec<String> = RUN.iter().map(|column| format!("runs.{column}")).collect();
        let sql = match unit.dialect {
            Dialect::Sqlite => {
                limited(set(unit.sql("")).text(" WHERE id IN (")).text(") RETURNING ").text(&RUN.join(", "))
            }
            // As a subquery of the WHERE the choice may be made anew for every row, each time passing over what this
            // very statement has taken, and the limit would hold for none of them. Materialised, it is made once.
            Dialect::Postgres => {
                let picked =
                    limited(unit.sql("WITH picked AS MATERIALIZED (")).text(" FOR UPDATE OF r SKIP LOCKED) ");
                set(picked)
                    .text(" FROM picked WHERE runs.id = picked.id RETURNING ")
                    .text(&returned.join(", "))
            }
        };
        let taken = unit.all(sql).await?;
        if taken.len() > limit {
            return Err(StorageError::Corrupt {
                what: format!("{} runs were taken where {limit} were wanted", taken.len()),
            });
        }
        Ok(taken)
    }
}
