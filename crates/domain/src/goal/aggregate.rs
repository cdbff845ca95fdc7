//! The goal itself.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DEFAULT_QUEUE, GoalId, TaskCounts};
use crate::ledger::Fact;
use crate::task::{DESCRIPTION_LIMIT, Refusal, TITLE_LIMIT};
use crate::workspace::{UserId, WorkspaceId};
use crate::{Rejection, Timestamp, Violation};

/// Where a goal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoalStatus {
    /// Not yet to be worked on.
    Draft,
    /// Its tasks are worked on.
    Active,
    /// Every task that counts is completed.
    Achieved,
    /// Given up.
    Abandoned,
}

impl GoalStatus {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Achieved => "achieved",
            Self::Abandoned => "abandoned",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Active, Self::Achieved, Self::Abandoned]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// Where a goal's work is done, and which file it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The queue its runs go to: work made by `goalwright run` is claimed only by `goalwright run`.
    pub queue: String,
    /// The folder that file tools may touch; none means the workspace's folder in the data directory.
    pub sandbox: Option<String>,
    /// The full path of the plan file.
    pub source_path: Option<String>,
    /// `sha256:` of the plan file's content.
    pub source_digest: Option<String>,
}

impl Default for Origin {
    fn default() -> Self {
        Self { queue: DEFAULT_QUEUE.to_owned(), sandbox: None, source_path: None, source_digest: None }
    }
}

/// Everything a goal is, as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalState {
    /// Its id.
    pub id: GoalId,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// What is to be achieved.
    pub title: String,
    /// Details, Markdown.
    pub description: String,
    /// How people will know.
    pub success_criteria: Vec<String>,
    /// Until when.
    pub due_at: Option<Timestamp>,
    /// Where it stands.
    pub status: GoalStatus,
    /// Where its work is done.
    #[serde(flatten)]
    pub origin: Origin,
    /// Who stated it.
    pub created_by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What somebody asks for when stating a goal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DraftGoal {
    /// See [`GoalState::title`].
    pub title: String,
    /// See [`GoalState::description`].
    pub description: String,
    /// See [`GoalState::success_criteria`].
    pub success_criteria: Vec<String>,
    /// See [`GoalState::due_at`].
    pub due_at: Option<Timestamp>,
    /// See [`Origin`].
    pub origin: Origin,
}

/// What somebody wants changed of a goal; what is none stays as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GoalEdit {
    /// See [`GoalState::title`].
    pub title: Option<String>,
    /// See [`GoalState::description`].
    pub description: Option<String>,
    /// See [`GoalState::success_criteria`].
    pub success_criteria: Option<Vec<String>>,
    /// See [`GoalState::due_at`]; none inside takes it away.
    pub due_at: Option<Option<Timestamp>>,
    /// See [`GoalState::status`].
    pub status: Option<GoalStatus>,
}

/// A goal with the facts its commands left.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    state: GoalState,
    revision: i64,
    updated_at: Timestamp,
    facts: Vec<Fact>,
}

impl Goal {
    /// States an active goal.
    ///
    /// # Errors
    /// Every violation at once.
    pub fn create(
        id: GoalId,
        workspace_id: WorkspaceId,
        created_by: UserId,
        draft: DraftGoal,
        now: Timestamp,
    ) -> Result<Self, Vec<Violation>> {
        let violations = check(&draft);
        if !violations.is_empty() {
            return Err(violations);
        }
        let state = GoalState {
            id,
            workspace_id,
            title: draft.title.trim().to_owned(),
            description: draft.description,
            success_criteria: draft.success_criteria,
            due_at: draft.due_at,
            status: GoalStatus::Active,
            origin: draft.origin,
            created_by,
            created_at: now,
        };
        let facts = vec![Fact::created("goal", "goal.created", id, &state)];
        Ok(Self { state, revision: 1, updated_at: now, facts })
    }

    /// Trusts storage.
    pub fn rehydrate(state: GoalState, revision: i64, updated_at: Timestamp) -> Self {
        Self { state, revision, updated_at, facts: Vec::new() }
    }

    /// All fields.
    pub const fn state(&self) -> &GoalState {
        &self.state
    }

    /// Its id.
    pub const fn id(&self) -> GoalId {
        self.state.id
    }

    /// The number of its events.
    pub const fn revision(&self) -> i64 {
        self.revision
    }

    /// When it last changed.
    pub const fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    /// The facts since it was loaded; they are taken out.
    pub fn take_facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }

    /// Whether its tasks may be worked on.
    pub const fn is_workable(&self) -> bool {
        matches!(self.state.status, GoalStatus::Active | GoalStatus::Achieved)
    }

    /// Changes its words, its date, and whether it is worked on. What is the same already changes nothing, and leaves no
    /// fact.
    ///
    /// # Errors
    /// Every violation at once; `invalid_transition` for what cannot be decided: a goal is achieved by its tasks, and only
    /// a new task makes it active again.
    pub fn edit(&mut self, edit: GoalEdit, now: Timestamp) -> Result<(), Refusal> {
        let state = &self.state;
        let draft = DraftGoal {
            title: edit.title.unwrap_or_else(|| state.title.clone()),
            description: edit.description.unwrap_or_else(|| state.description.clone()),
            success_criteria: edit.success_criteria.unwrap_or_else(|| state.success_criteria.clone()),
            due_at: edit.due_at.unwrap_or(state.due_at),
            origin: state.origin.clone(),
        };
        let mut violations = check(&draft);
        let status = edit.status.unwrap_or(state.status);
        if status == GoalStatus::Achieved && state.status != GoalStatus::Achieved {
            let message =
                "a goal is achieved when its tasks are completed; complete them, or skip what is not needed";
            violations.push(Violation::new("status", "computed", message));
        }
        if !violations.is_empty() {
            return Err(violations.into());
        }
        if state.status == GoalStatus::Achieved && status != GoalStatus::Achieved {
            let message = "the goal is achieved; a new task makes it active again";
            return Err(Rejection::new("invalid_transition", message).into());
        }
        let event = match (status == state.status, status) {
            (true, _) | (_, GoalStatus::Achieved) => "goal.updated",
            (_, GoalStatus::Draft) => "goal.drafted",
            (_, GoalStatus::Active) => "goal.activated",
            (_, GoalStatus::Abandoned) => "goal.abandoned",
        };
        let edited = GoalState {
            status,
            title: draft.title.trim().to_owned(),
            description: draft.description,
            success_criteria: draft.success_criteria,
            due_at: draft.due_at,
            ..state.clone()
        };
        if edited != self.state {
            self.become_state(event, edited, now);
        }
        Ok(())
    }

    /// Its plan file was read again, and says this by now.
    pub fn reread(&mut self, source_digest: String, now: Timestamp) {
        let origin = Origin { source_digest: Some(source_digest), ..self.state.origin.clone() };
        if origin != self.state.origin {
            self.become_state("goal.updated", GoalState { origin, ..self.state.clone() }, now);
        }
    }

    /// It is to be no more: the last fact, with everything it was.
    pub fn delete(&mut self, now: Timestamp) {
        self.revision += 1;
        self.updated_at = now;
        self.facts.push(Fact::deleted("goal", "goal.deleted", self.state.id, &self.state));
    }

    /// Draws the consequence of its tasks' counters: achieved once all that count are completed, active again
    /// once that is no longer so.
    pub fn take_stock(&mut self, counts: &TaskCounts, now: Timestamp) {
        match (self.state.status, counts.is_achieved()) {
            (GoalStatus::Active, true) => self.turn("goal.achieved", GoalStatus::Achieved, now),
            (GoalStatus::Achieved, false) => self.turn("goal.reopened", GoalStatus::Active, now),
            (GoalStatus::Active, false)
            | (GoalStatus::Achieved, true)
            | (GoalStatus::Draft | GoalStatus::Abandoned, _) => {}
        }
    }

    /// A planner wrote, or only showed, a breakdown: `changes` counts it, `metadata` tells what it cost.
    pub fn decomposed(&mut self, tasks: usize, dependencies: usize, metadata: Value, now: Timestamp) {
        self.note(
            "goal.decomposed",
            json!({"tasks_created": tasks, "dependencies_created": dependencies}),
            metadata,
            now,
        );
    }

    /// A planner failed.
    pub fn decomposition_failed(&mut self, metadata: Value, now: Timestamp) {
        self.note("goal.decomposition_failed", json!({}), metadata, now);
    }

    fn turn(&mut self, event: &'static str, status: GoalStatus, now: Timestamp) {
        self.become_state(event, GoalState { status, ..self.state.clone() }, now);
    }

    fn become_state(&mut self, event: &'static str, state: GoalState, now: Timestamp) {
        let before = std::mem::replace(&mut self.state, state);
        self.revision += 1;
        self.updated_at = now;
        self.facts.push(Fact::changed("goal", event, self.state.id, &before, &self.state));
    }

    fn note(&mut self, event: &'static str, changes: Value, metadata: Value, now: Timestamp) {
        self.revision += 1;
        self.updated_at = now;
        self.facts.push(Fact {
            entity_type: "goal",
            entity_id: self.state.id.to_string(),
            event_type: event,
            changes,
            metadata,
        });
    }
}

fn check(draft: &DraftGoal) -> Vec<Violation> {
    let mut violations = Violation::of_text("title", &draft.title, TITLE_LIMIT);
    violations.extend(Violation::of_text("description", &draft.description, DESCRIPTION_LIMIT));
    for (index, criterion) in draft.success_criteria.iter().enumerate() {
        violations.extend(Violation::of_text(&format!("success_criteria[{index}]"), criterion, TITLE_LIMIT));
    }
    if draft.title.trim().is_empty() {
        violations.push(Violation::new("title", "empty_title", "a goal needs a title"));
    }
    if draft.success_criteria.len() > 100 {
        violations.push(Violation::new("success_criteria", "too_many", "at most 100 criteria"));
    }
    violations
}
