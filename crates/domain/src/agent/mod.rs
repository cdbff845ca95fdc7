//! Agents: who performs tasks — tools, models, people and outside workers.

mod aggregate;
mod assignment;
mod profile;

pub use aggregate::{Agent, AgentEdit, AgentKind, AgentState, AgentStatus, DraftAgent};
pub use assignment::{Directory, choose};
pub use profile::{INSTRUCTIONS_LIMIT, Profile, USUAL_TOOLS, is_pattern};

use crate::Id;

/// Id of an agent.
pub type AgentId = Id<Agent>;
