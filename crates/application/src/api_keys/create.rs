use goalwright_domain::Rejection;
use goalwright_domain::agent::AgentStatus;
use goalwright_domain::api_key::{ApiKey, DraftApiKey, KeyText};

use super::{ApiKeys, NOUN};
use crate::context::new_id;
use crate::retrying::retrying;
use crate::{Context, Error};

/// A new key with its text, which nobody can learn again.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The key.
    pub api_key: ApiKey,
    /// What authenticates.
    pub text: KeyText,
}

impl ApiKeys {
    /// Makes a key. Whoever is here by a key themselves can give no scope that theirs lacks.
    ///
    /// # Errors
    /// `Invalid` with every violation; `Forbidden` for scopes that the caller lacks; `NotFound` for an unknown agent;
    /// `Rejected` (`invalid_transition`) for one that is retired.
    #[tracing::instrument(name = "api_key.create", skip_all)]
    pub async fn create(&self, context: &Context, draft: DraftApiKey) -> Result<Issued, Error> {
        let issued = retrying(|| self.create_once(context, draft.clone())).await?;
        self.signals.events_appended();
        Ok(issued)
    }

    async fn create_once(&self, context: &Context, draft: DraftApiKey) -> Result<Issued, Error> {
        let now = self.clock.now();
        let (workspace, user) = (context.workspace(), context.principal.user_id);
        let id = new_id(&*self.ids);
        let text = KeyText::make(id, std::array::from_fn(|_| self.ids.random()));
        let mut api_key = ApiKey::create(id, workspace, user, draft, text.digest(), now)?;
        if let Some(credential) = context.principal.credential {
            let more = api_key.state().scopes.without(credential.scopes);
            if !more.is_empty() {
                let message = format!("an API key cannot give what it lacks; yours lacks {more}");
                return Err(Error::Forbidden { message });
            }
        }
        let unit = self.transactions.begin().await?;
        if let Some(agent) = api_key.state().agent_id {
            let known = unit.agents().lock(workspace, agent).await?;
            let known = known.ok_or_else(|| Error::not_found("agent", agent))?;
            if known.state().status == AgentStatus::Retired {
                let message = "the agent is retired and gets no more work; make a new one";
                return Err(Rejection::new("invalid_transition", message).into());
            }
        }
        unit.api_keys().insert(&api_key).await?;
        unit.outbox().append(&context.events(&*self.ids, api_key.take_facts(), now)).await?;
        context.remember(&*unit, NOUN, id, now).await?;
        unit.commit().await?;
        Ok(Issued { api_key, text })
    }
}
