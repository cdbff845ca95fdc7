//! Agents: who performs tasks — tools, models, people and outside workers.

mod aggregate;
mod assignment;

pub use aggregate::{Agent, AgentEdit, AgentKind, AgentState, AgentStatus, DraftAgent};
pub use assignment::{Directory, choose};

use crate::Id;

/// Id of an agent.
pub type AgentId = Id<Agent>;
