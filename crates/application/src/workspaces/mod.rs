//! Workspaces: what each has settled for itself.

use std::sync::Arc;

use goalwright_domain::agent::{AgentEdit, AgentId};
use goalwright_domain::workspace::{Settings, SettingsEdit, WorkspaceId};

use crate::execution::{KernelPorts, place_unassigned};
use crate::ports::{Clock, Ids, Signals, Transactions};
use crate::read::Queries;
use crate::retrying::retrying;
use crate::{Context, Error, Precondition};

/// What can be done with workspaces.
pub struct Workspaces {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    signals: Arc<dyn Signals>,
}

/// What is settled, and who is the default agent, which is no setting of its own but a property of that agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The settings.
    pub settings: Settings,
    /// Who gets what nobody else is meant for.
    pub default_agent: Option<AgentId>,
}

/// What somebody wants settled otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settle {
    /// The settings.
    pub edit: SettingsEdit,
    /// The default agent from now on; none for the one that it is.
    pub default_agent: Option<AgentId>,
}

impl Settled {
    /// Another one with every change of what is shown: of a setting, or of the default agent, wherever it was changed.
    pub fn revision(&self) -> i64 {
        let agent = self.default_agent.map_or(0, |agent| agent.uuid().as_u128() & 0xffff_ffff);
        let agent = i64::try_from(agent).unwrap_or(0);
        (self.settings.revision() << 32) | agent
    }
}

impl Workspaces {
    /// Over these ports.
    pub fn new(ports: &KernelPorts) -> Self {
        let KernelPorts { transactions, queries, clock, ids, signals, .. } = ports.clone();
        Self { transactions, queries, clock, ids, signals }
    }

    /// The context in the workspace with this id: the caller's, or another one that they are a member of.
    ///
    /// # Errors
    /// `NotFound` for any other.
    pub async fn within(&self, context: &Context, id: WorkspaceId) -> Result<Context, Error> {
        let principal = context.principal;
        if principal.workspace_id == id {
            return Ok(*context);
        }
        // An API key is good for one workspace.
        if principal.credential.is_some() || !self.queries.is_member(id, principal.user_id).await? {
            return Err(Error::not_found("workspace", id));
        }
        let principal = goalwright_domain::workspace::Principal { workspace_id: id, ..principal };
        Ok(Context { principal, ..*context })
    }

    /// What is settled.
    ///
    /// # Errors
    /// What storage says.
    pub async fn settings(&self, context: &Context) -> Result<Settled, Error> {
        let workspace = context.workspace();
        let settings = self.queries.settings(workspace).await?;
        let settings = settings.unwrap_or_else(|| Settings::usual(workspace));
        let agents = self.queries.active_agents(workspace).await?;
        let default_agent = agents.iter().find(|agent| agent.state().is_default).map(|agent| agent.id());
        Ok(Settled { settings, default_agent })
    }

    /// Settles what is given otherwise, all of it or nothing.
    ///
    /// # Errors
    /// `Stale`; `Invalid` with every violation; `NotFound` for an agent that is not there; `Rejected` for a retired one.
    #[tracing::instrument(name = "workspace.settle", skip_all)]
    pub async fn settle(
        &self,
        context: &Context,
        settle: &Settle,
        seen: &Precondition,
    ) -> Result<Settled, Error> {
        retrying(|| self.settle_once(context, settle.clone(), seen)).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        self.settings(context).await
    }

    async fn settle_once(
        &self,
        context: &Context,
        Settle { edit, default_agent }: Settle,
        seen: &Precondition,
    ) -> Result<(), Error> {
        let (workspace, now) = (context.workspace(), self.clock.now());
        let unit = self.transactions.begin().await?;
        let before = unit.agents().lock_default(workspace).await?;
        let settings = unit.workspaces().lock_settings(workspace).await?;
        let present = Settled { settings, default_agent: before.as_ref().map(|agent| agent.id()) };
        seen.check(present.revision())?;
        let Settled { mut settings, default_agent: known } = present;
        settings.edit(edit, now)?;
        let mut facts = settings.take_facts();
        if !facts.is_empty() {
            unit.workspaces().save_settings(&settings).await?;
        }
        let next = default_agent.filter(|next| Some(*next) != known);
        if let Some(next) = next {
            let agent = unit.agents().lock(workspace, next).await?;
            let mut agent = agent.ok_or_else(|| Error::not_found("agent", next))?;
            agent.edit(AgentEdit { is_default: Some(true), ..AgentEdit::default() }, now)?;
            // First the one, then the other: there is never more than one.
            for mut changed in before
                .into_iter()
                .map(|mut before| {
                    before.step_down(now);
                    before
                })
                .chain([agent])
            {
                facts.extend(changed.take_facts());
                unit.agents().save(&changed).await?;
            }
        }
        if facts.is_empty() {
            return Ok(());
        }
        unit.outbox().append(&context.events(&*self.ids, facts, now)).await?;
        if next.is_some() {
            // Whoever waited for somebody like this one need not wait any longer.
            place_unassigned(&*unit, &*self.ids, workspace, now).await?;
        }
        Ok(unit.commit().await?)
    }
}
