//! The folders that file tools may touch.

use std::path::PathBuf;

use goalwright_domain::workspace::WorkspaceId;

/// Knows the folder of a workspace.
pub trait Sandboxes: Send + Sync {
    /// The folder that work of this workspace may touch, made if it is missing. `stored` is the folder that was
    /// stored with the goal, if there was one.
    ///
    /// # Errors
    /// A sentence that says which folder cannot be used, and why.
    fn folder(&self, workspace: WorkspaceId, stored: Option<&str>) -> Result<PathBuf, String>;
}
