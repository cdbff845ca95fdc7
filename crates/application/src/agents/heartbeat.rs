use goalwright_domain::Rejection;
use goalwright_domain::agent::{Agent, AgentId, AgentStatus};

use super::Agents;
use crate::retrying::retrying;
use crate::{Context, Error};

impl Agents {
    /// An agent is alive. That changes nothing but when it was last heard of: no event, and the same revision.
    ///
    /// # Errors
    /// `NotFound`; `Rejected` (`invalid_transition`) if it is retired.
    #[tracing::instrument(name = "agent.heartbeat", skip_all, level = "debug", fields(agent.id = %id))]
    pub async fn heartbeat(&self, context: &Context, id: AgentId) -> Result<Agent, Error> {
        context.act_for(id)?;
        if self.get(context, id).await?.state().status == AgentStatus::Retired {
            let message = "the agent is retired and gets no more work; make a new one";
            return Err(Rejection::new("invalid_transition", message).into());
        }
        retrying(|| self.note_life(id)).await?;
        self.get(context, id).await
    }

    async fn note_life(&self, id: AgentId) -> Result<(), Error> {
        let unit = self.transactions.begin().await?;
        unit.agents().seen(id, self.clock.now()).await?;
        Ok(unit.commit().await?)
    }
}
