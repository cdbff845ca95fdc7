//! What is read of work that is still to be done, for whoever selects some of it.

use async_trait::async_trait;
use goalwright_domain::Timestamp;
use goalwright_domain::agent::{Agent, AgentId};
use goalwright_domain::execution::Action;
use goalwright_domain::goal::GoalId;
use goalwright_domain::progress::Obstacle;
use goalwright_domain::task::{Standings, TaskId};
use goalwright_domain::workspace::WorkspaceId;
use serde_json::Value;

use super::Candidate;
use crate::Error;

/// Who claims, and what.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// For this agent.
    pub agent: AgentId,
    /// From this queue.
    pub queue: String,
    /// Tasks of these types; of all if there are none.
    pub task_types: Vec<String>,
}

/// What is there for somebody who claims; each figure is counted up to [`super::CANDIDATES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offered {
    /// Pending tasks of the agent, and those of the workspace that nobody has.
    pub pending: Standings,
    /// Runs of the agent whose moment has not come.
    pub later: i64,
    /// Runs that wait for a person.
    pub for_person: i64,
    /// Runs of another queue: work that somebody does with `goalwright run`.
    pub other_queue: i64,
    /// Runs of tasks of other types than those that were asked for.
    pub other_types: i64,
    /// Runs that could be claimed.
    pub claimable: i64,
    /// What the agent does now.
    pub held: i64,
}

/// What tasks need that have not begun: an agent for this type and action, and this operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Matched with the agents' capabilities.
    pub task_type: String,
    /// The kind of the action, as stored; none for plain words.
    pub kind: Option<String>,
    /// Tool and operation.
    pub tool: Option<(String, String)>,
    /// Whether it waits for nothing but somebody to do it.
    pub unassigned: bool,
}

impl Need {
    /// An action of this kind: all that the choice of an agent depends on.
    pub fn action(&self) -> Option<Action> {
        let words = String::new;
        match self.kind.as_deref()? {
            "tool" => Some(Action::Tool { tool: words(), operation: words(), parameters: Value::Null }),
            "orchestrated" => {
                Some(Action::Orchestrated { instructions: words(), tools: Vec::new(), output_schema: None })
            }
            "human" => Some(Action::Human { instructions: words() }),
            _ => Some(Action::External),
        }
    }
}

/// Answers questions about work that is still to be done.
#[async_trait]
pub trait OpenWork: Send + Sync {
    /// Where all open tasks of all workspaces stand. Costs as much as there is open work, so it is asked now and then only.
    async fn standings(&self, now: Timestamp) -> Result<Standings, Error>;
    /// Where the open tasks of a workspace, or of one of its goals, stand; each status is counted up to
    /// [`super::CANDIDATES`].
    async fn standings_of(
        &self,
        workspace: WorkspaceId,
        goal: Option<GoalId>,
        now: Timestamp,
    ) -> Result<Standings, Error>;
    /// What is there for somebody who claims.
    async fn offered(&self, offer: &Offer, now: Timestamp) -> Result<Offered, Error>;
    /// Tasks that a person could work on now: those that wait for one, and ready ones of agents that are no tools; the
    /// oldest [`super::CANDIDATES`] of each.
    async fn candidates(&self, workspace: WorkspaceId, goal: Option<GoalId>)
    -> Result<Vec<Candidate>, Error>;
    /// Every active agent of the workspace.
    async fn active_agents(&self, workspace: WorkspaceId) -> Result<Vec<Agent>, Error>;
    /// The workspaces that have tasks which nobody has.
    async fn workspaces_with_unassigned(&self) -> Result<Vec<WorkspaceId>, Error>;
    /// The oldest tasks of the workspace that nobody has, but for those of which it is noted that none of these agents
    /// could do them.
    async fn untried(
        &self,
        workspace: WorkspaceId,
        directory: &str,
        limit: usize,
    ) -> Result<Vec<TaskId>, Error>;
    /// What the tasks of a goal need that have not begun, each need once.
    async fn needs(&self, workspace: WorkspaceId, goal: GoalId) -> Result<Vec<Need>, Error>;
    /// The tasks of a goal that wait for nothing but somebody to do them, of these types and kinds of actions.
    async fn unassigned_of_kinds(
        &self,
        workspace: WorkspaceId,
        goal: GoalId,
        kinds: &[(String, Option<String>)],
    ) -> Result<Obstacle, Error>;
    /// The tasks of a goal that have not begun, and are for a model to do in its own way.
    async fn for_models(&self, workspace: WorkspaceId, goal: GoalId) -> Result<Obstacle, Error>;
    /// The tasks of a goal that have not begun and call any of these operations.
    async fn calling(
        &self,
        workspace: WorkspaceId,
        goal: GoalId,
        tools: &[(String, String)],
    ) -> Result<Obstacle, Error>;
}
