use async_trait::async_trait;
use chrono::NaiveDateTime;
use goalwright_application::ports::{
    DueSchedule, ExecutionRepository, ScheduleRepository, ScheduleState, SlotStatus, StorageError, TaskSlot,
};
use goalwright_domain::Timestamp;
use goalwright_domain::execution::{Attempt, RunId, SpanId};
use goalwright_domain::goal::GoalId;
use goalwright_domain::schedule::{Fold, Slot};
use goalwright_domain::task::{TaskId, TaskStatus};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::{QueryResult, Value};

use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, batches, insert_many, time, time_or_null, update_many, uuid_or_null};
use crate::persistence::unit_of_work::Unit;

const STATE: [&str; 5] = ["task_id", "workspace_id", "considered_at", "next_at", "wake_at"];
const STATE_CHANGING: [&str; 4] = ["task_id", "considered_at", "next_at", "wake_at"];
const SLOT: [&str; 8] =
    ["task_id", "workspace_id", "nominal", "fold", "slot_at", "status", "run_id", "created_at"];

#[async_trait]
impl ScheduleRepository for Unit {
    async fn put(&self, state: &ScheduleState) -> Result<(), StorageError> {
        let row = vec![
            state.task_id.uuid().into(),
            state.workspace_id.uuid().into(),
            time(state.considered_at),
            time_or_null(state.next_at),
            time_or_null(state.wake_at),
        ];
        let anew = " ON CONFLICT (task_id) DO UPDATE SET considered_at = excluded.considered_at, \
                    next_at = excluded.next_at, wake_at = excluded.wake_at, set_aside_at = NULL, set_aside_reason = NULL";
        self.run_all(insert_many(self.dialect, "task_schedules", &STATE, vec![row], anew)).await.map(|_| ())
    }

    async fn remove(&self, task: TaskId) -> Result<(), StorageError> {
        let waiting =
            self.sql("DELETE FROM task_slots WHERE status = 'queued' AND task_id = ").bind(task.uuid());
        self.run(waiting).await?;
        self.run(self.sql("DELETE FROM task_schedules WHERE task_id = ").bind(task.uuid())).await.map(|_| ())
    }

    async fn lock(&self, task: TaskId) -> Result<Option<Timestamp>, StorageError> {
        let sql = self
            .sql("SELECT considered_at FROM task_schedules WHERE task_id = ")
            .bind(task.uuid())
            .text(self.dialect.lock());
        self.one(sql).await?.map(|row| Row::of("task_schedules", &row).time("considered_at")).transpose()
    }

    async fn lock_of_goal(&self, goal: GoalId) -> Result<Vec<(TaskId, Timestamp)>, StorageError> {
        let lock = if self.dialect == Dialect::Postgres { " FOR NO KEY UPDATE OF s" } else { "" };
        let sql = self
            .sql(
                "SELECT s.task_id, s.considered_at FROM tasks t JOIN task_schedules s ON s.task_id = t.id \
                 WHERE t.schedule IS NOT NULL AND t.goal_id = ",
            )
            .bind(goal.uuid())
            .text(" ORDER BY s.task_id")
            .text(lock);
        let rows = self.all(sql).await?;
        let schedule = |row: &QueryResult| {
            let row = Row::of("task_schedules", row);
            Ok((row.id("task_id")?, row.time("considered_at")?))
        };
        rows.iter().map(schedule).collect()
    }

    async fn lock_due(
        &self,
        now: Timestamp,
        limit: usize,
        among: Option<&[TaskId]>,
    ) -> Result<Vec<DueSchedule>, StorageError> {
        let lock = match self.dialect {
            Dialect::Sqlite => "",
            // A unit that failed may not be rolled back yet.
            Dialect::Postgres if among.is_some() => " FOR NO KEY UPDATE OF s",
            // The tasks are locked later, in their turn.
            Dialect::Postgres => " FOR NO KEY UPDATE OF s SKIP LOCKED",
        };
        let sql = self
            .sql(
                "SELECT s.task_id, s.workspace_id, s.considered_at, s.next_at, s.wake_at, t.schedule, t.goal_id, \
                 t.status FROM task_schedules s JOIN tasks t ON t.id = s.task_id WHERE s.wake_at <= ",
            )
            .bind(time(now));
        let sql = match among {
            Some(tasks) => sql.text(" AND s.task_id").one_of(tasks.iter().map(|id| id.uuid())),
            None => sql,
        };
        let sql = sql
            .text(" ORDER BY s.wake_at, s.task_id LIMIT ")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .text(lock);
        self.all(sql).await?.iter().map(due_from).collect()
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<(TaskId, WorkspaceId)>, StorageError> {
        let sql = self
            .sql("SELECT task_id, workspace_id FROM task_schedules WHERE wake_at <= ")
            .bind(time(now))
            .text(" ORDER BY wake_at, task_id LIMIT ")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let due = |row: &QueryResult| {
            let row = Row::of("task_schedules", row);
            Ok((row.id("task_id")?, row.id("workspace_id")?))
        };
        self.all(sql).await?.iter().map(due).collect()
    }

    async fn set_aside(&self, task: TaskId, reason: &str, now: Timestamp) -> Result<(), StorageError> {
        let sql = self
            .sql("UPDATE task_schedules SET wake_at = NULL, set_aside_at = ")
            .bind(time(now))
            .text(", set_aside_reason = ")
            .bind(reason)
            .text(" WHERE task_id = ")
            .bind(task.uuid());
        self.run(sql).await.map(|_| ())
    }

    async fn take_up(&self, task: TaskId) -> Result<(), StorageError> {
        let sql = self
            .sql(
                "UPDATE task_schedules SET wake_at = coalesce(next_at, considered_at), set_aside_at = NULL, \
                 set_aside_reason = NULL WHERE set_aside_at IS NOT NULL AND task_id = ",
            )
            .bind(task.uuid());
        self.run(sql).await.map(|_| ())
    }

    async fn save_many(&self, states: &[ScheduleState]) -> Result<(), StorageError> {
        let row = |state: &ScheduleState| {
            vec![
                state.task_id.uuid().into(),
                time(state.considered_at),
                time_or_null(state.next_at),
                time_or_null(state.wake_at),
            ]
        };
        let rows = states.iter().map(row).collect();
        self.run_all(update_many(self.dialect, "task_schedules", &STATE_CHANGING, rows)).await.map(|_| ())
    }

    async fn pass_over(&self, goal: GoalId, now: Timestamp) -> Result<(), StorageError> {
        let sql = self
            .sql("UPDATE task_schedules SET next_at = NULL, considered_at = ")
            .bind(time(now))
            .text(" WHERE considered_at < ")
            .bind(time(now))
            .text(" AND next_at <= ")
            .bind(time(now))
            .text(" AND task_id IN (SELECT id FROM tasks WHERE schedule IS NOT NULL AND goal_id = ")
            .bind(goal.uuid())
            .text(")");
        self.run(sql).await.map(|_| ())
    }

    async fn runs_at(
        &self,
        tasks: &[TaskId],
        moments: &[Timestamp],
    ) -> Result<Vec<(TaskId, Timestamp, RunId)>, StorageError> {
        let mut found = Vec::new();
        for batch in moments.chunks(10_000) {
            let sql = self
                .sql("SELECT id, task_id, scheduled_at FROM runs WHERE task_id")
                .one_of(tasks.iter().map(|id| id.uuid()))
                .text(" AND scheduled_at IN ")
                .list(batch.iter().map(|at| time(*at)));
            for row in &self.all(sql).await? {
                let row = Row::of("runs", row);
                found.push((row.id("task_id")?, row.time("scheduled_at")?, row.id("id")?));
            }
        }
        Ok(found)
    }

    async fn lock_unended(&self, runs: &[RunId]) -> Result<Vec<Attempt>, StorageError> {
        let mut spans: Vec<SpanId> = Vec::new();
        for batch in batches(runs) {
            let sql = self
                .sql("SELECT span_id FROM attempts WHERE status IN ('running', 'suspended') AND run_id")
                .one_of(batch.iter().map(|id| id.uuid()));
            for row in &self.all(sql).await? {
                spans.push(Row::of("attempts", row).get("span_id")?);
            }
        }
        let locked = self.lock_attempts(&spans).await?;
        Ok(locked.into_iter().filter(|attempt| !attempt.status.is_over()).collect())
    }

    async fn queued(&self, tasks: &[TaskId]) -> Result<Vec<TaskSlot>, StorageError> {
        let mut slots = Vec::new();
        for batch in batches(tasks) {
            let sql = self
                .sql(
                    "SELECT task_id, workspace_id, nominal, fold, slot_at FROM task_slots WHERE status = 'queued' \
                     AND task_id",
                )
                .one_of(batch.iter().map(|id| id.uuid()))
                .text(" ORDER BY task_id, slot_at");
            for row in &self.all(sql).await? {
                slots.push(waiting_from(row)?);
            }
        }
        Ok(slots)
    }

    async fn known(
        &self,
        tasks: &[TaskId],
        nominal: &[String],
    ) -> Result<Vec<(TaskId, String, Fold)>, StorageError> {
        let mut known = Vec::new();
        for batch in nominal.chunks(10_000) {
            let sql = self
                .sql("SELECT task_id, nominal, fold FROM task_slots WHERE task_id")
                .one_of(tasks.iter().map(|id| id.uuid()))
                .text(" AND nominal")
                .one_of_words(batch.iter().map(String::as_str));
            for row in &self.all(sql).await? {
                let row = Row::of("task_slots", row);
                known.push((row.id("task_id")?, row.text("nominal")?, fold_of(&row)?));
            }
        }
        Ok(known)
    }

    async fn insert_slots(&self, slots: &[TaskSlot], now: Timestamp) -> Result<(), StorageError> {
        let row = |slot: &TaskSlot| -> Vec<Value> {
            vec![
                slot.task_id.uuid().into(),
                slot.workspace_id.uuid().into(),
                slot.slot.nominal_text().into(),
                i32::from(slot.slot.fold.number()).into(),
                time(slot.slot.at),
                slot.status.as_str().into(),
                uuid_or_null(slot.status.run_id().map(|id| id.uuid())),
                time(now),
            ]
        };
        let rows = slots.iter().map(row).collect();
        self.run_all(insert_many(self.dialect, "task_slots", &SLOT, rows, "")).await.map(|_| ())
    }

    async fn settle_slots(&self, slots: &[TaskSlot]) -> Result<(), StorageError> {
        for slot in slots {
            let sql = self
                .sql("UPDATE task_slots SET status = ")
                .bind(slot.status.as_str())
                .text(", run_id = ")
                .bind(uuid_or_null(slot.status.run_id().map(|id| id.uuid())))
                .text(" WHERE status = 'queued' AND task_id = ")
                .bind(slot.task_id.uuid())
                .text(" AND nominal = ")
                .bind(slot.slot.nominal_text())
                .text(" AND fold = ")
                .bind(i32::from(slot.slot.fold.number()));
            self.run(sql).await?;
        }
        Ok(())
    }
}

fn due_from(row: &QueryResult) -> Result<DueSchedule, StorageError> {
    let row = Row::of("task_schedules", row);
    Ok(DueSchedule {
        state: ScheduleState {
            task_id: row.id("task_id")?,
            workspace_id: row.id("workspace_id")?,
            considered_at: row.time("considered_at")?,
            next_at: row.time_or_none("next_at")?,
            wake_at: row.time_or_none("wake_at")?,
        },
        schedule: row.json("schedule")?,
        goal_id: row.id_or_none("goal_id")?,
        status: row.word("status", TaskStatus::parse)?,
    })
}

fn waiting_from(row: &QueryResult) -> Result<TaskSlot, StorageError> {
    let row = Row::of("task_slots", row);
    let nominal =
        row.word("nominal", |text| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok())?;
    Ok(TaskSlot {
        task_id: row.id("task_id")?,
        workspace_id: row.id("workspace_id")?,
        slot: Slot { nominal, fold: fold_of(&row)?, at: row.time("slot_at")? },
        status: SlotStatus::Queued,
    })
}

fn fold_of(row: &Row<'_>) -> Result<Fold, StorageError> {
    Ok(if row.get::<i32>("fold")? == 0 { Fold::First } else { Fold::Second })
}
