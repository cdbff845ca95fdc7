//! What is known of artifacts.

use goalwright_application::Error;
use goalwright_application::ports::StorageError;
use goalwright_domain::experience::Artifact;
use goalwright_domain::workspace::WorkspaceId;
use sea_orm::{QueryResult, Value};
use uuid::Uuid;

use crate::persistence::reader::Reader;
use crate::persistence::row::Row;
use crate::persistence::sql::{insert_many, time, uuid_or_null};
use crate::persistence::unit_of_work::Unit;

const COLUMNS: [&str; 7] = ["id", "workspace_id", "digest", "media_type", "size", "span_id", "created_at"];

impl Unit {
    /// Adds an artifact unless the workspace has it; gives the one that it has.
    pub(super) async fn note_artifact(&self, artifact: &Artifact) -> Result<Artifact, StorageError> {
        let row: Vec<Value> = vec![
            artifact.id.into(),
            artifact.workspace_id.uuid().into(),
            artifact.digest.as_str().into(),
            artifact.media_type.as_str().into(),
            i64::try_from(artifact.size).unwrap_or(i64::MAX).into(),
            uuid_or_null(artifact.span_id),
            time(artifact.created_at),
        ];
        let suffix = " ON CONFLICT (workspace_id, digest) DO NOTHING";
        self.run_all(insert_many(self.dialect, "artifacts", &COLUMNS, vec![row], suffix)).await?;
        let sql = self
            .sql("SELECT * FROM artifacts WHERE workspace_id = ")
            .bind(artifact.workspace_id.uuid())
            .text(" AND digest = ")
            .bind(artifact.digest.as_str())
            .text(self.dialect.lock());
        // It was there a moment ago; somebody pruned it, so it is made anew.
        let gone = || StorageError::Contended { source: "the artifact was pruned meanwhile".into() };
        let known = self.one(sql).await?.as_ref().map(from_row).transpose()?.ok_or_else(gone)?;
        if let Some(span) = artifact.span_id.filter(|span| known.span_id != Some(*span)) {
            let row: Vec<Value> = vec![known.id.into(), span.into()];
            let columns = ["artifact_id", "span_id"];
            let suffix = " ON CONFLICT DO NOTHING";
            self.run_all(insert_many(self.dialect, "artifact_uses", &columns, vec![row], suffix)).await?;
        }
        Ok(known)
    }
}

pub(crate) async fn one(
    reader: &Reader,
    workspace: WorkspaceId,
    id: Uuid,
) -> Result<Option<Artifact>, Error> {
    let sql = reader
        .sql("SELECT * FROM artifacts WHERE workspace_id = ")
        .bind(workspace.uuid())
        .text(" AND id = ")
        .bind(id);
    Ok(reader.one(sql).await?.as_ref().map(from_row).transpose()?)
}

pub(crate) fn from_row(row: &QueryResult) -> Result<Artifact, StorageError> {
    let row = Row::of("artifacts", row);
    Ok(Artifact {
        id: row.get("id")?,
        workspace_id: row.id("workspace_id")?,
        digest: row.text("digest")?,
        media_type: row.text("media_type")?,
        size: row.get::<i64>("size")?.try_into().unwrap_or(0),
        span_id: row.get("span_id")?,
        created_at: row.time("created_at")?,
        redacted: row.get::<Option<Uuid>>("redacted_by")?.is_some(),
    })
}
