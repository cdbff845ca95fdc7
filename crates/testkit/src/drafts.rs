//! What somebody asks for, where only little of it matters.

use goalwright_domain::agent::{AgentKind, DraftAgent};

/// An agent that says nothing of itself but this, and is not the default one.
pub fn draft_agent(name: &str, kind: AgentKind) -> DraftAgent {
    DraftAgent {
        name: name.to_owned(),
        kind,
        capabilities: vec![],
        max_concurrency: None,
        is_default: false,
        user_id: None,
        llm: None,
    }
}
