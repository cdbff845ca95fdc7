//! Who acts, and where: users, workspaces and the memberships between them.

mod settings;

use serde::{Deserialize, Serialize};

use crate::agent::AgentId;
use crate::api_key::{ApiKeyId, Scope, Scopes};
use crate::{Id, Timestamp};

pub use settings::{RETENTION_LIMIT, Settings, SettingsEdit, SettingsState};

/// A tenant. Every row of the product belongs to exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Shown to people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A person or program that authenticates; named by the `sub` of its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Our id.
    pub id: UserId,
    /// The token's `sub`.
    pub subject: String,
    /// When it was first seen.
    pub created_at: Timestamp,
}

/// Id of a workspace.
pub type WorkspaceId = Id<Workspace>;
/// Id of a user.
pub type UserId = Id<User>;

/// The longest `sub` that is accepted, in characters.
pub const SUBJECT_LIMIT: usize = 255;

/// On whose behalf something is done, and in which workspace. Comes from credentials, never from a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user_id: UserId,
    /// The workspace that everything read and written belongs to.
    pub workspace_id: WorkspaceId,
    /// The API key that let them in; none for a person with a token of their own.
    pub credential: Option<Credential>,
}

/// An API key that lets somebody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credential {
    /// Which one.
    pub api_key: ApiKeyId,
    /// The only agent that it may act for.
    pub agent_id: Option<AgentId>,
    /// What it may be used for.
    pub scopes: Scopes,
}

impl Principal {
    /// A person with a token of their own.
    pub const fn person(user_id: UserId, workspace_id: WorkspaceId) -> Self {
        Self { user_id, workspace_id, credential: None }
    }

    /// Whether the principal may do what needs this scope. A person may do everything.
    pub fn has(&self, scope: Scope) -> bool {
        self.credential.is_none_or(|credential| credential.scopes.has(scope))
    }

    /// The only agent that the principal may act for, if there is one.
    pub fn only_agent(&self) -> Option<AgentId> {
        self.credential.and_then(|credential| credential.agent_id)
    }

    /// As the cause of events: the agent that an API key is bound to, else the user.
    pub fn actor(&self) -> Actor {
        let actor = match self.only_agent() {
            Some(agent) => Actor::agent(agent),
            None => Actor::user(self.user_id),
        };
        Actor { api_key: self.credential.map(|credential| credential.api_key), ..actor }
    }
}

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// What kind of actor.
    #[serde(rename = "type")]
    pub kind: ActorKind,
    /// A user id, an agent id, or the name of a part of the system.
    pub id: String,
    /// The API key that was used; the metadata of the event tells of it.
    #[serde(skip)]
    pub api_key: Option<ApiKeyId>,
}

/// The kinds of actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person or program with credentials.
    User,
    /// An agent that executes tasks.
    Agent,
    /// The product itself: reconcilers, migrations.
    System,
}

impl ActorKind {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
            Self::System => "system",
        }
    }
}

impl Actor {
    /// A user.
    pub fn user(id: UserId) -> Self {
        Self { kind: ActorKind::User, id: id.to_string(), api_key: None }
    }

    /// An agent.
    pub fn agent(id: AgentId) -> Self {
        Self { kind: ActorKind::Agent, id: id.to_string(), api_key: None }
    }

    /// A part of the product.
    pub fn system(part: &str) -> Self {
        Self { kind: ActorKind::System, id: part.to_owned(), api_key: None }
    }
}
