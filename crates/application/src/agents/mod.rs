//! Agents: make them, read them.

mod edit;
mod equip;
mod heartbeat;
mod retire;

use std::sync::Arc;

use goalwright_domain::agent::{Agent, AgentId, DraftAgent};

use crate::context::new_id;
use crate::execution::{KernelPorts, place_unassigned};
use crate::models::ModelCalls;
use crate::ports::{Clock, Ids, Signals, StorageError, Transactions};
use crate::read::{AgentFilter, Page, PageRequest, Queries};
use crate::retrying::retrying;
use crate::{Context, Error};

/// What the model of a workspace is called that starts with one.
pub const MODEL_AGENT: &str = "model";

/// What can be done with agents.
pub struct Agents {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    signals: Arc<dyn Signals>,
    models: Arc<ModelCalls>,
}

impl Agents {
    /// Over these ports.
    pub fn new(ports: &KernelPorts) -> Self {
        let KernelPorts { transactions, queries, clock, ids, signals, models, .. } = ports.clone();
        Self { transactions, queries, clock, ids, signals, models }
    }

    /// Makes an agent. A new default agent takes over from the one before.
    ///
    /// # Errors
    /// `Invalid` with every violation; `Conflict` if the workspace has an agent of this name.
    #[tracing::instrument(name = "agent.create", skip_all)]
    pub async fn create(&self, context: &Context, draft: DraftAgent) -> Result<Agent, Error> {
        // Two new default agents at once: the second takes over from the first.
        let agent = retrying(|| self.create_once(context, draft.clone())).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        Ok(agent)
    }

    async fn create_once(&self, context: &Context, draft: DraftAgent) -> Result<Agent, Error> {
        let now = self.clock.now();
        let name = draft.name.trim().to_owned();
        let mut agent = Agent::create(new_id(&*self.ids), context.workspace(), draft, now)?;
        let unit = self.transactions.begin().await?;
        let mut facts = Vec::new();
        if agent.state().is_default
            && let Some(mut before) = unit.agents().lock_default(context.workspace()).await?
        {
            before.step_down(now);
            facts.extend(before.take_facts());
            unit.agents().save(&before).await?;
        }
        facts.extend(agent.take_facts());
        unit.agents().insert(&agent).await.map_err(|error| name_taken(error, &name))?;
        unit.outbox().append(&context.events(&*self.ids, facts, now)).await?;
        // Whoever waited for somebody like this one need not wait any longer.
        place_unassigned(&*unit, &*self.ids, context.workspace(), now).await?;
        context.remember(&*unit, "agent", agent.id(), now).await?;
        unit.commit().await?;
        Ok(agent)
    }

    /// One agent.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, context: &Context, id: AgentId) -> Result<Agent, Error> {
        self.queries.agent(context.workspace(), id).await?.ok_or_else(|| Error::not_found("agent", id))
    }

    /// Agents, newest first.
    ///
    /// # Errors
    /// What storage says.
    pub async fn list(
        &self,
        context: &Context,
        filter: &AgentFilter,
        page: &PageRequest,
    ) -> Result<Page<Agent>, Error> {
        self.queries.agents(context.workspace(), filter, page).await
    }
}

fn name_taken(error: StorageError, name: &str) -> Error {
    match error {
        StorageError::Duplicate { what } if what.contains("name") => Error::Conflict {
            code: "name_taken",
            message: format!("the workspace has an agent called `{name}` already; choose another name"),
        },
        other => other.into(),
    }
}
