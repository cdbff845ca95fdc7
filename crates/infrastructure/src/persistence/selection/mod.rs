//! Everything that selects work, and the one place where SQL says what can be executed. The domain says it too
//! (`goalwright_domain::task::Standing`); a test compares the two over random histories.

mod candidates;
pub(crate) mod claim;
mod standings;
mod unassigned;

use async_trait::async_trait;
use goalwright_application::Error;
use goalwright_application::read::{Candidate, Need, Offer, Offered, OpenWork};
use goalwright_domain::Timestamp;
use goalwright_domain::agent::Agent;
use goalwright_domain::goal::GoalId;
use goalwright_domain::progress::Obstacle;
use goalwright_domain::task::{Standings, TaskId};
use goalwright_domain::workspace::WorkspaceId;

use super::agent;
use super::reader::Reader;

/// A run that can be claimed, once its moment has come: only such a run has one, so that whoever asks for the moment need
/// not ask for this. The index of runs by their agents wants it said.
const OPEN: &str = "r.status IN ('queued', 'waiting')";

/// A run that drives its task and is not over.
const DRIVING: &str = "r.drives_task AND r.status IN ('queued', 'running', 'waiting')";

/// Where a pending task stands.
const PENDING: &str = "CASE WHEN t.agent_id IS NULL THEN 'unassigned' WHEN t.open_dependencies > 0 THEN 'blocked' \
                       WHEN EXISTS (SELECT 1 FROM goals g WHERE g.id = t.goal_id AND g.status IN ('draft', 'abandoned')) \
                       THEN 'resting' ELSE 'later' END";

/// Where a task stands that is no longer pending, by the run that drives it. What follows is the present moment, then
/// [`BEGUN_END`].
const BEGUN: &str = "CASE WHEN r.status = 'running' THEN 'running' WHEN r.available_at IS NULL THEN 'for_person' \
                     WHEN r.available_at <= ";

/// Behind [`BEGUN`] and the present moment.
const BEGUN_END: &str = " THEN 'executable' ELSE 'later' END";

#[async_trait]
impl OpenWork for Reader {
    async fn standings(&self, now: Timestamp) -> Result<Standings, Error> {
        standings::all(self, now).await
    }

    async fn standings_of(
        &self,
        workspace: WorkspaceId,
        goal: Option<GoalId>,
        now: Timestamp,
    ) -> Result<Standings, Error> {
        standings::of_workspace(self, workspace, goal, now).await
    }

    async fn offered(&self, offer: &Offer, now: Timestamp) -> Result<Offered, Error> {
        standings::offered(self, offer, now).await
    }

    async fn candidates(
        &self,
        workspace: WorkspaceId,
        goal: Option<GoalId>,
    ) -> Result<Vec<Candidate>, Error> {
        candidates::candidates(self, workspace, goal).await
    }

    async fn active_agents(&self, workspace: WorkspaceId) -> Result<Vec<Agent>, Error> {
        agent::queries::active(self, workspace).await
    }

    async fn workspaces_with_unassigned(&self) -> Result<Vec<WorkspaceId>, Error> {
        unassigned::workspaces(self).await
    }

    async fn untried(
        &self,
        workspace: WorkspaceId,
        directory: &str,
        limit: usize,
    ) -> Result<Vec<TaskId>, Error> {
        unassigned::untried(self, workspace, directory, limit).await
    }

    async fn needs(&self, workspace: WorkspaceId, goal: GoalId) -> Result<Vec<Need>, Error> {
        unassigned::needs(self, workspace, goal).await
    }

    async fn unassigned_of_kinds(
        &self,
        workspace: WorkspaceId,
        goal: GoalId,
        kinds: &[(String, Option<String>)],
    ) -> Result<Obstacle, Error> {
        unassigned::with_kinds(self, workspace, goal, kinds).await
    }

    async fn for_models(&self, workspace: WorkspaceId, goal: GoalId) -> Result<Obstacle, Error> {
        unassigned::for_models(self, workspace, goal).await
    }

    async fn calling(
        &self,
        workspace: WorkspaceId,
        goal: GoalId,
        tools: &[(String, String)],
    ) -> Result<Obstacle, Error> {
        unassigned::with_tools(self, workspace, goal, tools).await
    }
}
