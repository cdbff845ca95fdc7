use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use goalwright_application::ports::{
    CallStatus, Claim, ExecutionRepository, PickedRun, StorageError, ToolCall,
};
use goalwright_domain::Timestamp;
use goalwright_domain::execution::{Attempt, Entry, Lease, Recorded, Run, RunId, ScriptRun, SpanId};
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use serde_json::json;
use uuid::Uuid;

use super::{
    ATTEMPT, ATTEMPT_CHANGING, CALL, RUN, RUN_CHANGING, attempt_changing_row, attempt_from, attempt_row,
    call_from, call_row, dialogue, run_changing_row, run_from, run_row, script,
};
use crate::persistence::row::Row;
use crate::persistence::sql::{
    Sql, batches, insert_many, json, json_or_null, time, time_or_null, update_many,
};
use crate::persistence::unit_of_work::Unit;

#[async_trait]
impl ExecutionRepository for Unit {
    async fn insert_runs(&self, runs: &[Run]) -> Result<(), StorageError> {
        let rows = runs.iter().map(run_row).collect();
        self.run_later("runs", runs.len(), insert_many(self.dialect, "runs", &RUN, rows, "")).await
    }

    async fn pick(&self, wanted: &Claim) -> Result<Vec<PickedRun>, StorageError> {
        crate::persistence::selection::claim::pick(self, wanted, self.now()).await
    }

    async fn lock_runs(&self, ids: &[RunId]) -> Result<Vec<Run>, StorageError> {
        let ids = sorted(ids.iter().map(|id| id.uuid()));
        let rows = self.locked("SELECT * FROM runs WHERE id", &ids, " ORDER BY id").await?;
        rows.iter().map(run_from).collect()
    }

    async fn save_runs(&self, runs: &[Run]) -> Result<(), StorageError> {
        let rows = runs.iter().map(run_changing_row).collect();
        self.run_later("runs", runs.len(), update_many(self.dialect, "runs", &RUN_CHANGING, rows)).await
    }

    async fn find_driving(&self, task: TaskId) -> Result<Option<Run>, StorageError> {
        let sql = self
            .sql("SELECT * FROM runs WHERE drives_task AND status IN ('queued', 'running', 'waiting') AND task_id = ")
            .bind(task.uuid());
        self.one(sql).await?.as_ref().map(run_from).transpose()
    }

    async fn last_driving(&self, task: TaskId) -> Result<Option<Run>, StorageError> {
        let sql = self
            .sql("SELECT * FROM runs WHERE drives_task AND status NOT IN ('succeeded', 'cancelled') AND task_id = ")
            .bind(task.uuid())
            .text(" ORDER BY id DESC LIMIT 1")
            .text(self.dialect.lock());
        self.one(sql).await?.as_ref().map(run_from).transpose()
    }

    async fn driving_of(&self, tasks: &[TaskId]) -> Result<Vec<Run>, StorageError> {
        let mut runs = Vec::new();
        for batch in batches(tasks) {
            let sql = self
                .sql("SELECT * FROM runs WHERE drives_task AND status IN ('queued', 'running', 'waiting') AND task_id")
                .one_of(batch.iter().map(|id| id.uuid()));
            for row in &self.all(sql).await? {
                runs.push(run_from(row)?);
            }
        }
        Ok(runs)
    }

    async fn open_runs_of(&self, tasks: &[TaskId]) -> Result<Vec<Run>, StorageError> {
        // Each half has an index of its own.
        let half = |sql: Sql, drives: &str, batch: &[TaskId]| {
            sql.text("SELECT * FROM runs WHERE ")
                .text(drives)
                .text(" AND status IN ('queued', 'running', 'waiting') AND task_id")
                .one_of(batch.iter().map(|id| id.uuid()))
        };
        let mut runs = Vec::new();
        for batch in tasks.chunks(10_000) {
            let driving = half(self.sql(""), "drives_task", batch);
            for row in &self.all(half(driving.text(" UNION ALL "), "NOT drives_task", batch)).await? {
                runs.push(run_from(row)?);
            }
        }
        Ok(runs)
    }

    async fn drop_runs(&self, ids: &[RunId]) -> Result<(), StorageError> {
        for batch in batches(ids) {
            let sql = self
                .sql("DELETE FROM runs WHERE attempts = 0 AND id")
                .one_of(batch.iter().map(|id| id.uuid()));
            self.run(sql).await?;
        }
        Ok(())
    }

    async fn find_run(&self, task: TaskId, scheduled_at: Timestamp) -> Result<Option<Run>, StorageError> {
        let sql = self
            .sql("SELECT * FROM runs WHERE task_id = ")
            .bind(task.uuid())
            .text(" AND scheduled_at = ")
            .bind(time(scheduled_at));
        self.one(sql).await?.as_ref().map(run_from).transpose()
    }

    async fn insert_attempts(&self, attempts: &[Attempt]) -> Result<(), StorageError> {
        let rows = attempts.iter().map(attempt_row).collect();
        let statements = insert_many(self.dialect, "attempts", &ATTEMPT, rows, "");
        self.run_later("attempts", attempts.len(), statements).await
    }

    async fn lock_attempts(&self, spans: &[SpanId]) -> Result<Vec<Attempt>, StorageError> {
        let spans = sorted(spans.iter().copied());
        let rows = self.locked("SELECT * FROM attempts WHERE span_id", &spans, " ORDER BY span_id").await?;
        rows.iter().map(attempt_from).collect()
    }

    async fn lock_suspended(&self, runs: &[RunId]) -> Result<Vec<Attempt>, StorageError> {
        let runs = sorted(runs.iter().map(|id| id.uuid()));
        let head = "SELECT * FROM attempts WHERE status = 'suspended' AND run_id";
        let rows = self.locked(head, &runs, " ORDER BY span_id").await?;
        rows.iter().map(attempt_from).collect()
    }

    async fn save_attempts(&self, attempts: &[Attempt]) -> Result<(), StorageError> {
        let rows = attempts.iter().map(attempt_changing_row).collect();
        let statements = update_many(self.dialect, "attempts", &ATTEMPT_CHANGING, rows);
        self.run_later("attempts", attempts.len(), statements).await
    }

    async fn extend(&self, leases: &[Lease], lease: Duration) -> Result<Vec<SpanId>, StorageError> {
        let spans = sorted(leases.iter().map(|lease| lease.span_id));
        let head = "SELECT span_id, lease_token FROM attempts WHERE status = 'running' AND span_id";
        let mut held = Vec::new();
        for row in &self.locked(head, &spans, " ORDER BY span_id").await? {
            let row = Row::of("attempts", row);
            let (span, token): (Uuid, Option<Uuid>) = (row.get("span_id")?, row.get("lease_token")?);
            if leases.iter().any(|lease| lease.span_id == span && Some(lease.token) == token) {
                held.push(span);
            }
        }
        let until = self.database_now().await? + lease;
        for batch in batches(&held) {
            let sql = self
                .sql("UPDATE attempts SET lease_expires_at = ")
                .bind(time(until))
                .text(" WHERE span_id")
                .one_of(batch.iter().copied());
            self.run(sql).await?;
        }
        Ok(held)
    }

    async fn expired(
        &self,
        queue: &str,
        limit: usize,
    ) -> Result<Vec<(RunId, SpanId, i64, Timestamp)>, StorageError> {
        let now = self.database_now().await?;
        let sql = self
            .sql(
                "SELECT a.run_id, a.span_id, a.fence, a.lease_expires_at FROM attempts a JOIN runs r ON r.id = a.run_id \
                 WHERE a.status = 'running' AND a.lease_expires_at <= ",
            )
            .bind(time(now))
            .text(" AND r.queue = ")
            .bind(queue)
            .text(" ORDER BY a.lease_expires_at LIMIT ")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        self.all(sql)
            .await?
            .iter()
            .map(|row| {
                let row = Row::of("attempts", row);
                Ok((row.id("run_id")?, row.get("span_id")?, row.get("fence")?, row.time("lease_expires_at")?))
            })
            .collect()
    }

    async fn intend(&self, lease: &Lease, call: &ToolCall) -> Result<bool, StorageError> {
        let held = self.holds(lease).await?;
        if held {
            self.insert_calls(std::slice::from_ref(call)).await?;
        }
        Ok(held)
    }

    async fn conclude(
        &self,
        lease: &Lease,
        call: &ToolCall,
        recorded: Option<&Recorded>,
    ) -> Result<(), StorageError> {
        if let Some(recorded) = recorded {
            let sql = self
                .sql("UPDATE attempts SET recorded = ")
                .bind(json(json!(recorded)))
                .text(" WHERE status = 'running' AND span_id = ")
                .bind(lease.span_id)
                .text(" AND fence = ")
                .bind(lease.fence);
            self.run(sql).await?;
        }
        // A call that was given up while its worker was thought dead keeps `unknown`: that is what was acted upon.
        let sql = self
            .sql("UPDATE tool_calls SET status = ")
            .bind(call.status.as_str())
            .text(", result = ")
            .bind(json_or_null(call.result.clone()))
            .text(", error = ")
            .bind(json_or_null(call.error.as_ref().map(|error| json!(error))))
            .text(", ended_at = ")
            .bind(time_or_null(call.ended_at))
            .text(" WHERE status = 'intended' AND id = ")
            .bind(call.id);
        self.run(sql).await.map(|_| ())
    }

    async fn insert_calls(&self, calls: &[ToolCall]) -> Result<(), StorageError> {
        let rows = calls.iter().map(call_row).collect();
        self.run_later("tool_calls", calls.len(), insert_many(self.dialect, "tool_calls", &CALL, rows, ""))
            .await
    }

    async fn insert_scripts(&self, scripts: &[ScriptRun]) -> Result<(), StorageError> {
        let rows = scripts.iter().map(script::row).collect();
        self.run_all(insert_many(self.dialect, "script_runs", &script::COLUMNS, rows, "")).await.map(|_| ())
    }

    async fn give_up_calls(&self, spans: &[SpanId], now: Timestamp) -> Result<Vec<ToolCall>, StorageError> {
        let mut given_up = Vec::new();
        for batch in spans.chunks(20_000) {
            let sql = self
                .sql("UPDATE tool_calls SET status = ")
                .bind(CallStatus::Unknown.as_str())
                .text(", ended_at = ")
                .bind(time(now))
                .text(
                    " WHERE status = 'intended' AND (task_id, span_id) IN \
                     (SELECT task_id, span_id FROM attempts WHERE span_id",
                )
                .one_of(batch.iter().copied())
                .text(") RETURNING *");
            for row in &self.all(sql).await? {
                given_up.push(call_from(row)?);
            }
        }
        Ok(given_up)
    }

    async fn call_ids(&self, spans: &[SpanId]) -> Result<Vec<(SpanId, Uuid)>, StorageError> {
        let mut ids = Vec::new();
        for batch in batches(spans) {
            let sql = self
                .sql(
                    "SELECT c.span_id, c.id FROM attempts a JOIN tool_calls c \
                     ON c.task_id = a.task_id AND c.span_id = a.span_id WHERE a.span_id",
                )
                .one_of(batch.iter().copied());
            for row in &self.all(sql.text(" ORDER BY a.span_id, c.id")).await? {
                let row = Row::of("tool_calls", row);
                ids.push((row.get("span_id")?, row.get("id")?));
            }
        }
        Ok(ids)
    }

    async fn earlier_call(
        &self,
        run: RunId,
        idempotency_key: &str,
    ) -> Result<Option<CallStatus>, StorageError> {
        dialogue::earlier_call(self, run, idempotency_key).await
    }

    async fn dialogue(&self, run: RunId) -> Result<Vec<(SpanId, Entry)>, StorageError> {
        dialogue::read(self, run).await
    }

    async fn say(
        &self,
        lease: &Lease,
        from: usize,
        entries: &[Entry],
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let held = self.holds(lease).await?;
        if held && !entries.is_empty() {
            dialogue::write(self, lease, from, entries, now).await?;
        }
        Ok(held)
    }

    async fn restart_dialogue(
        &self,
        lease: &Lease,
        entries: &[Entry],
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let held = self.holds(lease).await?;
        if held {
            dialogue::end(self, &[lease.run_id]).await?;
            dialogue::write(self, lease, 0, entries, now).await?;
        }
        Ok(held)
    }

    async fn waiting_for_budget(
        &self,
        workspace: WorkspaceId,
        limit: usize,
    ) -> Result<Vec<RunId>, StorageError> {
        dialogue::waiting_for_budget(self, workspace, limit).await
    }

    async fn end_dialogues(&self, runs: &[RunId]) -> Result<(), StorageError> {
        dialogue::end(self, runs).await
    }

    async fn causes(&self, tasks: &[TaskId]) -> Result<Vec<(TaskId, String)>, StorageError> {
        // Few tasks wait for others, and the planner does not know it: their edges are read first.
        let mut waiting: BTreeMap<TaskId, Vec<TaskId>> = BTreeMap::new();
        for (task, waited_for) in self.waited_for(tasks).await? {
            waiting.entry(waited_for).or_default().push(task);
        }
        let waited_for: Vec<TaskId> = waiting.keys().copied().collect();
        let mut causes = Vec::new();
        for batch in batches(&waited_for) {
            let sql = self
                .sql(
                    "SELECT a.task_id, a.experience_id FROM attempts a JOIN runs r ON r.id = a.run_id \
                     WHERE r.drives_task AND a.status IN ('succeeded', 'partial') AND a.task_id",
                )
                .one_of(batch.iter().map(|id| id.uuid()))
                .text(" ORDER BY a.ended_at, a.span_id");
            for row in &self.all(sql).await? {
                let row = Row::of("attempts", row);
                let (done, experience) = (row.id("task_id")?, row.text("experience_id")?);
                let tasks = waiting.get(&done).into_iter().flatten();
                causes.extend(tasks.map(|task| (*task, experience.clone())));
            }
        }
        Ok(causes)
    }
}

impl Unit {
    /// Whether this lease still holds, with its attempt locked.
    async fn holds(&self, lease: &Lease) -> Result<bool, StorageError> {
        let attempt = self.lock_attempts(&[lease.span_id]).await?.pop();
        Ok(attempt
            .is_some_and(|attempt| attempt.lease_token == Some(lease.token) && attempt.fence == lease.fence))
    }

    /// Which of these tasks wait for which others.
    async fn waited_for(&self, tasks: &[TaskId]) -> Result<Vec<(TaskId, TaskId)>, StorageError> {
        let mut edges = Vec::new();
        for batch in batches(tasks) {
            let sql = self
                .sql("SELECT task_id, depends_on_task_id FROM task_dependencies WHERE task_id")
                .one_of(batch.iter().map(|id| id.uuid()))
                .text(" ORDER BY task_id, depends_on_task_id");
            for row in &self.all(sql).await? {
                let row = Row::of("task_dependencies", row);
                edges.push((row.id("task_id")?, row.id("depends_on_task_id")?));
            }
        }
        Ok(edges)
    }

    /// Rows with these keys, locked, in the order of the keys.
    async fn locked(
        &self,
        head: &str,
        keys: &[Uuid],
        order: &str,
    ) -> Result<Vec<sea_orm::QueryResult>, StorageError> {
        let mut rows = Vec::new();
        for batch in batches(keys) {
            let sql: Sql = self.sql(head).one_of(batch.iter().copied()).text(order).text(self.dialect.lock());
            rows.extend(self.all(sql).await?);
        }
        Ok(rows)
    }
}

/// Sorted and each once, so that everybody locks in the same order.
fn sorted(ids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
