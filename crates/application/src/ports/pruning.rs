//! Letting go of what was kept long enough.

use async_trait::async_trait;
use goalwright_domain::Timestamp;
use goalwright_domain::execution::RunId;
use goalwright_domain::experience::Experience;
use goalwright_domain::ledger::{Checkpoint, EventId, Head, Link, Snapshot, Telling};
use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::WorkspaceId;
use uuid::Uuid;

use super::StorageError;

type Stored<T> = Result<T, StorageError>;

/// The ledger of a workspace, held until the unit ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLedger {
    /// Where it ends.
    pub head: Head,
    /// What stands for events that were pruned before, with its mark.
    pub checkpoint: Option<(Checkpoint, String)>,
}

/// An event that is old enough to go.
#[derive(Debug, Clone, PartialEq)]
pub struct Aged {
    /// As the chain sees it.
    pub link: Link,
    /// What kind of thing it tells of.
    pub entity_type: String,
    /// What it tells.
    pub telling: Telling,
}

/// Where looking through the record goes on: behind this experience.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordCursor {
    /// When it was, in seconds.
    pub ts: f64,
    /// Its id.
    pub id: String,
}

/// Where looking through the runs that never had an attempt goes on: behind this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunCursor {
    /// When it ended.
    pub updated_at: Timestamp,
    /// Its id.
    pub id: RunId,
}

/// A run that may go with everything that is on record of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RipeRun {
    /// The run.
    pub id: RunId,
    /// Its task.
    pub task_id: TaskId,
    /// The moment that makes it this run of its task.
    pub scheduled_at: Option<Timestamp>,
    /// Whether its task is still there, and could be run for that moment again.
    pub task_is_there: bool,
}

/// What of the record may go together.
#[derive(Debug, Clone, Default)]
pub struct Ripe {
    /// Experiences, those of the runs among them.
    pub experiences: Vec<Experience>,
    /// Runs.
    pub runs: Vec<RipeRun>,
    /// Their attempts.
    pub spans: Vec<Uuid>,
    /// What depends on these attempts.
    pub counts: Dependent,
    /// How many stay because somebody has not read them yet.
    pub unread: u64,
    /// Where to go on; none at the end.
    pub next: Option<RecordCursor>,
}

/// What depends on attempts and goes with them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dependent {
    /// Calls of tools.
    pub tool_calls: u64,
    /// Runs of scripts.
    pub script_runs: u64,
    /// Artifacts that nothing else refers to.
    pub artifacts: u64,
}

/// How far words that were removed are out of the index that experiences are found by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Words {
    /// Some may be left, also of what another process removed.
    #[default]
    Left,
    /// Parts of the index are being merged without them.
    Merging,
    /// None is left.
    Forgotten,
}

/// A file to be removed once what it belonged to is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunedFile {
    /// Its number.
    pub n: i64,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// What it is.
    pub kind: FileKind,
    /// The digest of an artifact, the place of a result file.
    pub name: String,
}

/// What files there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// The bytes of an artifact.
    Artifact,
    /// A copy of an execution.
    Result,
}

impl FileKind {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Artifact => "artifact",
            Self::Result => "result",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Artifact, Self::Result].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Prunes ledgers and the record.
///
/// Obligations of an implementation: nothing goes but under a checkpoint that was written in the same unit or before; what
/// somebody follows and has not read yet is not ripe, nor is what an open task, a run that is under way, or a goal that is
/// worked on or may be has on record.
#[async_trait]
pub trait PruningRepository: Send + Sync {
    /// Holds the ledger until the unit ends, with everything placed and sealed.
    async fn hold_ledger(&self, workspace: WorkspaceId) -> Stored<HeldLedger>;
    /// The next sealed events behind a position, up to the first that was not before `before` and not beyond `last`.
    async fn aged(
        &self,
        workspace: WorkspaceId,
        after: i64,
        last: i64,
        before: Timestamp,
        most: usize,
    ) -> Stored<Vec<Aged>>;
    /// When the first event behind a position was; none if there is none.
    async fn moment_behind(&self, workspace: WorkspaceId, position: i64) -> Stored<Option<Timestamp>>;
    /// These events as the chain sees them, as far as they are there.
    async fn links(&self, workspace: WorkspaceId, events: &[EventId]) -> Stored<Vec<Link>>;
    /// What is kept of these entities (type, id) at the checkpoint, with its mark.
    async fn snapshots(
        &self,
        workspace: WorkspaceId,
        of: &[(String, String)],
    ) -> Stored<Vec<(Snapshot, String)>>;
    /// Writes the snapshots with their marks, and removes those of `gone` (type, id).
    async fn keep_snapshots(
        &self,
        workspace: WorkspaceId,
        kept: &[(Snapshot, String)],
        gone: &[(String, String)],
    ) -> Stored<()>;
    /// Writes the checkpoint, of which an event of this unit tells.
    async fn set_checkpoint(&self, workspace: WorkspaceId, checkpoint: &Checkpoint, mark: &str)
    -> Stored<()>;
    /// Removes the events up to the checkpoint's position; gives how many.
    async fn remove_events(&self, workspace: WorkspaceId, position: i64) -> Stored<u64>;
    /// What of the record ended before `before` and may go, locked; looks at so many experiences behind the cursor. What
    /// one of these hooks has not looked at stays.
    async fn ripe(
        &self,
        workspace: WorkspaceId,
        before: Timestamp,
        looked_at: (Option<&RecordCursor>, usize),
        hooks: &[String],
    ) -> Stored<Ripe>;
    /// Runs that never had an attempt, ended before `before` and may go, locked; looks at so many behind the cursor. With
    /// where to go on; none at the end.
    async fn never_begun(
        &self,
        workspace: WorkspaceId,
        before: Timestamp,
        looked_at: (Option<RunCursor>, usize),
    ) -> Stored<(Vec<RipeRun>, Option<RunCursor>)>;
    /// Has nothing left in the index of what was removed from it: one step of it, which does not grow with the index,
    /// from where the last one came to. Gives where this one did.
    async fn forget_words(&self, words: Words) -> Stored<Words>;
    /// Removes it, with what depends on it and is derived from it, and notes the files that are to go: those of artifacts
    /// that nothing refers to any more, and `results`. Gives what depended on it.
    async fn remove_record(
        &self,
        workspace: WorkspaceId,
        before: Timestamp,
        ripe: &Ripe,
        results: &[String],
    ) -> Stored<Dependent>;
    /// Files that are to be removed and that no other unit holds, held until the unit ends.
    async fn files(&self, most: usize) -> Stored<Vec<PrunedFile>>;
    /// Whether the workspace has an artifact with this digest by now.
    async fn has_artifact(&self, workspace: WorkspaceId, digest: &str) -> Stored<bool>;
    /// These files are gone, or needed again.
    async fn forget_files(&self, numbers: &[i64]) -> Stored<()>;
    /// Whether a run of this task for this moment was pruned.
    async fn was_pruned(&self, task: TaskId, scheduled_at: Timestamp) -> Stored<bool>;
}
