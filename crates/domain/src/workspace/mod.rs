//! Who acts, and where: users, workspaces and the memberships between them.

use serde::{Deserialize, Serialize};

use crate::{Id, Timestamp};

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
}

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// What kind of actor.
    #[serde(rename = "type")]
    pub kind: ActorKind,
    /// A user id, an agent id, or the name of a part of the system.
    pub id: String,
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
        Self { kind: ActorKind::User, id: id.to_string() }
    }

    /// An agent.
    pub fn agent(id: crate::agent::AgentId) -> Self {
        Self { kind: ActorKind::Agent, id: id.to_string() }
    }

    /// A part of the product.
    pub fn system(part: &str) -> Self {
        Self { kind: ActorKind::System, id: part.to_owned() }
    }
}
