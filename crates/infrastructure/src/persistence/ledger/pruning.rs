//! Events that go under a checkpoint, and what is kept of them.

use async_trait::async_trait;
use goalwright_application::ports::{
    Aged, Dependent, FileKind, HeldLedger, PrunedFile, PruningRepository, RecordCursor, Ripe, RipeRun,
    RunCursor, StorageError, Words,
};
use goalwright_domain::Timestamp;
use goalwright_domain::ledger::{Checkpoint, EventId, Head, Link, Snapshot, SnapshotSum};
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::{QueryResult, Value};

use super::past::{folded_of, telling_of};
use super::{head_of, trail};
use crate::persistence::record;
use crate::persistence::row::Row;
use crate::persistence::sql::{batches, insert_many, time};
use crate::persistence::unit_of_work::Unit;

/// What a checkpoint is read from.
pub(super) const CHECKPOINT: &str = "SELECT position, seal, seal_key, known_from, ended_before, snapshots, snapshot_sum, event_id, mark \
     FROM ledger_checkpoints WHERE workspace_id = ";
/// What a snapshot is read from.
pub(super) const SNAPSHOT: &str = "SELECT entity_type, entity_id, revision, CAST(state AS TEXT) AS state, first_at, updated_at, mark \
     FROM ledger_snapshots WHERE workspace_id = ";
const SNAPSHOT_COLUMNS: [&str; 8] =
    ["workspace_id", "entity_type", "entity_id", "revision", "state", "first_at", "updated_at", "mark"];
const ANEW: &str = " ON CONFLICT (workspace_id, entity_type, entity_id) DO UPDATE SET revision = excluded.revision, \
                    state = excluded.state, first_at = excluded.first_at, updated_at = excluded.updated_at, \
                    mark = excluded.mark";

#[async_trait]
impl PruningRepository for Unit {
    async fn hold_ledger(&self, workspace: WorkspaceId) -> Result<HeldLedger, StorageError> {
        self.lock_ledger().await?;
        while !self.place_waiting().await?.is_all() {}
        let sql = self
            .sql("SELECT position, sealed, seal, mark FROM ledger_heads WHERE workspace_id = ")
            .bind(workspace.uuid());
        let head = self.one(sql).await?.map(|row| head_of(&Row::of("ledger_heads", &row))).transpose()?;
        let sql = self.sql(CHECKPOINT).bind(workspace.uuid());
        Ok(HeldLedger {
            head: head.unwrap_or(Head { position: 0, sealed: 0, seal: None, mark: None }),
            checkpoint: self.one(sql).await?.as_ref().map(checkpoint_of).transpose()?,
        })
    }

    async fn aged(
        &self,
        workspace: WorkspaceId,
        after: i64,
        last: i64,
        before: Timestamp,
        most: usize,
    ) -> Result<Vec<Aged>, StorageError> {
        let sql = self
            .sql(trail::LINKS)
            .bind(workspace.uuid())
            .text(" AND position > ")
            .bind(after)
            .text(" ORDER BY position LIMIT ")
            .bind(i64::try_from(most).unwrap_or(i64::MAX));
        let mut aged = Vec::new();
        for row in &self.all(sql).await? {
            let link = trail::link(workspace, row)?;
            let telling = telling_of(row)?;
            // Never a gap, and nothing that is not sealed.
            if link.seal.is_none() || link.position > last || telling.created_at >= before {
                break;
            }
            let entity_type = Row::of("events", row).text("entity_type")?;
            aged.push(Aged { link, entity_type, telling });
        }
        Ok(aged)
    }

    async fn moment_behind(
        &self,
        workspace: WorkspaceId,
        position: i64,
    ) -> Result<Option<Timestamp>, StorageError> {
        let sql = self
            .sql("SELECT created_at FROM events WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND position > ")
            .bind(position)
            .text(" ORDER BY position LIMIT 1");
        self.one(sql).await?.map(|row| Row::of("events", &row).time("created_at")).transpose()
    }

    async fn links(&self, workspace: WorkspaceId, events: &[EventId]) -> Result<Vec<Link>, StorageError> {
        let mut found = Vec::new();
        for batch in batches(events) {
            let sql = self.sql(trail::LINKS).bind(workspace.uuid()).text(" AND position IS NOT NULL AND id");
            for row in &self.all(sql.one_of(batch.iter().map(|id| id.uuid()))).await? {
                found.push(trail::link(workspace, row)?);
            }
        }
        Ok(found)
    }

    async fn snapshots(
        &self,
        workspace: WorkspaceId,
        of: &[(String, String)],
    ) -> Result<Vec<(Snapshot, String)>, StorageError> {
        let mut found = Vec::new();
        for (kind, ids) in by_type(of) {
            for batch in batches(&ids) {
                let sql = self.sql(SNAPSHOT).bind(workspace.uuid()).text(" AND entity_type = ").bind(kind);
                let sql = sql.text(" AND entity_id").one_of_words(batch.iter().copied());
                for row in &self.all(sql).await? {
                    found.push(snapshot_of(row)?);
                }
            }
        }
        Ok(found)
    }

    async fn keep_snapshots(
        &self,
        workspace: WorkspaceId,
        kept: &[(Snapshot, String)],
        gone: &[(String, String)],
    ) -> Result<(), StorageError> {
        let row = |(snapshot, mark): &(Snapshot, String)| -> Vec<Value> {
            vec![
                workspace.uuid().into(),
                snapshot.entity_type.as_str().into(),
                snapshot.entity_id.as_str().into(),
                snapshot.folded.revision.into(),
                snapshot.text().into(),
                time(snapshot.folded.first_at),
                time(snapshot.folded.updated_at),
                mark.as_str().into(),
            ]
        };
        let rows = kept.iter().map(row).collect();
        self.run_all(insert_many(self.dialect, "ledger_snapshots", &SNAPSHOT_COLUMNS, rows, ANEW)).await?;
        for (kind, ids) in by_type(gone) {
            for batch in batches(&ids) {
                let sql = self
                    .sql("DELETE FROM ledger_snapshots WHERE workspace_id = ")
                    .bind(workspace.uuid())
                    .text(" AND entity_type = ")
                    .bind(kind)
                    .text(" AND entity_id")
                    .one_of_words(batch.iter().copied());
                self.run(sql).await?;
            }
        }
        Ok(())
    }

    async fn set_checkpoint(
        &self,
        workspace: WorkspaceId,
        checkpoint: &Checkpoint,
        mark: &str,
    ) -> Result<(), StorageError> {
        let values = || -> [Value; 9] {
            [
                checkpoint.position.into(),
                checkpoint.seal.clone().into(),
                checkpoint.seal_key.clone().into(),
                time(checkpoint.known_from),
                time(checkpoint.ended_before),
                checkpoint.snapshots.into(),
                checkpoint.sum.hex().into(),
                checkpoint.told_by.uuid().into(),
                mark.into(),
            ]
        };
        let columns = [
            "position",
            "seal",
            "seal_key",
            "known_from",
            "ended_before",
            "snapshots",
            "snapshot_sum",
            "event_id",
            "mark",
        ];
        let mut sql = self.sql("UPDATE ledger_checkpoints SET ");
        for (index, (column, value)) in columns.iter().zip(values()).enumerate() {
            sql = sql.text(if index == 0 { "" } else { ", " }).text(column).text(" = ").bind(value);
        }
        if self.run(sql.text(" WHERE workspace_id = ").bind(workspace.uuid())).await? > 0 {
            return Ok(());
        }
        // The ledger is held, so nobody else makes it at the same time.
        let sql = self
            .sql(
                "INSERT INTO ledger_checkpoints (workspace_id, position, seal, seal_key, known_from, ended_before, snapshots, \
                 snapshot_sum, event_id, mark) VALUES ",
            )
            .list(std::iter::once(workspace.uuid().into()).chain(values()));
        self.run(sql).await.map(|_| ())
    }

    async fn remove_events(&self, workspace: WorkspaceId, position: i64) -> Result<u64, StorageError> {
        let sql = self
            .sql("DELETE FROM events WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND position <= ")
            .bind(position);
        self.run(sql).await
    }

    async fn ripe(
        &self,
        workspace: WorkspaceId,
        before: Timestamp,
        looked_at: (Option<&RecordCursor>, usize),
        hooks: &[String],
    ) -> Result<Ripe, StorageError> {
        record::ripe::find(self, workspace, before, looked_at, hooks).await
    }

    async fn never_begun(
        &self,
        workspace: WorkspaceId,
        before: Timestamp,
        looked_at: (Option<RunCursor>, usize),
    ) -> Result<(Vec<RipeRun>, Option<RunCursor>), StorageError> {
        record::ripe::never_begun(self, workspace, before, looked_at).await
    }

    async fn forget_words(&self, words: Words) -> Result<Words, StorageError> {
        record::words::forget(self, words).await
    }

    async fn remove_record(
        &self,
        workspace: WorkspaceId,
        before: Timestamp,
        ripe: &Ripe,
        results: &[String],
    ) -> Result<Dependent, StorageError> {
        record::remove::all(self, workspace, before, ripe, results).await
    }

    async fn files(&self, most: usize) -> Result<Vec<PrunedFile>, StorageError> {
        let sql = self
            .sql("SELECT n, workspace_id, kind, name FROM pruned_files WHERE n > 0 ORDER BY n LIMIT ")
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .text(self.dialect.lock_skipping());
        let read = |row: &QueryResult| {
            let row = Row::of("pruned_files", row);
            Ok(PrunedFile {
                n: row.get("n")?,
                workspace_id: row.id("workspace_id")?,
                kind: row.word("kind", FileKind::parse)?,
                name: row.text("name")?,
            })
        };
        self.all(sql).await?.iter().map(read).collect()
    }

    async fn has_artifact(&self, workspace: WorkspaceId, digest: &str) -> Result<bool, StorageError> {
        let sql = self
            .sql("SELECT 1 AS kept FROM artifacts WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND digest = ")
            .bind(digest);
        Ok(self.one(sql).await?.is_some())
    }

    async fn forget_files(&self, numbers: &[i64]) -> Result<(), StorageError> {
        let sql = self.sql("DELETE FROM pruned_files WHERE n").one_of_numbers(numbers.iter().copied());
        self.run(sql).await.map(|_| ())
    }

    async fn was_pruned(&self, task: TaskId, scheduled_at: Timestamp) -> Result<bool, StorageError> {
        let sql = self
            .sql("SELECT 1 AS pruned FROM pruned_runs WHERE task_id = ")
            .bind(task.uuid())
            .text(" AND scheduled_at = ")
            .bind(time(scheduled_at));
        Ok(self.one(sql).await?.is_some())
    }
}

/// The ids of each type.
fn by_type(of: &[(String, String)]) -> std::collections::BTreeMap<&str, Vec<&str>> {
    let mut types = std::collections::BTreeMap::<&str, Vec<&str>>::new();
    for (kind, id) in of {
        types.entry(kind).or_default().push(id);
    }
    types
}

/// A checkpoint with its mark.
pub(super) fn checkpoint_of(row: &QueryResult) -> Result<(Checkpoint, String), StorageError> {
    let row = Row::of("ledger_checkpoints", row);
    let checkpoint = Checkpoint {
        position: row.get("position")?,
        seal: row.get("seal")?,
        seal_key: row.get("seal_key")?,
        known_from: row.time("known_from")?,
        ended_before: row.time("ended_before")?,
        snapshots: row.get("snapshots")?,
        sum: row.word("snapshot_sum", SnapshotSum::parse)?,
        told_by: row.id("event_id")?,
    };
    Ok((checkpoint, row.text("mark")?))
}

/// A snapshot with its mark.
pub(super) fn snapshot_of(row: &QueryResult) -> Result<(Snapshot, String), StorageError> {
    let row = Row::of("ledger_snapshots", row);
    let (entity_type, entity_id) = (row.text("entity_type")?, row.text("entity_id")?);
    Ok((Snapshot { entity_type, entity_id, folded: folded_of(&row)? }, row.text("mark")?))
}
