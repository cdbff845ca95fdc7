//! Experiences.

pub(crate) mod artifact;
pub(crate) mod executions;
mod follow;
pub(crate) mod queries;
pub(crate) mod records;

use std::collections::HashMap;

use async_trait::async_trait;
use goalwright_application::Error;
use goalwright_application::ports::{ExperienceRepository, StorageError};
use goalwright_domain::Timestamp;
use goalwright_domain::experience::{Artifact, Experience, ExperienceType};
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::{QueryResult, Value};
use serde_json::json;

use super::connect::Database;
use super::row::Row;
use super::sql::{batches, insert_many, time};
use super::unit_of_work::Unit;

const COLUMNS: [&str; 11] = [
    "id",
    "workspace_id",
    "type",
    "content",
    "provenance",
    "parents",
    "causes",
    "session_id",
    "created_at",
    "ts",
    "meta",
];

fn to_row(experience: &Experience) -> Vec<Value> {
    vec![
        experience.id.as_str().into(),
        experience.workspace_id.uuid().into(),
        experience.kind.as_str().into(),
        experience.content.to_string().into(),
        experience.provenance.to_string().into(),
        json!(experience.parents).to_string().into(),
        json!(experience.causes).to_string().into(),
        experience.session_id.as_str().into(),
        time(experience.created_at),
        experience.ts.into(),
        experience.meta.to_string().into(),
    ]
}

pub(crate) fn from_row(row: &QueryResult) -> Result<Experience, StorageError> {
    let row = Row::of("experiences", row);
    Ok(Experience {
        id: row.text("id")?,
        kind: row.word("type", ExperienceType::parse)?,
        content: row.get("content")?,
        provenance: row.get("provenance")?,
        parents: row.json("parents")?,
        causes: row.json("causes")?,
        session_id: row.text("session_id")?,
        created_at: row.time("created_at")?,
        ts: row.get("ts")?,
        meta: row.get("meta")?,
        workspace_id: row.id("workspace_id")?,
    })
}

/// The key under which an experience is appended once; those without one are always new.
fn key_of(experience: &Experience) -> Option<&str> {
    experience.content["structured"]["idempotency_key"].as_str()
}

#[async_trait]
impl ExperienceRepository for Unit {
    async fn append(&self, experiences: &[Experience]) -> Result<Vec<String>, StorageError> {
        let rows = experiences.iter().map(to_row).collect();
        let suffix = " ON CONFLICT (idempotency_key) DO NOTHING";
        let written = self.run_all(insert_many(self.dialect, "experiences", &COLUMNS, rows, suffix)).await?;
        if usize::try_from(written).unwrap_or(0) == experiences.len() {
            return Ok(experiences.iter().map(|experience| experience.id.clone()).collect());
        }
        let keys: Vec<&str> = experiences.iter().filter_map(key_of).collect();
        let mut known: HashMap<String, String> = HashMap::new();
        for batch in batches(&keys) {
            let sql = self
                .sql("SELECT idempotency_key, id FROM experiences WHERE idempotency_key")
                .one_of_words(batch.iter().copied());
            for row in &self.all(sql).await? {
                let row = Row::of("experiences", row);
                known.insert(row.text("idempotency_key")?, row.text("id")?);
            }
        }
        let id_of = |experience: &Experience| {
            key_of(experience)
                .and_then(|key| known.get(key).cloned())
                .unwrap_or_else(|| experience.id.clone())
        };
        Ok(experiences.iter().map(id_of).collect())
    }

    async fn follow(&self, most: usize) -> Result<usize, StorageError> {
        self.read_experiences(most).await
    }

    async fn set_aside(
        &self,
        experience: &str,
        error: &str,
        now: Timestamp,
    ) -> Result<Option<WorkspaceId>, StorageError> {
        self.put_aside(experience, error, now).await
    }

    async fn keep_artifact(&self, artifact: &Artifact) -> Result<Artifact, StorageError> {
        self.note_artifact(artifact).await
    }

    async fn forget_derived(&self) -> Result<(), StorageError> {
        self.unread_all().await
    }
}

/// What a stretch of a ledger tells of.
#[derive(Debug)]
pub struct Followed {
    /// The position of its last event.
    pub last: i64,
    /// The records of the executions in it; one may be told of by several stretches.
    pub executions: Vec<Experience>,
}

impl Database {
    /// Every workspace that has events, with the position of its last one.
    ///
    /// # Errors
    /// What storage says.
    pub async fn ends_of_ledgers(&self) -> Result<Vec<(WorkspaceId, i64)>, Error> {
        queries::ends_of_ledgers(self.reader()).await
    }

    /// The executions that up to so many events behind a position tell of; none if no event is there.
    ///
    /// # Errors
    /// What storage says.
    pub async fn executions_behind(
        &self,
        workspace: WorkspaceId,
        position: i64,
        events: u64,
    ) -> Result<Option<Followed>, Error> {
        queries::executions_behind(self.reader(), workspace, position, events).await
    }
}
