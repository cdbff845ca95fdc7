//! What is said between us and a model.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who says something. What the system says is no message: it stands before all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// We, or the person we speak for; also the results of tools.
    User,
    /// The model.
    Assistant,
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Whose turn.
    pub role: Role,
    /// What is said, in its order.
    pub content: Vec<Content>,
}

impl Message {
    /// A text of ours.
    pub fn user(text: impl Into<String>) -> Self {
        Self { role: Role::User, content: vec![Content::Text { text: text.into() }] }
    }

    /// What a model said, to be sent back to it.
    pub const fn assistant(content: Vec<Content>) -> Self {
        Self { role: Role::Assistant, content }
    }

    /// What the tools answered that the model called.
    pub fn results(results: Vec<ToolResult>) -> Self {
        Self { role: Role::User, content: results.into_iter().map(Content::ToolResult).collect() }
    }

    /// The tools that are called in it, in their order.
    pub fn calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.content.iter().filter_map(|part| match part {
            Content::ToolCall(call) => Some(call),
            _ => None,
        })
    }
}

/// A part of a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// The model wants a tool to be called.
    ToolCall(ToolCall),
    /// What a tool answered.
    ToolResult(ToolResult),
    /// Something only the provider understands, such as a signed thought: sent back as it came, to the same provider.
    Opaque {
        /// As it came.
        value: Value,
    },
}

/// A model wants a tool to be called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// By which its result is told apart from those of other calls.
    pub id: String,
    /// The tool, as [`ToolSpec::name`] has it.
    pub name: String,
    /// An object, as far as the model kept to the schema.
    pub arguments: Value,
    /// Fields we do not know, which the provider wants to see again unchanged.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

/// What a tool answered to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    /// [`ToolCall::id`].
    pub id: String,
    /// The answer, or what went wrong, in words or JSON.
    pub text: String,
    /// Whether it went wrong.
    pub is_error: bool,
}

/// A tool that a model may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Letters, digits, `_` and `-`, at most 64 of them.
    pub name: String,
    /// When and for what it is to be called.
    pub description: String,
    /// JSON Schema of the arguments, always an object.
    pub parameters: Value,
}

/// Which tool the model has to call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ToolChoice {
    /// Any, or none.
    #[default]
    Auto,
    /// At least one of them.
    Any,
    /// This one.
    Named(String),
    /// None, although there are some.
    Never,
}
