//! The bytes of artifacts, as files under their digest.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use goalwright_application::ports::{ArtifactError, Artifacts};
use goalwright_domain::workspace::WorkspaceId;

/// A folder per workspace in the data directory.
#[derive(Debug, Clone)]
pub struct ArtifactFiles {
    data_dir: PathBuf,
}

/// Sets names of files apart that are being written by this process.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

impl ArtifactFiles {
    /// Below this data directory.
    pub const fn new(data_dir: PathBuf) -> Self {
        Self { data_dir }
    }

    /// `…/artifacts/ab/cdef…`; `None` for what is no digest.
    fn path(&self, workspace: WorkspaceId, digest: &str) -> Option<PathBuf> {
        let hex = digest.strip_prefix("sha256:")?;
        let is_digest = hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let folder = self.data_dir.join("workspaces").join(workspace.to_string()).join("artifacts");
        is_digest.then(|| folder.join(&hex[..2]).join(&hex[2..]))
    }
}

#[async_trait]
impl Artifacts for ArtifactFiles {
    async fn keep(&self, workspace: WorkspaceId, digest: &str, bytes: &[u8]) -> Result<(), ArtifactError> {
        let path = self.path(workspace, digest).ok_or_else(|| no_digest(digest))?;
        let bytes = bytes.to_vec();
        blocking(path, move |path| write(path, &bytes)).await
    }

    async fn read(&self, workspace: WorkspaceId, digest: &str) -> Result<Option<Vec<u8>>, ArtifactError> {
        let path = self.path(workspace, digest).ok_or_else(|| no_digest(digest))?;
        blocking(path, |path| match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn put_aside(&self, workspace: WorkspaceId, digest: &str) -> Result<(), ArtifactError> {
        let path = self.path(workspace, digest).ok_or_else(|| no_digest(digest))?;
        blocking(path, |path| unless_gone(fs::rename(path, aside(path))).map(|_| ())).await
    }

    async fn put_back(&self, workspace: WorkspaceId, digest: &str) -> Result<(), ArtifactError> {
        let path = self.path(workspace, digest).ok_or_else(|| no_digest(digest))?;
        // The same bytes under the same name: it does not matter whose they are.
        blocking(path, |path| unless_gone(fs::rename(aside(path), path)).map(|_| ())).await
    }

    async fn drop_aside(&self, workspace: WorkspaceId, digest: &str) -> Result<bool, ArtifactError> {
        let path = self.path(workspace, digest).ok_or_else(|| no_digest(digest))?;
        blocking(path, |path| unless_gone(fs::remove_file(aside(path)))).await
    }

    async fn remove(&self, workspace: WorkspaceId, digest: &str) -> Result<bool, ArtifactError> {
        let path = self.path(workspace, digest).ok_or_else(|| no_digest(digest))?;
        blocking(path, |path| unless_gone(fs::remove_file(path))).await
    }
}

/// Where bytes are put aside.
fn aside(path: &Path) -> PathBuf {
    path.with_extension("aside")
}

/// Whether there was something to be done.
fn unless_gone(done: io::Result<()>) -> io::Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn no_digest(text: &str) -> ArtifactError {
    ArtifactError(format!("`{text}` is no digest of an artifact"))
}

async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&PathBuf) -> io::Result<T> + Send + 'static,
) -> Result<T, ArtifactError> {
    let failed = |path: &PathBuf, error: &dyn std::fmt::Display| {
        ArtifactError(format!("the file `{}` of an artifact cannot be used: {error}", path.display()))
    };
    let place = path.clone();
    match tokio::task::spawn_blocking(move || work(&path)).await {
        Ok(done) => done.map_err(|error| failed(&place, &error)),
        Err(error) => Err(failed(&place, &error)),
    }
}

/// Under its name only once all of it is on the disk.
fn write(path: &PathBuf, bytes: &[u8]) -> io::Result<()> {
    if path.is_file() {
        return Ok(());
    }
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let half = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
    let written = (|| {
        let mut file = File::create(&half)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&half, path)?;
        File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        // What is left of it is found by nobody; it only takes room.
        let _ = fs::remove_file(&half);
    }
    written
}

#[cfg(test)]
mod tests {
    use goalwright_domain::canonical::sha256_hex;
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn bytes_are_kept_once_and_for_their_workspace_only() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let files = ArtifactFiles::new(folder.path().to_owned());
        let (hers, his) = (WorkspaceId::new(Uuid::from_u128(1)), WorkspaceId::new(Uuid::from_u128(2)));
        let digest = format!("sha256:{}", sha256_hex(b"kept"));
        for _ in 0..2 {
            files.keep(hers, &digest, b"kept").await.expect("kept");
        }
        assert_eq!(files.read(hers, &digest).await, Ok(Some(b"kept".to_vec())));
        assert_eq!(files.read(his, &digest).await, Ok(None));
        let place = files.path(hers, &digest).expect("a path");
        let beside: Vec<_> = fs::read_dir(place.parent().expect("a folder")).expect("reads").collect();
        assert_eq!(beside.len(), 1, "nothing half written is left");
        for wrong in
            ["", "sha256:", "sha256:../../../etc/passwd", &digest.to_uppercase(), &format!("{digest}0")]
        {
            files.read(hers, wrong).await.expect_err(wrong);
            files.keep(hers, wrong, b"").await.expect_err(wrong);
            files.remove(hers, wrong).await.expect_err(wrong);
        }
        files.put_aside(hers, &digest).await.expect("aside");
        assert_eq!(files.read(hers, &digest).await, Ok(None));
        files.put_back(hers, &digest).await.expect("back");
        assert_eq!(files.read(hers, &digest).await, Ok(Some(b"kept".to_vec())));
        assert_eq!(files.drop_aside(hers, &digest).await, Ok(false), "nothing is aside any more");
        assert_eq!(files.remove(hers, &digest).await, Ok(true));
        assert_eq!(files.remove(hers, &digest).await, Ok(false));
        assert_eq!(files.read(hers, &digest).await, Ok(None));
    }
}
