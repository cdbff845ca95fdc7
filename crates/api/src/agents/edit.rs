use goalwright_application::{Error, Services};
use goalwright_domain::agent::{AgentEdit, AgentId};
use poem_openapi::param::Path;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::bodies::{AgentBody, NewProfileBody};
use crate::answer::{Deleted, Found};
use crate::auth::{Admin, Caller};
use crate::body::Body;
use crate::changes::{cleared, kept, optional, valid};
use crate::document::Chapter;
use crate::problem::Problem;
use crate::tag::{IfMatch, Tag};

/// Change and retire agents.
pub(crate) struct Edit(pub(crate) Services);

/// What is to be changed of an agent. What is left out stays as it is.
#[derive(Debug, Object)]
#[oai(rename = "AgentChanges", deny_unknown_fields)]
pub(crate) struct AgentChangesBody {
    /// Unique in the workspace.
    name: MaybeUndefined<String>,
    /// The types of the tasks it is meant for; null takes them away.
    capabilities: MaybeUndefined<Vec<String>>,
    /// How many attempts it may hold at once; null takes the limit away.
    max_concurrency: MaybeUndefined<u32>,
    /// Whether it gets what nobody else is meant for.
    is_default: MaybeUndefined<bool>,
    /// How it works, of the kind `llm` only: all of it as it is given, what is left out of it as usual; null for all as usual.
    llm: MaybeUndefined<NewProfileBody>,
}

impl AgentChangesBody {
    fn edit(self) -> Result<AgentEdit, Error> {
        let mut violations = Vec::new();
        let llm = optional(self.llm).map(|llm| llm.map(|profile| profile.profile(&mut violations)));
        let edit = AgentEdit {
            name: kept("name", self.name, &mut violations),
            capabilities: cleared(self.capabilities),
            max_concurrency: optional(self.max_concurrency),
            is_default: cleared(self.is_default),
            llm,
        };
        valid(edit, violations)
    }
}

#[OpenApi(tag = "Chapter::Agents")]
impl Edit {
    /// Change an agent.
    ///
    /// Changes what is given and leaves the rest. A new default agent takes over from the one before.
    #[oai(path = "/v1/agents/:id", method = "patch", operation_id = "edit_agent")]
    async fn edit(
        &self,
        caller: Caller<Admin>,
        /// The agent's id.
        id: Path<Uuid>,
        if_match: IfMatch,
        body: Body<AgentChangesBody>,
    ) -> Result<Found<AgentBody>, Problem> {
        let id = AgentId::new(id.0);
        // Whoever has no such agent learns nothing about its tags.
        self.0.agents.get(&caller.0, id).await?;
        let agent = self.0.agents.edit(&caller.0, id, body.0.edit()?, &if_match.of(id)?).await?;
        Ok(Found { tag: Tag::new(id, agent.revision()), body: agent.into() })
    }

    /// Retire an agent.
    ///
    /// It is kept for the record and gets no more work; what it has not begun goes to others. The default agent and the
    /// human agents of members are needed, and stay.
    #[oai(path = "/v1/agents/:id", method = "delete", operation_id = "retire_agent")]
    async fn retire(
        &self,
        caller: Caller<Admin>,
        /// The agent's id.
        id: Path<Uuid>,
        if_match: IfMatch,
    ) -> Result<Deleted, Problem> {
        let id = AgentId::new(id.0);
        self.0.agents.get(&caller.0, id).await?;
        self.0.agents.retire(&caller.0, id, &if_match.of(id)?).await?;
        Ok(Deleted)
    }
}
