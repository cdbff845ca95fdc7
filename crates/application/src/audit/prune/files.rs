//! Files of what was pruned.

use goalwright_domain::workspace::WorkspaceId;

use super::Pruner;
use crate::Error;
use crate::ports::{FileKind, PrunedFile};

/// So many files are removed between two units.
const FILES: usize = 500;

impl Pruner {
    /// Removes the files that are noted, also those that a crash left.
    pub(super) async fn remove_files(&self) -> Result<u64, Error> {
        let mut removed = 0;
        loop {
            let unit = self.transactions.begin().await?;
            let files = unit.pruning().files(FILES).await?;
            drop(unit);
            if files.is_empty() {
                return Ok(removed);
            }
            for file in &files {
                removed += u64::from(self.remove_file(file).await?);
            }
            let unit = self.transactions.begin().await?;
            let numbers: Vec<i64> = files.iter().map(|file| file.n).collect();
            unit.pruning().forget_files(&numbers).await?;
            unit.commit().await?;
        }
    }

    /// Bytes that somebody keeps anew at this moment are put back: whoever keeps some looks whether they are there once
    /// the row is, so that one of the two always sees the other.
    async fn remove_file(
        &self,
        PrunedFile { workspace_id, kind, name, .. }: &PrunedFile,
    ) -> Result<bool, Error> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| Error::Internal(error);
        if *kind == FileKind::Result {
            let names = std::slice::from_ref(name);
            let removed = self.results.remove_named(*workspace_id, names).await;
            return Ok(removed.map_err(|error| failed(error.into()))? > 0);
        }
        if self.is_kept(*workspace_id, name).await? {
            return Ok(false);
        }
        self.artifacts.put_aside(*workspace_id, name).await.map_err(|error| failed(error.into()))?;
        if self.is_kept(*workspace_id, name).await? {
            self.artifacts.put_back(*workspace_id, name).await.map_err(|error| failed(error.into()))?;
            return Ok(false);
        }
        self.artifacts.drop_aside(*workspace_id, name).await.map_err(|error| failed(error.into()))
    }

    async fn is_kept(&self, workspace: WorkspaceId, digest: &str) -> Result<bool, Error> {
        let unit = self.transactions.begin().await?;
        Ok(unit.pruning().has_artifact(workspace, digest).await?)
    }
}
