use std::collections::BTreeMap;

use async_trait::async_trait;
use goalwright_application::ports::{Sequencer, StorageError};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::Value;

use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, update_many};
use crate::persistence::unit_of_work::{Unit, Writer};

/// So many events in one pass.
const BATCH: i64 = 5_000;
/// The advisory lock under which one process at a time counts: "gwsq" and a number.
const LOCK: i64 = 0x6777_7371_0000_0001;

#[async_trait]
impl Sequencer for Writer {
    async fn sequence(&self) -> Result<usize, StorageError> {
        if Dialect::of(self.connection.get_database_backend()) == Dialect::Sqlite {
            // Positions were given with the events; a unit would only keep the one writer from its work.
            return Ok(0);
        }
        let unit = self.unit().await?;
        let locked =
            unit.one(unit.sql("SELECT pg_try_advisory_xact_lock(").bind(LOCK).text(") AS locked")).await?;
        if !locked.map(|row| Row::of("locks", &row).get::<bool>("locked")).transpose()?.unwrap_or(false) {
            return Ok(0);
        }
        let placed = place(&unit).await?;
        unit.finish().await?;
        Ok(placed)
    }
}

/// What is visible here is committed. What commits later gets a later position, whatever its sequence says, so that
/// no reader who follows positions ever misses it.
async fn place(unit: &Unit) -> Result<usize, StorageError> {
    let sql = unit
        .sql("SELECT seq, workspace_id FROM events WHERE position IS NULL ORDER BY seq LIMIT ")
        .bind(BATCH);
    let rows = unit.all(sql).await?;
    let mut by_workspace: BTreeMap<WorkspaceId, Vec<i64>> = BTreeMap::new();
    for row in &rows {
        let row = Row::of("events", row);
        by_workspace.entry(row.id("workspace_id")?).or_default().push(row.get("seq")?);
    }
    let mut placed: Vec<Vec<Value>> = Vec::with_capacity(rows.len());
    for (workspace, sequence) in by_workspace {
        let count = i64::try_from(sequence.len()).unwrap_or(i64::MAX);
        let first = unit.move_head(workspace, count).await? + 1;
        placed.extend(
            sequence.into_iter().zip(first..).map(|(seq, position)| vec![seq.into(), position.into()]),
        );
    }
    let count = placed.len();
    unit.run_all(update_many(unit.dialect, "events", &["seq", "position"], placed)).await?;
    Ok(count)
}
