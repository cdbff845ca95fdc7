use goalwright_domain::agent::{Agent, AgentKind, DraftAgent};
use goalwright_domain::workspace::{Actor, WorkspaceId};

use super::{Agents, MODEL_AGENT, name_taken};
use crate::Error;
use crate::context::{events, new_id};
use crate::retrying::retrying;

/// So many workspaces are looked for at once.
const AT_ONCE: u64 = 200;

impl Agents {
    /// Where a model is configured, every workspace that never had an agent that is a model gets one. It becomes the default
    /// agent where that is still the person whom the workspace began with. Gives how many workspaces were equipped.
    ///
    /// # Errors
    /// What storage says; those that were equipped before stay so.
    #[tracing::instrument(name = "agent.equip", skip_all)]
    pub async fn equip(&self) -> Result<usize, Error> {
        if self.models.usual().is_none() {
            return Ok(0);
        }
        let (mut equipped, mut behind) = (0, None);
        loop {
            let bare = self.queries.without_model_agent(behind, AT_ONCE).await?;
            let Some(last) = bare.last() else { break };
            behind = Some(*last);
            for workspace in bare {
                let done = match retrying(|| self.equip_one(workspace, false)).await {
                    // Somebody else is called so, or was.
                    Err(Error::Conflict { code: "name_taken", .. }) => {
                        retrying(|| self.equip_one(workspace, true)).await?
                    }
                    done => done?,
                };
                equipped += usize::from(done);
            }
        }
        if equipped > 0 {
            tracing::info!(workspaces.count = equipped, "workspaces got an agent that is a model");
            self.signals.events_appended();
        }
        Ok(equipped)
    }

    async fn equip_one(&self, workspace: WorkspaceId, numbered: bool) -> Result<bool, Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        // Whoever equips it at the same time is waited for here.
        let before = unit.agents().lock_default(workspace).await?;
        let active = unit.agents().active(workspace).await?;
        if active.iter().any(|agent| agent.kind() == AgentKind::Llm) {
            return Ok(false);
        }
        // One that somebody chose stays.
        let first_person = before.filter(|agent| agent.state().user_id.is_some() && agent.revision() == 1);
        let nobody = !active.iter().any(|agent| agent.state().is_default);
        let id = new_id(&*self.ids);
        let name = if numbered { format!("{MODEL_AGENT} {id}") } else { MODEL_AGENT.to_owned() };
        let draft = DraftAgent {
            name,
            kind: AgentKind::Llm,
            capabilities: Vec::new(),
            max_concurrency: None,
            is_default: first_person.is_some() || nobody,
            user_id: None,
            llm: None,
        };
        let mut agent = Agent::create(id, workspace, draft, now)?;
        let mut facts = Vec::new();
        if let Some(mut person) = first_person {
            person.step_down(now);
            facts.extend(person.take_facts());
            unit.agents().save(&person).await?;
        }
        facts.extend(agent.take_facts());
        unit.agents().insert(&agent).await.map_err(|error| name_taken(error, MODEL_AGENT))?;
        let actor = Actor::system("setup");
        unit.outbox().append(&events(&*self.ids, workspace, &actor, None, facts, now)).await?;
        unit.commit().await?;
        Ok(true)
    }
}
