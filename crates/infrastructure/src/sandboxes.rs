//! The folders that file tools may touch.

use std::path::PathBuf;

use goalwright_application::ports::Sandboxes;
use goalwright_domain::workspace::WorkspaceId;

/// A folder per workspace in the data directory, unless a goal brings its own.
#[derive(Debug, Clone)]
pub struct Folders {
    data_dir: PathBuf,
}

impl Folders {
    /// Below this data directory.
    pub const fn new(data_dir: PathBuf) -> Self {
        Self { data_dir }
    }
}

impl Sandboxes for Folders {
    fn folder(&self, workspace: WorkspaceId, stored: Option<&str>) -> Result<PathBuf, String> {
        if let Some(stored) = stored {
            let folder = PathBuf::from(stored);
            // Not made again: a folder that is gone would silently become an empty one.
            return if folder.is_dir() {
                Ok(folder)
            } else {
                Err(format!("the folder `{stored}` in which this goal works is not there any more"))
            };
        }
        let folder = self.data_dir.join("workspaces").join(workspace.to_string()).join("files");
        std::fs::create_dir_all(&folder)
            .map(|()| folder.clone())
            .map_err(|error| format!("the folder `{}` cannot be made: {error}", folder.display()))
    }
}
