//! Positions and seals of events that were appended while somebody else had the ledger.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use goalwright_application::ports::{Sequencer, StorageError};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::Value;
use uuid::Uuid;

use super::chain::Chains;
use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, update_many};
use crate::persistence::unit_of_work::{Unit, Writer};

/// So many events in one pass.
const BATCH: i64 = 5_000;
/// The advisory lock under which one unit at a time makes chains longer: "gwsq" and a number.
const LOCK: i64 = 0x6777_7371_0000_0001;

#[async_trait]
impl Sequencer for Writer {
    async fn sequence(&self) -> Result<usize, StorageError> {
        if !self.has_waiting().await? {
            return Ok(0);
        }
        let unit = self.unit().await?;
        if !unit.try_lock_ledger().await? {
            return Ok(0);
        }
        let done = unit.place_waiting().await?.count + unit.seal_old().await?;
        unit.finish().await?;
        Ok(done)
    }
}

/// What a pass found waiting.
pub(super) struct Placed {
    count: usize,
}

impl Placed {
    /// Whether nothing that is committed is waiting any more.
    pub(super) fn is_all(&self) -> bool {
        i64::try_from(self.count).is_ok_and(|count| count < BATCH)
    }
}

impl Writer {
    /// Whether there is anything to do, without opening a unit: that would keep SQLite's one writer from its work.
    async fn has_waiting(&self) -> Result<bool, StorageError> {
        if self.all_sealed.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let dialect = Dialect::of(self.connection.get_database_backend());
        let unsealed = "SELECT 1 AS waiting FROM ledger_heads WHERE sealed < position";
        let text = match dialect {
            Dialect::Sqlite => format!("{unsealed} LIMIT 1"),
            Dialect::Postgres => {
                format!(
                    "(SELECT 1 AS waiting FROM events WHERE position IS NULL LIMIT 1) UNION ALL ({unsealed} LIMIT 1)"
                )
            }
        };
        let waiting = self.look(&text).await?.is_some();
        self.all_sealed.store(!waiting && dialect == Dialect::Sqlite, Ordering::Relaxed);
        Ok(waiting)
    }
}

impl Unit {
    /// Whether nobody else makes a chain longer until this unit ends. On SQLite nobody else writes at all.
    pub(super) async fn try_lock_ledger(&self) -> Result<bool, StorageError> {
        if self.dialect == Dialect::Sqlite {
            return Ok(true);
        }
        let sql = self.sql("SELECT pg_try_advisory_xact_lock(").bind(LOCK).text(") AS locked");
        let row = self.all_with_pending(sql).await?.pop();
        Ok(row.map(|row| Row::of("locks", &row).get("locked")).transpose()?.unwrap_or(false))
    }

    /// Has the ledger to itself until this unit ends, once nobody else has it.
    pub(super) async fn lock_ledger(&self) -> Result<(), StorageError> {
        if self.dialect == Dialect::Postgres {
            self.all(self.sql("SELECT pg_advisory_xact_lock(").bind(LOCK).text(")")).await?;
        }
        Ok(())
    }

    /// Places and seals what is committed and has no position yet, in the order of its sequence. What commits later gets
    /// a later position, whatever its sequence says, so that no reader who follows positions ever misses it; and what
    /// this unit knows of, since it locked the same rows afterwards, comes before what it appends itself.
    pub(super) async fn place_waiting(&self) -> Result<Placed, StorageError> {
        if self.dialect == Dialect::Sqlite {
            // Positions are given with the events.
            return Ok(Placed { count: 0 });
        }
        let sql = self
            .sql("SELECT seq, workspace_id, digest FROM events WHERE position IS NULL ORDER BY seq LIMIT ")
            .bind(BATCH);
        let rows = self.all(sql).await?;
        if rows.is_empty() {
            return Ok(Placed { count: 0 });
        }
        let mut waiting: Vec<(i64, WorkspaceId, String)> = Vec::with_capacity(rows.len());
        for row in &rows {
            let row = Row::of("events", row);
            waiting.push((row.get("seq")?, row.id("workspace_id")?, row.text("digest")?));
        }
        let mut chains = Chains::load(self, waiting.iter().map(|(_, workspace, _)| *workspace)).await?;
        let placed: Vec<Vec<Value>> = waiting
            .into_iter()
            .map(|(seq, workspace, digest)| {
                let (position, seal) = chains.append(workspace, &digest);
                vec![seq.into(), position.into(), seal.into()]
            })
            .collect();
        let count = placed.len();
        self.run_all(update_many(self.dialect, "events", &["seq", "position", "seal"], placed)).await?;
        chains.save(self).await?;
        Ok(Placed { count })
    }

    /// Seals events that have had a position since before there were seals, those of one workspace at a time.
    pub(super) async fn seal_old(&self) -> Result<usize, StorageError> {
        let sql = self.sql("SELECT workspace_id, sealed FROM ledger_heads WHERE sealed < position LIMIT 1");
        let Some(row) = self.one(sql).await? else { return Ok(0) };
        let row = Row::of("ledger_heads", &row);
        let (workspace, sealed): (Uuid, i64) = (row.get("workspace_id")?, row.get("sealed")?);
        let sql = self
            .sql("SELECT seq, position, digest FROM events WHERE workspace_id = ")
            .bind(workspace)
            .text(" AND position > ")
            .bind(sealed)
            .text(" ORDER BY position LIMIT ")
            .bind(BATCH);
        let rows = self.all(sql).await?;
        let workspace = WorkspaceId::new(workspace);
        let mut chains = Chains::load(self, std::iter::once(workspace)).await?;
        let mut sealed: Vec<Vec<Value>> = Vec::with_capacity(rows.len());
        for row in &rows {
            let row = Row::of("events", row);
            let seal = chains.seal(workspace, row.get("position")?, &row.text("digest")?);
            sealed.push(vec![row.get::<i64>("seq")?.into(), seal.into()]);
        }
        let count = sealed.len();
        self.run_all(update_many(self.dialect, "events", &["seq", "seal"], sealed)).await?;
        chains.save(self).await?;
        Ok(count)
    }
}
