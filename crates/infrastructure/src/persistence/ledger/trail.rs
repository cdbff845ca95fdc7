//! The ledger as it is verified, and what is noted of it outside the database.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use goalwright_application::ports::{Ledger, StorageError};
use goalwright_domain::ledger::{Anchor, Content, Head, Link, SealKey};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult};
use serde_json::{Value, json};

use super::head_of;
use crate::persistence::error::storage;
use crate::persistence::row::Row;
use crate::persistence::sql::{Dialect, Sql};

/// Reads ledgers.
pub(crate) struct Trail {
    pub(crate) connection: DatabaseConnection,
    pub(crate) key: Arc<SealKey>,
    /// The file with the ends of the chains; none if nothing is noted.
    pub(crate) anchors: Option<PathBuf>,
}

impl Trail {
    fn sql(&self, text: &str) -> Sql {
        Sql::new(Dialect::of(self.connection.get_database_backend()), text)
    }

    async fn all(&self, sql: Sql) -> Result<Vec<QueryResult>, StorageError> {
        self.connection.query_all_raw(sql.statement()).await.map_err(storage)
    }

    fn anchors(&self) -> Result<BTreeMap<WorkspaceId, Anchor>, StorageError> {
        let Some(path) = &self.anchors else { return Ok(BTreeMap::new()) };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(unreadable(path, &error)),
        };
        let told: BTreeMap<WorkspaceId, Value> =
            serde_json::from_str(&text).map_err(|error| unreadable(path, &error))?;
        let anchor = |(workspace, told): (WorkspaceId, Value)| {
            let (position, seal) = (told["position"].as_i64()?, told["seal"].as_str()?.to_owned());
            Some((workspace, Anchor { position, seal }))
        };
        let anchors: Option<BTreeMap<_, _>> = told.into_iter().map(anchor).collect();
        anchors.ok_or_else(|| unreadable(path, &"an entry lacks its position or its seal"))
    }

    /// Written whole under another name first, so that nobody ever reads half of it.
    fn write(&self, anchors: &BTreeMap<WorkspaceId, Anchor>) -> Result<(), StorageError> {
        let Some(path) = &self.anchors else { return Ok(()) };
        let told: BTreeMap<&WorkspaceId, Value> = anchors
            .iter()
            .map(|(workspace, anchor)| (workspace, json!({"position": anchor.position, "seal": anchor.seal})))
            .collect();
        let draft = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = std::fs::File::create(&draft).and_then(|mut file| {
            file.write_all(json!(told).to_string().as_bytes())?;
            file.sync_all()
        });
        written.and_then(|()| std::fs::rename(&draft, path)).map_err(|error| unreadable(path, &error))
    }
}

fn unreadable(path: &std::path::Path, why: &dyn std::fmt::Display) -> StorageError {
    StorageError::Corrupt { what: format!("{}: {why}", path.display()) }
}

#[async_trait]
impl Ledger for Trail {
    fn key(&self) -> &SealKey {
        &self.key
    }

    async fn workspaces(&self) -> Result<Vec<WorkspaceId>, StorageError> {
        let sql = self.sql("SELECT workspace_id FROM ledger_heads ORDER BY workspace_id");
        let mut workspaces: Vec<WorkspaceId> = Vec::new();
        for row in &self.all(sql).await? {
            workspaces.push(Row::of("ledger_heads", row).id("workspace_id")?);
        }
        // A ledger that was removed with its head is still known outside.
        workspaces.extend(self.anchors()?.into_keys());
        workspaces.sort_unstable();
        workspaces.dedup();
        Ok(workspaces)
    }

    async fn head(&self, workspace: WorkspaceId) -> Result<Head, StorageError> {
        let sql = self
            .sql("SELECT position, sealed, seal, mark FROM ledger_heads WHERE workspace_id = ")
            .bind(workspace.uuid());
        let rows = self.all(sql).await?;
        let head = rows.first().map(|row| head_of(&Row::of("ledger_heads", row))).transpose()?;
        Ok(head.unwrap_or(Head { position: 0, sealed: 0, seal: None, mark: None }))
    }

    async fn links(
        &self,
        workspace: WorkspaceId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Link>, StorageError> {
        let sql = self
            .sql(
                "SELECT id, position, entity_type, entity_id, event_type, actor_type, actor_id, CAST(changes AS TEXT) AS \
                 changes, CAST(metadata AS TEXT) AS metadata, digest, seal, trace_id, created_at FROM events WHERE \
                 workspace_id = ",
            )
            .bind(workspace.uuid())
            .text(" AND position > ")
            .bind(after)
            .text(" ORDER BY position LIMIT ")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        self.all(sql).await?.iter().map(|row| link(workspace, row)).collect()
    }

    fn anchor(&self, workspace: WorkspaceId) -> Result<Option<Anchor>, StorageError> {
        Ok(self.anchors()?.remove(&workspace))
    }

    async fn note(&self) -> Result<(), StorageError> {
        if self.anchors.is_none() {
            return Ok(());
        }
        let mut anchors = self.anchors()?;
        let before = anchors.clone();
        let sql = self.sql("SELECT workspace_id, sealed, seal FROM ledger_heads WHERE sealed > 0");
        for row in &self.all(sql).await? {
            let row = Row::of("ledger_heads", row);
            let workspace: WorkspaceId = row.id("workspace_id")?;
            let (position, seal): (i64, Option<String>) = (row.get("sealed")?, row.get("seal")?);
            let known = anchors.get(&workspace).map_or(0, |anchor| anchor.position);
            if position < known {
                // What was noted stays, so that verifying tells of it.
                tracing::error!(workspace.id = %workspace, ledger.position = position, ledger.known = known, "the ledger is shorter than it was; run `goalwright admin verify-audit`");
                continue;
            }
            anchors.extend(seal.map(|seal| (workspace, Anchor { position, seal })));
        }
        if anchors == before { Ok(()) } else { self.write(&anchors) }
    }
}

fn link(workspace_id: WorkspaceId, row: &QueryResult) -> Result<Link, StorageError> {
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
    Ok(Link {
        id: content.id,
        position: row.get("position")?,
        digest: row.text("digest")?,
        recomputed: Some(content.digest()),
        seal: row.get("seal")?,
    })
}
