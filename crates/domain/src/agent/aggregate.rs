//! The agent itself.

use serde::{Deserialize, Serialize};

use super::{AgentId, Profile};
use crate::ledger::Fact;
use crate::task::NAME_LIMIT;
use crate::workspace::{UserId, WorkspaceId};
use crate::{Rejection, Timestamp, Violation};

/// What an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentKind {
    /// Calls registered tools inside this process.
    Tool,
    /// A model.
    Llm,
    /// A person.
    Human,
    /// A worker outside that claims over HTTP.
    External,
}

impl AgentKind {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Llm => "llm",
            Self::Human => "human",
            Self::External => "external",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Tool, Self::Llm, Self::Human, Self::External].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Whether an agent can be given work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    /// It can.
    Active,
    /// It is kept for the record only.
    Retired,
}

impl AgentStatus {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Retired].into_iter().find(|status| status.as_str() == text)
    }
}

/// Everything an agent is, as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentState {
    /// Its id.
    pub id: AgentId,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Unique in the workspace.
    pub name: String,
    /// What it is.
    pub kind: AgentKind,
    /// Task types it is meant for.
    pub capabilities: Vec<String>,
    /// How many attempts it may hold at once; none means that only the workers limit it.
    pub max_concurrency: Option<u32>,
    /// Whether it gets what nobody else is meant for.
    pub is_default: bool,
    /// Active or retired.
    pub status: AgentStatus,
    /// The member whose human agent this is.
    pub user_id: Option<UserId>,
    /// How it works, if it is a model; none of every other kind.
    #[serde(default)]
    pub llm: Option<Profile>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What somebody asks for when making an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftAgent {
    /// See [`AgentState::name`].
    pub name: String,
    /// See [`AgentState::kind`].
    pub kind: AgentKind,
    /// See [`AgentState::capabilities`].
    pub capabilities: Vec<String>,
    /// See [`AgentState::max_concurrency`].
    pub max_concurrency: Option<u32>,
    /// See [`AgentState::is_default`].
    pub is_default: bool,
    /// See [`AgentState::user_id`].
    pub user_id: Option<UserId>,
    /// See [`AgentState::llm`]; a model for which nothing is said works as usual.
    pub llm: Option<Profile>,
}

/// What somebody wants changed of an agent; what is none stays as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentEdit {
    /// See [`AgentState::name`].
    pub name: Option<String>,
    /// See [`AgentState::capabilities`].
    pub capabilities: Option<Vec<String>>,
    /// See [`AgentState::max_concurrency`]; none inside takes the limit away.
    pub max_concurrency: Option<Option<u32>>,
    /// See [`AgentState::is_default`].
    pub is_default: Option<bool>,
    /// See [`AgentState::llm`]; none inside for a model that works as usual.
    pub llm: Option<Option<Profile>>,
}

/// An agent with the facts its commands left.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    state: AgentState,
    revision: i64,
    updated_at: Timestamp,
    last_seen_at: Option<Timestamp>,
    facts: Vec<Fact>,
}

impl Agent {
    /// Makes an active agent.
    ///
    /// # Errors
    /// Every violation at once.
    pub fn create(
        id: AgentId,
        workspace_id: WorkspaceId,
        draft: DraftAgent,
        now: Timestamp,
    ) -> Result<Self, Vec<Violation>> {
        let violations = check(&draft);
        if !violations.is_empty() {
            return Err(violations);
        }
        let state = AgentState {
            id,
            workspace_id,
            name: draft.name.trim().to_owned(),
            kind: draft.kind,
            capabilities: draft.capabilities,
            max_concurrency: draft.max_concurrency,
            is_default: draft.is_default,
            status: AgentStatus::Active,
            user_id: draft.user_id,
            llm: draft.llm.or_else(|| (draft.kind == AgentKind::Llm).then(Profile::default)),
            created_at: now,
        };
        let facts = vec![Fact::created("agent", "agent.created", id, &state)];
        Ok(Self { state, revision: 1, updated_at: now, last_seen_at: None, facts })
    }

    /// Trusts storage.
    pub fn rehydrate(state: AgentState, revision: i64, updated_at: Timestamp) -> Self {
        Self { state, revision, updated_at, last_seen_at: None, facts: Vec::new() }
    }

    /// With its latest sign of life. That is no change of the agent: it leaves no event, and the revision as it is.
    #[must_use]
    pub fn seen(self, last_seen_at: Option<Timestamp>) -> Self {
        Self { last_seen_at, ..self }
    }

    /// All fields.
    pub const fn state(&self) -> &AgentState {
        &self.state
    }

    /// Its id.
    pub const fn id(&self) -> AgentId {
        self.state.id
    }

    /// What it is.
    pub const fn kind(&self) -> AgentKind {
        self.state.kind
    }

    /// The number of its events.
    pub const fn revision(&self) -> i64 {
        self.revision
    }

    /// When it last changed.
    pub const fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    /// Its latest sign of life, if it is one that gives any.
    pub const fn last_seen_at(&self) -> Option<Timestamp> {
        self.last_seen_at
    }

    /// The facts since it was loaded; they are taken out.
    pub fn take_facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }

    /// Another agent is the default from now on.
    pub fn step_down(&mut self, now: Timestamp) {
        self.become_state("agent.updated", AgentState { is_default: false, ..self.state.clone() }, now);
    }

    /// Changes what `edit` names. What is the same already changes nothing and leaves no fact.
    ///
    /// # Errors
    /// Every violation of the new values; `invalid_transition` if it is retired.
    pub fn edit(&mut self, edit: AgentEdit, now: Timestamp) -> Result<(), crate::task::Refusal> {
        let state = &self.state;
        if state.status == AgentStatus::Retired {
            let message = "the agent is retired, and stays as it is for the record; make a new one";
            return Err(Rejection::new("invalid_transition", message).into());
        }
        let draft = DraftAgent {
            name: edit.name.unwrap_or_else(|| state.name.clone()),
            kind: state.kind,
            capabilities: edit.capabilities.unwrap_or_else(|| state.capabilities.clone()),
            max_concurrency: edit.max_concurrency.unwrap_or(state.max_concurrency),
            is_default: edit.is_default.unwrap_or(state.is_default),
            user_id: state.user_id,
            llm: match edit.llm {
                Some(None) => (state.kind == AgentKind::Llm).then(Profile::default),
                Some(given) => given,
                None => state.llm.clone(),
            },
        };
        let violations = check(&draft);
        if !violations.is_empty() {
            return Err(violations.into());
        }
        let edited = AgentState {
            name: draft.name.trim().to_owned(),
            capabilities: draft.capabilities,
            max_concurrency: draft.max_concurrency,
            is_default: draft.is_default,
            llm: draft.llm,
            ..state.clone()
        };
        self.become_state("agent.updated", edited, now);
        Ok(())
    }

    /// It gets no more work. Nothing happens if it is retired already.
    ///
    /// # Errors
    /// `agent_needed` for the default agent and for the human agent of a member.
    pub fn retire(&mut self, now: Timestamp) -> Result<(), Rejection> {
        let needed = |message: &str| Err(Rejection::new("agent_needed", message));
        if self.state.user_id.is_some() {
            return needed("the human agent of a member stays as long as the member does");
        }
        if self.state.is_default {
            return needed("it gets what nobody else is meant for; make another agent the default one first");
        }
        let retired = AgentState { status: AgentStatus::Retired, ..self.state.clone() };
        self.become_state("agent.retired", retired, now);
        Ok(())
    }

    fn become_state(&mut self, event: &'static str, state: AgentState, now: Timestamp) {
        if state == self.state {
            return;
        }
        let before = std::mem::replace(&mut self.state, state);
        self.revision += 1;
        self.updated_at = now;
        self.facts.push(Fact::changed("agent", event, self.state.id, &before, &self.state));
    }
}

fn check(draft: &DraftAgent) -> Vec<Violation> {
    let mut violations = Vec::new();
    let name = draft.name.trim();
    if name.is_empty() {
        violations.push(Violation::new("name", "empty", "an agent needs a name"));
    }
    if name.chars().count() > NAME_LIMIT {
        violations.push(Violation::new("name", "too_long", format!("at most {NAME_LIMIT} characters")));
    }
    if draft.capabilities.len() > 100 {
        violations.push(Violation::new("capabilities", "too_many", "at most 100 task types"));
    }
    for (index, capability) in draft.capabilities.iter().enumerate() {
        let length = capability.chars().count();
        if capability.trim().is_empty() || length > NAME_LIMIT {
            let path = format!("capabilities[{index}]");
            violations.push(Violation::new(
                path,
                "invalid_task_type",
                format!("a task type has 1 to {NAME_LIMIT} characters"),
            ));
        }
    }
    let control = |text: &str| text.contains('\0');
    if control(name) || draft.capabilities.iter().any(|text| control(text)) {
        violations.push(Violation::new(
            "name",
            "control_character",
            "contains the character U+0000; remove it",
        ));
    }
    if draft.max_concurrency.is_some_and(|n| !(1..=10_000).contains(&n)) {
        violations.push(Violation::new(
            "max_concurrency",
            "out_of_range",
            "between 1 and 10,000; leave it out for no limit",
        ));
    }
    match &draft.llm {
        Some(_) if draft.kind != AgentKind::Llm => {
            let message = "only an agent of kind `llm` is a model; leave it out";
            violations.push(Violation::new("llm", "not_allowed", message));
        }
        Some(profile) => violations.extend(profile.check()),
        None => {}
    }
    violations
}
