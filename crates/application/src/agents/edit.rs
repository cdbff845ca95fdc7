use goalwright_domain::agent::{Agent, AgentEdit, AgentId};

use super::{Agents, name_taken};
use crate::execution::place_unassigned;
use crate::retrying::retrying;
use crate::{Context, Error, Precondition};

impl Agents {
    /// Changes an agent. What is the same already changes nothing. A new default agent takes over from the one before.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; `Invalid` with every violation; `Conflict` (`name_taken`); `Rejected` if it is retired.
    #[tracing::instrument(name = "agent.edit", skip_all, fields(agent.id = %id))]
    pub async fn edit(
        &self,
        context: &Context,
        id: AgentId,
        edit: AgentEdit,
        seen: &Precondition,
    ) -> Result<Agent, Error> {
        let agent = retrying(|| self.edit_once(context, id, edit.clone(), seen)).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        Ok(agent)
    }

    async fn edit_once(
        &self,
        context: &Context,
        id: AgentId,
        edit: AgentEdit,
        seen: &Precondition,
    ) -> Result<Agent, Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        let before = match edit.is_default {
            Some(true) => unit.agents().lock_default(context.workspace()).await?,
            _ => None,
        };
        let agent = unit.agents().lock(context.workspace(), id).await?;
        let mut agent = agent.ok_or_else(|| Error::not_found("agent", id))?;
        seen.check(agent.revision())?;
        agent.edit(edit, now)?;
        let mut facts = Vec::new();
        if let Some(mut before) = before.filter(|before| before.id() != id) {
            before.step_down(now);
            facts.extend(before.take_facts());
            unit.agents().save(&before).await?;
        }
        facts.extend(agent.take_facts());
        if facts.is_empty() {
            return Ok(agent);
        }
        unit.agents().save(&agent).await.map_err(|error| name_taken(error, &agent.state().name))?;
        unit.outbox().append(&context.events(&*self.ids, facts, now)).await?;
        // Whoever waited for somebody like this one need not wait any longer.
        place_unassigned(&*unit, &*self.ids, context.workspace(), now).await?;
        unit.commit().await?;
        Ok(agent)
    }
}
