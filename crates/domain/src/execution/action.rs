//! What to do: the same for a task, a chain step and a tool call in a conversation.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::AgentKind;

/// What a task asks for. A task without an action is plain words, and whoever it is assigned to decides how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Action {
    /// One call of a registered tool.
    Tool {
        /// Such as `file`.
        tool: String,
        /// Such as `read`.
        operation: String,
        /// May hold template holes that read earlier results.
        parameters: Value,
    },
    /// Work for a model with an allow-list of tools.
    Orchestrated {
        /// What to achieve.
        instructions: String,
        /// `tool.operation` names.
        tools: Vec<String>,
        /// JSON Schema that the result must satisfy.
        output_schema: Option<Value>,
    },
    /// Work for a person.
    Human {
        /// What to do.
        instructions: String,
    },
    /// Work that an outside worker claims.
    External,
}

impl Action {
    /// Whether an agent of this kind can perform the action.
    pub const fn suits(&self, kind: AgentKind) -> bool {
        match self {
            Self::Tool { .. } => matches!(kind, AgentKind::Tool),
            Self::Orchestrated { .. } => matches!(kind, AgentKind::Llm),
            Self::Human { .. } => matches!(kind, AgentKind::Human),
            Self::External => matches!(kind, AgentKind::External),
        }
    }
}

/// What a call leaves behind in the world; decides what may be repeated after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Reads only.
    None,
    /// Doing it twice is the same as doing it once.
    Idempotent,
    /// Can be undone by a compensation.
    Reversible,
    /// Cannot be undone; with an unknown outcome a person decides.
    Irreversible,
}

impl Effect {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Idempotent => "idempotent",
            Self::Reversible => "reversible",
            Self::Irreversible => "irreversible",
        }
    }
}
