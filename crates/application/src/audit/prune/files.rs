//! Files of what was pruned.

use std::collections::BTreeMap;

use goalwright_domain::workspace::WorkspaceId;

use super::{Pruner, count};
use crate::Error;
use crate::ports::{ArtifactError, FileKind, PrunedFile, UnitOfWork};

/// So many files are removed in one unit, which keeps others from writing on SQLite.
const FILES: usize = 100;

impl Pruner {
    /// Removes the files that are noted, also those that a crash left. Each is held by one that prunes at a time: two would
    /// put aside and drop each other's bytes.
    pub(super) async fn remove_files(&self) -> Result<u64, Error> {
        let mut removed = 0;
        loop {
            let unit = self.transactions.begin().await?;
            let files = unit.pruning().files(FILES).await?;
            if files.is_empty() {
                return Ok(removed);
            }
            removed += self.remove_results(&files).await?;
            for file in files.iter().filter(|file| file.kind == FileKind::Artifact) {
                removed += u64::from(self.remove_artifact(unit.as_ref(), file).await?);
            }
            let numbers: Vec<i64> = files.iter().map(|file| file.n).collect();
            unit.pruning().forget_files(&numbers).await?;
            unit.commit().await?;
        }
    }

    /// Those of a workspace at once, so that its folder is looked through once if at all.
    async fn remove_results(&self, files: &[PrunedFile]) -> Result<u64, Error> {
        let mut places: BTreeMap<WorkspaceId, Vec<String>> = BTreeMap::new();
        for file in files.iter().filter(|file| file.kind == FileKind::Result) {
            places.entry(file.workspace_id).or_default().push(file.name.clone());
        }
        let mut removed = 0;
        for (workspace, places) in places {
            let gone = self.results.remove_placed(workspace, &places).await;
            removed += count(gone.map_err(|error| Error::Internal(error.into()))?);
        }
        Ok(removed)
    }

    /// Bytes that somebody keeps anew at this moment are put back: whoever keeps some looks whether they are there once
    /// the row is, so that one of the two always sees the other.
    async fn remove_artifact(
        &self,
        unit: &dyn UnitOfWork,
        PrunedFile { workspace_id, name, .. }: &PrunedFile,
    ) -> Result<bool, Error> {
        let failed = |error: ArtifactError| Error::Internal(error.into());
        if !unit.pruning().has_artifact(*workspace_id, name).await? {
            self.artifacts.put_aside(*workspace_id, name).await.map_err(failed)?;
        }
        if unit.pruning().has_artifact(*workspace_id, name).await? {
            // Also what somebody put aside who ended before it was put back.
            self.artifacts.put_back(*workspace_id, name).await.map_err(failed)?;
            return Ok(false);
        }
        self.artifacts.drop_aside(*workspace_id, name).await.map_err(failed)
    }
}
