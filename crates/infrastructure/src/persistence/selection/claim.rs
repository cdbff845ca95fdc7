//! Picking runs.
//!
//! What is picked is locked, `SKIP LOCKED`: nobody else picks it before the unit ends, and what the unit leaves as it was can
//! be picked again afterwards. Agents with a limit are served one by one under a lock of the agent's row, since
//! skipping locked runs alone would let two workers spend the same free place.

use std::cmp::Reverse;

use goalwright_application::ports::{Claim, PickedRun, StorageError};
use goalwright_domain::Timestamp;
use sea_orm::QueryResult;
use uuid::Uuid;

use super::OPEN;
use crate::persistence::execution::{RUN, run_from};
use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, Sql, time};
use crate::persistence::unit_of_work::Unit;

struct Picking<'a> {
    unit: &'a Unit,
    claim: &'a Claim,
    /// Our own moment: what is noted as the first claim.
    now: Timestamp,
}

pub(crate) async fn pick(unit: &Unit, claim: &Claim, now: Timestamp) -> Result<Vec<PickedRun>, StorageError> {
    let picking = Picking { unit, claim, now };
    let mut rows = picking.unlimited(claim.limit).await?;
    // Whether there are agents with a limit comes with the rows.
    let none_limited = match rows.first() {
        Some(row) => !Row::of("runs", row).get::<bool>("any_limited")?,
        None => false,
    };
    if !none_limited {
        rows.extend(picking.limited(claim.limit).await?);
    }
    let read = |row| {
        let moment = if unit.own_clock { now } else { Row::of("runs", row).time("moment")? };
        Ok(PickedRun { run: run_from(row)?, picked_at: now, moment })
    };
    let mut picked = rows.iter().map(read).collect::<Result<Vec<_>, StorageError>>()?;
    // Where others write at the same time they may come in any order; they are begun in this one.
    picked.sort_by_key(|picked| (Reverse(picked.run.priority), picked.run.available_at, picked.run.id));
    // What is too much is left as it was.
    picked.truncate(claim.limit);
    Ok(picked)
}

impl Picking<'_> {
    /// Runs of agents that only the workers limit.
    async fn unlimited(&self, limit: usize) -> Result<Vec<QueryResult>, StorageError> {
        // No join: runs are to be read in the order of their index, as far as they are wanted.
        let any = ", EXISTS (SELECT 1 FROM agents WHERE max_concurrency IS NOT NULL) AS any_limited";
        let sql = self
            .mine(self.runs(any))
            .text(" AND r.agent_id NOT IN (SELECT id FROM agents WHERE max_concurrency IS NOT NULL)");
        self.first(sql, limit).await
    }

    /// Runs of agents with a limit: as many as they have places left.
    async fn limited(&self, limit: usize) -> Result<Vec<QueryResult>, StorageError> {
        let unit = self.unit;
        let candidates = self
            .mine(unit.sql(
                "SELECT a.id, a.workspace_id, a.max_concurrency FROM agents a WHERE a.max_concurrency IS NOT NULL AND \
                 EXISTS (SELECT 1 FROM runs r WHERE r.workspace_id = a.workspace_id AND r.agent_id = a.id AND ",
            )
            .text(OPEN).text(" AND "))
            .text(") ORDER BY a.id")
            .text(unit.dialect.lock_skipping());
        let mut picked = Vec::new();
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
            let wanted = free.min(limit);
            if wanted == 0 {
                continue;
            }
            let sql =
                self.runs("").text("r.workspace_id = ").bind(workspace).text(" AND r.agent_id = ").bind(id);
            picked.extend(self.first(self.mine(sql.text(" AND ").text(OPEN).text(" AND ")), wanted).await?);
        }
        Ok(picked)
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
        let sql = sql.text(" AND r.available_at <= ");
        if self.unit.own_clock {
            return sql.bind(time(self.now));
        }
        // The later one of our moment and the database's, so that a clock that lags leaves nothing lying.
        sql.text("GREATEST(").bind(time(self.now)).text(", statement_timestamp())")
    }

    fn runs(&self, besides: &str) -> Sql {
        let columns: Vec<String> = RUN.iter().map(|column| format!("r.{column}")).collect();
        // The moment by which leases are measured comes with the rows.
        let moment = if self.unit.own_clock { "" } else { ", statement_timestamp() AS moment" };
        self.unit.sql(&format!("SELECT {}{moment}{besides} FROM runs r WHERE ", columns.join(", ")))
    }

    /// The first of them, locked.
    async fn first(&self, runs: Sql, limit: usize) -> Result<Vec<QueryResult>, StorageError> {
        let lock = match self.unit.dialect {
            Dialect::Sqlite => "",
            Dialect::Postgres => " FOR NO KEY UPDATE OF r SKIP LOCKED",
        };
        let sql = runs
            .text(" ORDER BY r.priority DESC, r.available_at, r.id LIMIT ")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .text(lock);
        self.unit.all(sql).await
    }
}
