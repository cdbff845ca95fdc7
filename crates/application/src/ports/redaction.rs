//! Taking personal data out of the record.

use async_trait::async_trait;
use goalwright_domain::execution::{ExecutionError, SpanId};
use goalwright_domain::experience::{Artifact, Experience};
use goalwright_domain::ledger::{EventId, Snapshot};
use goalwright_domain::workspace::WorkspaceId;
use serde_json::Value;
use uuid::Uuid;

use super::StorageError;

/// What a redaction is about, in one workspace.
#[derive(Debug, Clone)]
pub struct RedactionScope {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// These events.
    pub events: Vec<EventId>,
    /// All that is on record of these goals, tasks, agents.
    pub entities: Vec<Uuid>,
    /// These experiences.
    pub experiences: Vec<String>,
}

/// An event that may lose its payload.
#[derive(Debug, Clone)]
pub struct RedactableEvent {
    /// Its id.
    pub id: EventId,
    /// What it tells of.
    pub entity_id: String,
    /// Its type.
    pub event_type: String,
    /// The digest of what it was.
    pub digest: String,
    /// What it tells, or what is left of it.
    pub changes: Value,
    /// Whether it lost its payload before.
    pub redacted: bool,
}

/// All that is on record, as a unit sees and holds it.
#[derive(Debug, Clone, Default)]
pub struct OnRecord {
    /// Events, by position.
    pub events: Vec<RedactableEvent>,
    /// Experiences, with whether they were redacted before.
    pub experiences: Vec<(Experience, bool)>,
    /// Ended attempts with their errors.
    pub attempts: Vec<(SpanId, Option<ExecutionError>)>,
    /// Calls of tools.
    pub tool_calls: Vec<Uuid>,
    /// Runs of scripts.
    pub script_runs: Vec<Uuid>,
    /// Artifacts, also those that were redacted before.
    pub artifacts: Vec<Artifact>,
    /// What is kept of pruned events, with its mark, also what was redacted before.
    pub snapshots: Vec<(Snapshot, String)>,
    /// Whether an attempt has not ended.
    pub under_way: bool,
}

/// Takes payloads out of what never changes otherwise.
///
/// Obligations of an implementation: nothing loses its payload unless the event that says so was appended in the same unit;
/// what an experience is found by changes with it.
#[async_trait]
pub trait RedactionRepository: Send + Sync {
    /// Holds the ledger until the unit ends, and gives all that is on record.
    async fn hold(&self, scope: &RedactionScope) -> Result<OnRecord, StorageError>;
    /// Blanks these events under the event `by`.
    async fn blank_events(&self, by: EventId, events: &[RedactableEvent]) -> Result<(), StorageError>;
    /// Blanks everything else under the event `by`.
    async fn blank_copies(&self, by: EventId, found: &OnRecord) -> Result<(), StorageError>;
}

/// Why a file could not be removed, in a sentence that names it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ResultsError(pub String);

/// The files that copy executions.
#[async_trait]
pub trait Results: Send + Sync {
    /// Removes the files of these executions, under whatever name of their task; gives how many there were.
    async fn remove(&self, workspace: WorkspaceId, executions: &[Experience]) -> Result<usize, ResultsError>;
    /// Where an execution's file is, as far as its record says; none of what is no execution.
    fn place(&self, execution: &Experience) -> Option<String>;
    /// Removes the files that are at these places; gives how many there were. The folder is looked through at most once,
    /// and only for those whose record did not say where they are.
    async fn remove_placed(&self, workspace: WorkspaceId, places: &[String]) -> Result<usize, ResultsError>;
    /// Up to which position of the ledger files are written; none if nobody writes any.
    async fn reached(&self, workspace: WorkspaceId) -> Result<Option<i64>, ResultsError>;
}
