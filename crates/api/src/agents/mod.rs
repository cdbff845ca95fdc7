//! Agents: make them, read them.

mod bodies;
mod edit;

use goalwright_application::Services;
use goalwright_application::read::AgentFilter;
use goalwright_domain::agent::AgentStatus;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use uuid::Uuid;

use crate::answer::{Created, Found, Shown};
use crate::auth::{Admin, Caller, Read, Work};
use crate::body::Body;
use crate::document::Chapter;
use crate::page::{Limit, List, list, page};
use crate::problem::Problem;
use crate::tag::Tag;
use crate::values::Word;
use bodies::{AgentBody, NewAgentBody};

pub(crate) use edit::Edit;

const LIST: &str = "agents";

/// Make and read agents.
pub(crate) struct Agents(pub(crate) Services);

#[OpenApi(tag = "Chapter::Agents")]
impl Agents {
    /// Make an agent.
    ///
    /// A new default agent takes over from the one before.
    #[oai(path = "/v1/agents", method = "post", operation_id = "create_agent")]
    async fn create(
        &self,
        caller: Caller<Admin>,
        body: Body<NewAgentBody>,
    ) -> Result<Created<AgentBody>, Problem> {
        let agent = self.0.agents.create(&caller.0, body.0.draft()?).await?;
        let location = format!("/v1/agents/{}", agent.id());
        Ok(Created { tag: Tag::new(agent.id(), agent.revision()), location, body: agent.into() })
    }

    /// Say that an agent is alive.
    ///
    /// Notes the moment as `last_seen_at`. That is no change of the agent: its `ETag` stays, and no event is written.
    #[oai(path = "/v1/agents/:id/heartbeat", method = "post", operation_id = "note_agent")]
    async fn heartbeat(
        &self,
        caller: Caller<Work>,
        /// The agent's id.
        id: Path<Uuid>,
    ) -> Result<Found<AgentBody>, Problem> {
        let agent = self.0.agents.heartbeat(&caller.0, id.0.into()).await?;
        Ok(Found { tag: Tag::new(agent.id(), agent.revision()), body: agent.into() })
    }

    /// List agents.
    ///
    /// The agents of the workspace, newest first.
    #[oai(path = "/v1/agents", method = "get", operation_id = "list_agents")]
    async fn list(
        &self,
        caller: Caller<Read>,
        /// Only agents in this status.
        status: Query<Option<Word<AgentStatus>>>,
        /// The most items of the page.
        limit: Query<Option<Limit>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Shown<List<AgentBody>>, Problem> {
        let filter = AgentFilter { status: status.0.map(|word| word.0) };
        let agents = self.0.agents.list(&caller.0, &filter, &page(LIST, limit.0, cursor.0)?).await?;
        Ok(list(LIST, agents))
    }

    /// Read an agent.
    ///
    /// Its capabilities are the types of the tasks it is meant for.
    #[oai(path = "/v1/agents/:id", method = "get", operation_id = "get_agent")]
    async fn get(
        &self,
        caller: Caller<Read>,
        /// The agent's id.
        id: Path<Uuid>,
    ) -> Result<Found<AgentBody>, Problem> {
        let agent = self.0.agents.get(&caller.0, id.0.into()).await?;
        Ok(Found { tag: Tag::new(agent.id(), agent.revision()), body: agent.into() })
    }
}
