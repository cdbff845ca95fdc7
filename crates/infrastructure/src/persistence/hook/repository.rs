use std::time::Duration;

use async_trait::async_trait;
use goalwright_application::ports::{HookEnd, HookRepository, HookRun, Interest, StorageError};
use goalwright_domain::Timestamp;
use sea_orm::Value;
use serde_json::json;

use crate::persistence::row::Row;
use crate::persistence::sql::{self, Sql, time, time_or_null};
use crate::persistence::unit_of_work::Unit;

#[async_trait]
impl HookRepository for Unit {
    async fn enqueue(
        &self,
        hook: &str,
        interest: Interest,
        most: usize,
        now: Timestamp,
    ) -> Result<usize, StorageError> {
        let sql = self
            .sql("SELECT document, since FROM hook_positions WHERE hook = ")
            .bind(hook)
            .text(self.dialect.lock());
        let Some(position) = self.one(sql).await? else {
            self.start_from_now(hook, now).await?;
            return Ok(0);
        };
        let position = Row::of("hook_positions", &position);
        let (behind, since): (i64, Timestamp) = (position.get("document")?, position.time("since")?);
        let sql = self
            .sql("SELECT MAX(s.document) AS last, COUNT(*) AS count FROM (SELECT x.document FROM task_executions x WHERE x.document > ")
            .bind(behind)
            .text(" ORDER BY x.document LIMIT ")
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .text(") AS s");
        let Some(row) = self.one(sql).await? else { return Ok(0) };
        let row = Row::of("task_executions", &row);
        let Some(last) = row.get::<Option<i64>>("last")? else { return Ok(0) };
        let sql = self
            .sql(
                "INSERT INTO hook_runs (experience_id, hook, workspace_id, status, attempts, available_at, left_behind, \
                 created_at, updated_at) SELECT x.experience_id, ",
            )
            .bind(hook)
            .text(", x.workspace_id, 'queued', 0, ")
            .bind(time(now))
            .text(", ")
            .bind(sql::json(json!([])))
            .text(", ")
            .bind(time(now))
            .text(", ")
            .bind(time(now))
            .text(" FROM task_executions x WHERE x.document > ")
            .bind(behind)
            .text(" AND x.document <= ")
            .bind(last)
            .text(" AND x.started_at >= ")
            .bind(time(since))
            .text(match interest {
                Interest::Every => "",
                Interest::Troubled => " AND (x.status = 'failed' OR x.attempt > 1)",
            })
            .text(" ON CONFLICT DO NOTHING");
        self.run(sql).await?;
        let moved =
            self.sql("UPDATE hook_positions SET document = ").bind(last).text(" WHERE hook = ").bind(hook);
        self.run(moved).await?;
        Ok(usize::try_from(row.get::<i64>("count")?).unwrap_or(usize::MAX))
    }

    async fn claim(
        &self,
        hooks: &[&str],
        now: Timestamp,
        hold: Duration,
        limit: usize,
    ) -> Result<Vec<HookRun>, StorageError> {
        let sql = self
            .sql("SELECT experience_id, hook, workspace_id, attempts FROM hook_runs WHERE available_at <= ")
            .bind(time(now))
            .text(" AND hook IN ")
            .list(hooks.iter().copied())
            .text(" ORDER BY available_at, experience_id, hook LIMIT ")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .text(self.dialect.lock_skipping());
        let mut taken = Vec::new();
        for row in &self.all(sql).await? {
            let row = Row::of("hook_runs", row);
            let run = HookRun {
                experience_id: row.text("experience_id")?,
                hook: row.text("hook")?,
                workspace_id: row.id("workspace_id")?,
                attempts: row.count("attempts")? + 1,
            };
            let sql = self
                .sql("UPDATE hook_runs SET attempts = attempts + 1, available_at = ")
                .bind(time(now + hold))
                .text(", updated_at = ")
                .bind(time(now));
            self.run(of_run(sql.text(" WHERE "), &run)).await?;
            taken.push(run);
        }
        Ok(taken)
    }

    async fn conclude(&self, run: &HookRun, end: &HookEnd, now: Timestamp) -> Result<bool, StorageError> {
        let none = || Value::String(None);
        let (status, at, error, left) = match end {
            HookEnd::Done(left) => ("done", None, none(), json!(left)),
            HookEnd::Again { error, at } => ("queued", Some(*at), error.as_str().into(), json!([])),
            HookEnd::Failed { error } => ("failed", None, error.as_str().into(), json!([])),
        };
        let sql = self
            .sql("UPDATE hook_runs SET status = ")
            .bind(status)
            .text(", available_at = ")
            .bind(time_or_null(at))
            .text(", error = ")
            .bind(error)
            .text(", left_behind = ")
            .bind(sql::json(left))
            .text(", updated_at = ")
            .bind(time(now))
            .text(" WHERE status = 'queued' AND attempts = ")
            .bind(sql::int(run.attempts));
        Ok(self.run(of_run(sql.text(" AND "), run)).await? == 1)
    }

    async fn retry_failed(&self, now: Timestamp, limit: usize) -> Result<usize, StorageError> {
        let sql = self
            .sql("UPDATE hook_runs SET status = 'queued', attempts = 0, available_at = ")
            .bind(time(now))
            .text(", updated_at = ")
            .bind(time(now))
            .text(
                " WHERE (experience_id, hook) IN (SELECT f.experience_id, f.hook FROM hook_runs f \
                 WHERE f.status = 'failed' ORDER BY f.updated_at, f.experience_id, f.hook LIMIT ",
            )
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .text(")");
        Ok(usize::try_from(self.run(sql).await?).unwrap_or(usize::MAX))
    }
}

fn of_run(sql: Sql, run: &HookRun) -> Sql {
    sql.text("experience_id = ").bind(run.experience_id.as_str()).text(" AND hook = ").bind(run.hook.as_str())
}

impl Unit {
    /// What was executed before there was the hook is none of its business.
    async fn start_from_now(&self, hook: &str, now: Timestamp) -> Result<(), StorageError> {
        // Numbers begin with 1; the condition makes SQLite search for the last instead of reading all.
        let last = "SELECT document FROM task_executions WHERE document > 0 ORDER BY document DESC LIMIT 1";
        let last = self.one(self.sql(last)).await?;
        let last = last.map(|row| Row::of("task_executions", &row).get::<i64>("document")).transpose()?;
        let sql = self.sql("INSERT INTO hook_positions (hook, document, since) VALUES ").list([
            Value::from(hook),
            last.unwrap_or(0).into(),
            time(now),
        ]);
        self.run(sql.text(" ON CONFLICT DO NOTHING")).await.map(|_| ())
    }
}
