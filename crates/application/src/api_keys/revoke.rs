use goalwright_domain::api_key::ApiKeyId;

use super::ApiKeys;
use crate::retrying::retrying;
use crate::{Context, Error, Precondition};

impl ApiKeys {
    /// Takes a key back: from now on it lets nobody in. Nothing happens if that was done before.
    ///
    /// # Errors
    /// `NotFound`; `Stale`.
    #[tracing::instrument(name = "api_key.revoke", skip_all, fields(api_key.id = %id))]
    pub async fn revoke(&self, context: &Context, id: ApiKeyId, seen: &Precondition) -> Result<(), Error> {
        retrying(|| self.revoke_once(context, id, seen)).await?;
        self.signals.events_appended();
        Ok(())
    }

    async fn revoke_once(&self, context: &Context, id: ApiKeyId, seen: &Precondition) -> Result<(), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        let api_key = unit.api_keys().lock(context.workspace(), id).await?;
        let mut api_key = api_key.ok_or_else(|| Error::not_found("API key", id))?;
        seen.check(api_key.revision())?;
        api_key.revoke(now);
        let facts = api_key.take_facts();
        if facts.is_empty() {
            return Ok(());
        }
        unit.api_keys().save(&api_key).await?;
        unit.outbox().append(&context.events(&*self.ids, facts, now)).await?;
        Ok(unit.commit().await?)
    }
}
