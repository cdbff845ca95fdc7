use goalwright_domain::agent::{Agent, AgentKind, AgentStatus, DraftAgent};
use goalwright_domain::workspace::UserId;
use poem_openapi::Object;
use uuid::Uuid;

use crate::nullable::Nullable;
use crate::values::{Moment, Word};

/// An agent to be made.
#[derive(Debug, Object)]
#[oai(rename = "NewAgent", deny_unknown_fields)]
pub(crate) struct NewAgentBody {
    /// Unique in the workspace.
    name: String,
    /// What it is.
    kind: Word<AgentKind>,
    /// The types of the tasks it is meant for.
    capabilities: Option<Vec<String>>,
    /// How many attempts it may hold at once; only the workers limit it unless given.
    max_concurrency: Option<u32>,
    /// Whether it gets what nobody else is meant for.
    is_default: Option<bool>,
}

impl From<NewAgentBody> for DraftAgent {
    fn from(body: NewAgentBody) -> Self {
        Self {
            name: body.name,
            kind: body.kind.0,
            capabilities: body.capabilities.unwrap_or_default(),
            max_concurrency: body.max_concurrency,
            is_default: body.is_default.unwrap_or_default(),
            user_id: None,
        }
    }
}

/// An agent.
#[derive(Debug, Object)]
#[oai(rename = "Agent")]
pub(crate) struct AgentBody {
    /// Its id.
    id: Uuid,
    /// The tenant.
    workspace_id: Uuid,
    /// Unique in the workspace.
    name: String,
    /// What it is.
    kind: Word<AgentKind>,
    /// The types of the tasks it is meant for.
    capabilities: Vec<String>,
    /// How many attempts it may hold at once; null means that only the workers limit it.
    max_concurrency: Nullable<u32>,
    /// Whether it gets what nobody else is meant for.
    is_default: bool,
    /// Whether it can be given work.
    status: Word<AgentStatus>,
    /// The member whose human agent this is.
    user_id: Nullable<Uuid>,
    /// Raised with every change; the `ETag`.
    revision: i64,
    /// When it was last heard of: it claimed, kept a lease or sent a heartbeat.
    last_seen_at: Nullable<Moment>,
    /// When it was made.
    created_at: Moment,
    /// When it last changed.
    updated_at: Moment,
}

impl From<Agent> for AgentBody {
    fn from(agent: Agent) -> Self {
        let (revision, updated_at) = (agent.revision(), agent.updated_at());
        let last_seen_at = agent.last_seen_at().map(Moment).into();
        let state = agent.state().clone();
        Self {
            id: state.id.uuid(),
            workspace_id: state.workspace_id.uuid(),
            name: state.name,
            kind: Word(state.kind),
            capabilities: state.capabilities,
            max_concurrency: state.max_concurrency.into(),
            is_default: state.is_default,
            status: Word(state.status),
            user_id: state.user_id.map(UserId::uuid).into(),
            revision,
            last_seen_at,
            created_at: state.created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}
