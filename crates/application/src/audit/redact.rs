//! Taking personal data out of the record: the data goes, and that it went stays.

use std::sync::Arc;

use goalwright_domain::Violation;
use goalwright_domain::experience::Experience;
use goalwright_domain::ledger::{
    EVENT_REDACTED, EventId, LEDGER_CONTINUED, LEDGER_PRUNED, REDACTED_AT_ONCE, Saying, Snapshot,
};
use goalwright_domain::workspace::{Actor, WorkspaceId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::prune::{broken, strengthened, tell_of, trusted};
use crate::Error;
use crate::context::new_id;
use crate::execution::KernelPorts;
use crate::ports::{
    Artifacts, Clock, Ids, Ledger, OnRecord, RedactableEvent, RedactionScope, Results, Transactions,
    UnitOfWork,
};
use crate::retrying::retrying;

/// The longest reason, in characters.
const REASON_LIMIT: usize = 500;

/// Redacts.
pub struct Redactor {
    transactions: Arc<dyn Transactions>,
    ledger: Arc<dyn Ledger>,
    artifacts: Arc<dyn Artifacts>,
    results: Arc<dyn Results>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

/// What is to be redacted, and why.
#[derive(Debug, Clone, Default)]
pub struct Redact {
    /// These events.
    pub events: Vec<EventId>,
    /// All that is on record of these goals, tasks, agents.
    pub entities: Vec<Uuid>,
    /// These experiences.
    pub experiences: Vec<String>,
    /// Kept for ever, for whoever asks later.
    pub reason: String,
    /// Only look.
    pub dry_run: bool,
}

/// What was redacted, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redacted {
    /// Events that lost their payload.
    pub events: usize,
    /// Experiences that lost their text.
    pub experiences: usize,
    /// Attempts that lost the message of their error and what they would have settled.
    pub attempts: usize,
    /// Calls of tools that lost parameters, result and error.
    pub tool_calls: usize,
    /// Runs of scripts that lost their command and what they wrote.
    pub script_runs: usize,
    /// Artifacts that lost their bytes.
    pub artifacts: usize,
    /// What is kept of pruned events that lost what it said of people.
    pub snapshots: usize,
    /// Files that are gone: bytes of artifacts, and result files.
    pub files: usize,
    /// Events that had lost their payload before.
    pub before: usize,
    /// The events that tell of it.
    pub told_by: Vec<EventId>,
}

impl Redacted {
    /// Whether nothing was left to redact.
    pub const fn is_nothing(&self) -> bool {
        let record = self.experiences + self.attempts + self.tool_calls + self.script_runs + self.artifacts;
        self.events + record + self.snapshots == 0
    }

    fn of(found: &OnRecord) -> Self {
        let before = found.events.iter().filter(|event| event.redacted).count();
        Self {
            events: found.events.len() - before,
            experiences: found.experiences.iter().filter(|(_, redacted)| !redacted).count(),
            attempts: found.attempts.len(),
            tool_calls: found.tool_calls.len(),
            script_runs: found.script_runs.len(),
            artifacts: found.artifacts.iter().filter(|artifact| !artifact.redacted).count(),
            snapshots: found.snapshots.iter().filter(|(one, _)| one.redacted().is_some()).count(),
            before,
            ..Self::default()
        }
    }

    fn copies(&self) -> Map<String, Value> {
        let counts = [
            ("experiences", self.experiences),
            ("attempts", self.attempts),
            ("tool_calls", self.tool_calls),
            ("script_runs", self.script_runs),
            ("artifacts", self.artifacts),
            ("snapshots", self.snapshots),
        ];
        counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(kind, count)| (kind.into(), json!(count)))
            .collect()
    }
}

impl Redactor {
    /// Over these ports.
    pub fn new(ports: &KernelPorts, results: Arc<dyn Results>) -> Self {
        let KernelPorts { transactions, ledger, artifacts, clock, ids, .. } = ports.clone();
        Self { transactions, ledger, artifacts, results, clock, ids }
    }

    /// Takes what people and tools said out of events, experiences, attempts, calls, scripts and artifacts, under events
    /// that say who did so and why, and that keep the digests. What people work with, the tasks and goals themselves, is
    /// changed or deleted by other commands, before. Doing it again finishes what a crash left, and is nothing else.
    ///
    /// # Errors
    /// `Invalid` without a reason, or for what is not there or cannot be redacted; `Conflict` while a task is worked on;
    /// what storage and the file system say.
    #[tracing::instrument(name = "audit.redact", skip_all)]
    pub async fn redact(
        &self,
        workspace: WorkspaceId,
        actor: &Actor,
        asked: &Redact,
    ) -> Result<Redacted, Error> {
        check_request(asked)?;
        let scope = RedactionScope {
            workspace_id: workspace,
            events: asked.events.clone(),
            entities: asked.entities.clone(),
            experiences: asked.experiences.clone(),
        };
        let (mut redacted, found) = retrying(|| self.in_one_unit(&scope, actor, asked)).await?;
        if !asked.dry_run {
            redacted.files = self.remove_files(workspace, &found).await?;
        }
        Ok(redacted)
    }

    async fn in_one_unit(
        &self,
        scope: &RedactionScope,
        actor: &Actor,
        asked: &Redact,
    ) -> Result<(Redacted, OnRecord), Error> {
        let unit = self.transactions.begin().await?;
        let found = unit.redactions().hold(scope).await?;
        check_found(asked, &found)?;
        let mut redacted = Redacted::of(&found);
        if asked.dry_run || redacted.is_nothing() {
            return Ok((redacted, found));
        }
        let events: Vec<RedactableEvent> =
            found.events.iter().filter(|event| !event.redacted).cloned().collect();
        let mut parts: Vec<&[RedactableEvent]> = events.chunks(REDACTED_AT_ONCE).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        for (index, part) in parts.into_iter().enumerate() {
            let copies = if index == 0 { redacted.copies() } else { Map::new() };
            let by = self.tell(unit.as_ref(), scope.workspace_id, actor, (part, copies), asked).await?;
            unit.redactions().blank_events(by, part).await?;
            if index == 0 {
                unit.redactions().blank_copies(by, &found).await?;
            }
            redacted.told_by.push(by);
        }
        self.blank_snapshots(unit.as_ref(), scope.workspace_id, actor, &found.snapshots).await?;
        unit.commit().await?;
        Ok((redacted, found))
    }

    /// Appends the event that says so.
    async fn tell(
        &self,
        unit: &dyn UnitOfWork,
        workspace_id: WorkspaceId,
        actor: &Actor,
        (part, copies): (&[RedactableEvent], Map<String, Value>),
        asked: &Redact,
    ) -> Result<EventId, Error> {
        let saying = Saying {
            id: new_id(self.ids.as_ref()),
            workspace_id,
            actor: actor.clone(),
            created_at: self.clock.now(),
            reason: asked.reason.trim().to_owned(),
        };
        let digests: Vec<_> = part.iter().map(|event| (event.id, event.digest.clone())).collect();
        let event = saying.redaction(self.ledger.keys().current(), &digests, copies);
        let by = event.id;
        unit.outbox().append(&[event]).await?;
        Ok(by)
    }

    /// What is kept of pruned events is marked, and the checkpoint knows the sum of the marks: it is told of anew.
    async fn blank_snapshots(
        &self,
        unit: &dyn UnitOfWork,
        workspace: WorkspaceId,
        actor: &Actor,
        found: &[(Snapshot, String)],
    ) -> Result<(), Error> {
        let held = unit.pruning().hold_ledger(workspace).await?;
        let concerned = found.iter().any(|(snapshot, _)| snapshot.redacted().is_some());
        let Some((mut checkpoint, _)) = held.checkpoint.clone().filter(|_| concerned) else { return Ok(()) };
        let (keys, noted) = (self.ledger.keys(), self.ledger.noted(workspace)?);
        let key = keys.current();
        checkpoint.sum = strengthened(self.ledger.as_ref(), workspace, &held, &noted).await?;
        let mut kept = Vec::with_capacity(found.len());
        // Both are marked anew: what somebody forged would be trusted from then on.
        let mut verifier = trusted(keys, workspace, &held, &noted)?;
        for (snapshot, mark) in found {
            let Some(blank) = snapshot.redacted() else { continue };
            verifier.keep(snapshot, mark).map_err(|reason| broken(&reason.to_string()))?;
            let next = key.snapshot_mark(workspace, &blank);
            checkpoint.sum.remove(mark);
            checkpoint.sum.add(&next);
            kept.push((blank, next));
        }
        unit.pruning().keep_snapshots(workspace, &kept, &[]).await?;
        let said = (new_id(self.ids.as_ref()), actor, "redaction of what was kept", self.clock.now());
        tell_of(unit, self.ledger.keys(), workspace, said, &mut checkpoint, Map::new()).await
    }

    async fn remove_files(&self, workspace: WorkspaceId, found: &OnRecord) -> Result<usize, Error> {
        let mut files = 0;
        for artifact in &found.artifacts {
            let removed = self.artifacts.remove(workspace, &artifact.digest).await;
            files += usize::from(removed.map_err(|error| Error::Internal(error.into()))?);
        }
        let executions: Vec<Experience> = found.experiences.iter().map(|(one, _)| one.clone()).collect();
        let removed = self.results.remove(workspace, &executions).await;
        Ok(files + removed.map_err(|error| Error::Internal(error.into()))?)
    }
}

fn check_request(asked: &Redact) -> Result<(), Error> {
    let mut violations = Vec::new();
    let reason = asked.reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_LIMIT {
        let message =
            format!("say in 1 to {REASON_LIMIT} characters why; it is kept for ever, so name no person");
        violations.push(Violation::new("reason", "invalid_reason", message));
    }
    if asked.events.is_empty() && asked.entities.is_empty() && asked.experiences.is_empty() {
        let message = "name an event, an entity or an experience; there is no redaction of everything";
        violations.push(Violation::new("events", "required", message));
    }
    if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
}

/// Everything that was named is there, may be redacted, and rests.
fn check_found(asked: &Redact, found: &OnRecord) -> Result<(), Error> {
    let mut violations = Vec::new();
    let mut unknown = |path: String, what: &str| {
        let message = format!("the workspace has no {what} with this id");
        violations.push(Violation::new(path, "unknown", message));
    };
    for (index, id) in asked.events.iter().enumerate() {
        if !found.events.iter().any(|event| event.id == *id) {
            unknown(format!("events[{index}]"), "event");
        }
    }
    for (index, id) in asked.entities.iter().enumerate() {
        let id = id.to_string();
        let kept = found.snapshots.iter().any(|(snapshot, _)| snapshot.entity_id == id);
        if !kept && !found.events.iter().any(|event| event.entity_id == id) {
            unknown(format!("entities[{index}]"), "goal, task or agent");
        }
    }
    for (index, id) in asked.experiences.iter().enumerate() {
        if !found.experiences.iter().any(|(one, _)| one.id == *id) {
            unknown(format!("experiences[{index}]"), "experience");
        }
    }
    let of_the_ledger = [EVENT_REDACTED, LEDGER_CONTINUED, LEDGER_PRUNED];
    for event in found.events.iter().filter(|event| of_the_ledger.contains(&event.event_type.as_str())) {
        let message =
            format!("{} is a `{}`, which tells of the ledger itself and stays", event.id, event.event_type);
        violations.push(Violation::new("events", "not_redactable", message));
    }
    if !violations.is_empty() {
        return Err(Error::invalid(violations));
    }
    if found.under_way {
        let message = "one of these tasks is being worked on; wait until it has ended, or cancel it first";
        return Err(Error::Conflict { code: "conflict", message: message.to_owned() });
    }
    Ok(())
}
