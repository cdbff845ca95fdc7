//! The ledger as it is verified, and what is noted of it outside the database.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use goalwright_application::Error;
use goalwright_application::ports::{Ledger, StorageError};
use goalwright_domain::ledger::{
    Anchor, Checkpoint, Content, Head, KeyRing, Link, Noted, Snapshot, Told, is_blank,
};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::QueryResult;
use serde_json::{Value, json};
use uuid::Uuid;

use super::head_of;
use super::pruning::{CHECKPOINT, SNAPSHOT, checkpoint_of, snapshot_of};
use crate::persistence::reader::Reader;
use crate::persistence::row::Row;

/// What a link is read from.
pub(super) const LINKS: &str = "SELECT id, position, entity_type, entity_id, event_type, actor_type, actor_id, CAST(changes AS TEXT) AS \
     changes, CAST(metadata AS TEXT) AS metadata, digest, seal, redacted_by, trace_id, created_at FROM events WHERE \
     workspace_id = ";

/// Reads ledgers.
pub(crate) struct Trail {
    pub(crate) reader: Arc<Reader>,
    pub(crate) keys: KeyRing,
    /// The file with the ends of the chains; none if nothing is noted.
    pub(crate) anchors: Option<PathBuf>,
}

impl Trail {
    pub(super) fn all_noted(&self) -> Result<BTreeMap<WorkspaceId, Noted>, Error> {
        let Some(path) = &self.anchors else { return Ok(BTreeMap::new()) };
        match std::fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| unreadable(path, &error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(unreadable(path, &error)),
        }
    }

    /// Written whole under another name first, so that nobody ever reads half of it.
    pub(super) fn write(&self, noted: &BTreeMap<WorkspaceId, Noted>) -> Result<(), Error> {
        let Some(path) = &self.anchors else { return Ok(()) };
        let draft = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = std::fs::File::create(&draft).and_then(|mut file| {
            file.write_all(json!(noted).to_string().as_bytes())?;
            file.sync_all()
        });
        written.and_then(|()| std::fs::rename(&draft, path)).map_err(|error| unreadable(path, &error))
    }
}

fn unreadable(path: &std::path::Path, why: &dyn std::fmt::Display) -> Error {
    StorageError::Corrupt { what: format!("{}: {why}", path.display()) }.into()
}

#[async_trait]
impl Ledger for Trail {
    fn keys(&self) -> &KeyRing {
        &self.keys
    }

    async fn workspaces(&self) -> Result<Vec<WorkspaceId>, Error> {
        let sql = self.reader.sql("SELECT workspace_id FROM ledger_heads ORDER BY workspace_id");
        let mut workspaces: Vec<WorkspaceId> = Vec::new();
        for row in &self.reader.all(sql).await? {
            workspaces.push(Row::of("ledger_heads", row).id("workspace_id")?);
        }
        // A ledger that was removed with its head is still known outside.
        workspaces.extend(self.all_noted()?.into_keys());
        workspaces.sort_unstable();
        workspaces.dedup();
        Ok(workspaces)
    }

    async fn head(&self, workspace: WorkspaceId) -> Result<Head, Error> {
        let sql = self
            .reader
            .sql("SELECT position, sealed, seal, mark FROM ledger_heads WHERE workspace_id = ")
            .bind(workspace.uuid());
        let rows = self.reader.all(sql).await?;
        let head = rows.first().map(|row| head_of(&Row::of("ledger_heads", row))).transpose()?;
        Ok(head.unwrap_or(Head { position: 0, sealed: 0, seal: None, mark: None }))
    }

    async fn links(&self, workspace: WorkspaceId, after: i64, limit: usize) -> Result<Vec<Link>, Error> {
        let sql = self
            .reader
            .sql(LINKS)
            .bind(workspace.uuid())
            .text(" AND position > ")
            .bind(after)
            .text(" ORDER BY position LIMIT ")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.reader.all(sql).await?;
        Ok(rows.iter().map(|row| link(workspace, row)).collect::<Result<_, StorageError>>()?)
    }

    async fn checkpoint(&self, workspace: WorkspaceId) -> Result<Option<(Checkpoint, String)>, Error> {
        let sql = self.reader.sql(CHECKPOINT).bind(workspace.uuid());
        Ok(self.reader.one(sql).await?.as_ref().map(checkpoint_of).transpose()?)
    }

    async fn not_pruned(&self, workspace: WorkspaceId, position: i64) -> Result<i64, Error> {
        let sql = self
            .reader
            .sql("SELECT COUNT(*) AS count FROM events WHERE workspace_id = ")
            .bind(workspace.uuid())
            .text(" AND position <= ")
            .bind(position);
        let row = self.reader.one(sql).await?;
        Ok(row.map(|row| Row::of("events", &row).get("count")).transpose()?.unwrap_or(0))
    }

    async fn snapshots(
        &self,
        workspace: WorkspaceId,
        after: Option<(String, String)>,
        limit: usize,
    ) -> Result<Vec<(Snapshot, String)>, Error> {
        let (kind, id) = after.unwrap_or_default();
        let sql = self
            .reader
            .sql(SNAPSHOT)
            .bind(workspace.uuid())
            .text(" AND (entity_type, entity_id) > (")
            .bind(kind)
            .text(", ")
            .bind(id)
            .text(") ORDER BY entity_type, entity_id LIMIT ")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.reader.all(sql).await?;
        Ok(rows.iter().map(snapshot_of).collect::<Result<_, StorageError>>()?)
    }

    fn noted(&self, workspace: WorkspaceId) -> Result<Noted, Error> {
        Ok(self.all_noted()?.remove(&workspace).unwrap_or_default())
    }

    async fn note(&self) -> Result<(), Error> {
        if self.anchors.is_none() {
            return Ok(());
        }
        let mut all = self.all_noted()?;
        let before = all.clone();
        let sql = self.reader.sql("SELECT workspace_id, sealed, seal FROM ledger_heads WHERE sealed > 0");
        for row in &self.reader.all(sql).await? {
            let row = Row::of("ledger_heads", row);
            let workspace: WorkspaceId = row.id("workspace_id")?;
            let (position, seal): (i64, Option<String>) = (row.get("sealed")?, row.get("seal")?);
            let noted = all.entry(workspace).or_default();
            let known = noted.anchor.as_ref().map_or(0, |anchor| anchor.position);
            if position < known {
                // What was noted stays, so that verifying tells of it.
                tracing::error!(workspace.id = %workspace, ledger.position = position, ledger.known = known, "the ledger is shorter than it was; run `goalwright admin verify-audit`");
                continue;
            }
            noted.anchor = seal.map(|seal| Anchor { position, seal });
        }
        if all == before { Ok(()) } else { self.write(&all) }
    }
}

pub(super) fn link(workspace_id: WorkspaceId, row: &QueryResult) -> Result<Link, StorageError> {
    let row = Row::of("events", row);
    let (entity_type, entity_id, event_type) =
        (row.text("entity_type")?, row.text("entity_id")?, row.text("event_type")?);
    let (actor_type, actor_id) = (row.text("actor_type")?, row.text("actor_id")?);
    let (changes, metadata) = (row.text("changes")?, row.text("metadata")?);
    let content = Content {
        id: row.id("id")?,
        workspace_id,
        entity_type: &entity_type,
        entity_id: &entity_id,
        event_type: &event_type,
        actor_type: &actor_type,
        actor_id: &actor_id,
        changes: &changes,
        metadata: &metadata,
        trace_id: row.get("trace_id")?,
        created_at: row.time("created_at")?,
    };
    let redacted_by: Option<Uuid> = row.get("redacted_by")?;
    let metadata_of = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let gone = redacted_by.is_some()
        && metadata == "{}"
        && serde_json::from_str::<Value>(&changes).is_ok_and(|left| is_blank(&left));
    Ok(Link {
        id: content.id,
        position: row.get("position")?,
        digest: row.text("digest")?,
        recomputed: (!gone).then(|| content.digest()),
        redacted_by: redacted_by.map(goalwright_domain::Id::new),
        told: (entity_type == "ledger").then(|| Told::of(&event_type, &metadata_of(&metadata))).flatten(),
        seal: row.get("seal")?,
    })
}
