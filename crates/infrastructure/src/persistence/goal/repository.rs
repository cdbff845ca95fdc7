use std::collections::HashMap;

use async_trait::async_trait;
use goalwright_application::maintenance::Drift;
use goalwright_application::ports::{GoalRepository, Ground, StorageError};
use goalwright_domain::goal::{Goal, GoalId, GoalStatus, TaskCounts};
use goalwright_domain::task::TaskStatus;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::Value;

use super::{CHANGING, COLUMNS, changing_row, counts_of, from_row, select, to_row};
use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, insert_many, update_many};
use crate::persistence::unit_of_work::Unit;

#[async_trait]
impl GoalRepository for Unit {
    async fn insert(&self, goal: &Goal) -> Result<(), StorageError> {
        self.run_all(insert_many(self.dialect, "goals", &COLUMNS, vec![to_row(goal)], "")).await?;
        let zeros = self
            .sql("INSERT INTO goal_progress (pending, ready, running, waiting, completed, failed, cancelled, skipped, revision, goal_id) VALUES (0, 0, 0, 0, 0, 0, 0, 0, 0, ")
            .bind(goal.id().uuid())
            .text(")");
        self.run(zeros).await.map(|_| ())
    }

    async fn lock(&self, workspace: WorkspaceId, id: GoalId) -> Result<Option<Goal>, StorageError> {
        let sql = self
            .sql(&select())
            .text(" WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND id = ")
            .bind(id.uuid())
            .text(self.dialect.lock());
        self.one(sql).await?.as_ref().map(from_row).transpose()
    }

    async fn lock_many(&self, ids: &[GoalId]) -> Result<Vec<Goal>, StorageError> {
        let sql = self
            .sql(&select())
            .text(" WHERE id")
            .one_of(ids.iter().map(|id| id.uuid()))
            .text(" ORDER BY id")
            .text(self.dialect.lock());
        self.all(sql).await?.iter().map(from_row).collect()
    }

    async fn save_many(&self, goals: &[Goal]) -> Result<(), StorageError> {
        let rows = goals.iter().map(changing_row).collect();
        self.run_all(update_many(self.dialect, "goals", &CHANGING, rows)).await.map(|_| ())
    }

    async fn lock_counts(&self, ids: &[GoalId]) -> Result<(), StorageError> {
        if self.dialect == Dialect::Sqlite {
            // One writer at a time holds everything.
            return Ok(());
        }
        let sql = self
            .sql("SELECT goal_id FROM goal_progress WHERE goal_id")
            .one_of(ids.iter().map(|id| id.uuid()))
            .text(" ORDER BY goal_id")
            .text(self.dialect.lock());
        self.all(sql).await.map(|_| ())
    }

    async fn shift_counts(
        &self,
        shifts: &[(GoalId, TaskCounts)],
    ) -> Result<Vec<(GoalId, TaskCounts)>, StorageError> {
        if shifts.is_empty() {
            return Ok(Vec::new());
        }
        // One goal is locked by its update. Of several the update would choose the order.
        if shifts.len() > 1 {
            let ids: Vec<GoalId> = shifts.iter().map(|(id, _)| *id).collect();
            self.lock_counts(&ids).await?;
        }
        let set: Vec<String> = TaskStatus::ALL
            .iter()
            .enumerate()
            .map(|(index, status)| {
                format!("{0} = goal_progress.{0} + v.column{1}", status.as_str(), index + 2)
            })
            .collect();
        let mut sql = self.sql(&format!(
            "UPDATE goal_progress SET {}, revision = revision + 1 FROM (VALUES ",
            set.join(", ")
        ));
        for (index, (id, shift)) in shifts.iter().enumerate() {
            let values = TaskStatus::ALL.iter().map(|status| Value::from(shift.of(*status)));
            sql = sql
                .text(if index == 0 { "" } else { ", " })
                .list(std::iter::once(id.uuid().into()).chain(values));
        }
        let sql = sql.text(") AS v WHERE goal_progress.goal_id = v.column1 RETURNING goal_id, pending, ready, running, waiting, completed, failed, cancelled, skipped");
        self.all(sql)
            .await?
            .iter()
            .map(|row| {
                let row = Row::of("goal_progress", row);
                Ok((row.id("goal_id")?, counts_of(&row)?))
            })
            .collect()
    }

    async fn drifted(&self) -> Result<Vec<Drift>, StorageError> {
        let counted: Vec<String> = TaskStatus::ALL
            .iter()
            .map(|status| format!("SUM(CASE WHEN status = '{0}' THEN 1 ELSE 0 END) AS {0}", status.as_str()))
            .collect();
        let actual = |status: &TaskStatus| format!("COALESCE(t.{}, 0)", status.as_str());
        let columns: Vec<String> = TaskStatus::ALL
            .iter()
            .map(|status| {
                format!("p.{0}, CAST({1} AS BIGINT) AS actual_{0}", status.as_str(), actual(status))
            })
            .collect();
        let differs: Vec<String> = TaskStatus::ALL
            .iter()
            .map(|status| format!("p.{} <> {}", status.as_str(), actual(status)))
            .collect();
        let sql = self.sql(&format!(
            "SELECT p.goal_id, g.workspace_id, {} FROM goal_progress p JOIN goals g ON g.id = p.goal_id LEFT JOIN (SELECT goal_id, {} FROM tasks WHERE goal_id IS NOT NULL \
             GROUP BY goal_id) t ON t.goal_id = p.goal_id WHERE {} ORDER BY p.goal_id",
            columns.join(", "),
            counted.join(", "),
            differs.join(" OR ")
        ));
        self.all(sql)
            .await?
            .iter()
            .map(|row| {
                let row = Row::of("goal_progress", row);
                let mut actual = TaskCounts::default();
                for status in TaskStatus::ALL {
                    *actual.of_mut(status) = row.get(&format!("actual_{}", status.as_str()))?;
                }
                Ok(Drift {
                    workspace: row.id("workspace_id")?,
                    goal: row.id("goal_id")?,
                    stored: counts_of(&row)?,
                    actual,
                })
            })
            .collect()
    }

    async fn grounds(&self, ids: &[GoalId]) -> Result<HashMap<GoalId, Ground>, StorageError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let sql =
            self.sql("SELECT id, sandbox, status FROM goals WHERE id").one_of(ids.iter().map(|id| id.uuid()));
        let row = |row: &sea_orm::QueryResult| {
            let row = Row::of("goals", row);
            let status = row.word("status", GoalStatus::parse)?;
            let rests = matches!(status, GoalStatus::Draft | GoalStatus::Abandoned);
            Ok((row.id("id")?, Ground { sandbox: row.get("sandbox")?, rests }))
        };
        self.all(sql).await?.iter().map(row).collect()
    }

    async fn queue_of(&self, id: GoalId) -> Result<Option<String>, StorageError> {
        let sql = self
            .sql("SELECT queue FROM goals WHERE status IN ('active', 'achieved') AND id = ")
            .bind(id.uuid());
        self.one(sql).await?.map(|row| Row::of("goals", &row).text("queue")).transpose()
    }

    async fn any_rests(&self, ids: &[GoalId]) -> Result<bool, StorageError> {
        Ok(self.grounds(ids).await?.values().any(|ground| ground.rests))
    }

    async fn delete(&self, id: GoalId) -> Result<(), StorageError> {
        self.run(self.sql("DELETE FROM goals WHERE id = ").bind(id.uuid())).await.map(|_| ())
    }

    async fn newest_from(
        &self,
        workspace: WorkspaceId,
        source_path: &str,
    ) -> Result<Option<Goal>, StorageError> {
        let sql = self
            .sql(&select())
            .text(" WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND source_path = ")
            .bind(source_path)
            .text(" ORDER BY id DESC LIMIT 1");
        self.one(sql).await?.as_ref().map(from_row).transpose()
    }
}
