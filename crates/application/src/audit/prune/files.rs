//! Files of what was pruned.

use super::Pruner;
use crate::Error;
use crate::ports::{FileKind, PrunedFile, UnitOfWork};

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
            for file in &files {
                removed += u64::from(self.remove_file(unit.as_ref(), file).await?);
            }
            let numbers: Vec<i64> = files.iter().map(|file| file.n).collect();
            unit.pruning().forget_files(&numbers).await?;
            unit.commit().await?;
        }
    }

    /// Bytes that somebody keeps anew at this moment are put back: whoever keeps some looks whether they are there once
    /// the row is, so that one of the two always sees the other.
    async fn remove_file(
        &self,
        unit: &dyn UnitOfWork,
        PrunedFile { workspace_id, kind, name, .. }: &PrunedFile,
    ) -> Result<bool, Error> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| Error::Internal(error);
        if *kind == FileKind::Result {
            let names = std::slice::from_ref(name);
            let removed = self.results.remove_named(*workspace_id, names).await;
            return Ok(removed.map_err(|error| failed(error.into()))? > 0);
        }
        if !unit.pruning().has_artifact(*workspace_id, name).await? {
            self.artifacts.put_aside(*workspace_id, name).await.map_err(|error| failed(error.into()))?;
        }
        if unit.pruning().has_artifact(*workspace_id, name).await? {
            // Also what somebody put aside who ended before it was put back.
            self.artifacts.put_back(*workspace_id, name).await.map_err(|error| failed(error.into()))?;
            return Ok(false);
        }
        self.artifacts.drop_aside(*workspace_id, name).await.map_err(|error| failed(error.into()))
    }
}
