//! From an API key to a principal.

use std::time::Duration;

use goalwright_domain::Timestamp;
use goalwright_domain::api_key::{ApiKeyId, KeyRefusal, Presented};
use goalwright_domain::workspace::{Principal, WorkspaceId};

use super::Access;
use crate::Error;
use crate::retrying::retrying;

/// The use of a key is noted at most so often.
const NOTED_EVERY: Duration = Duration::from_secs(60);

impl Access {
    /// The principal of an API key. It costs one read; nothing is remembered, so that a key that is revoked lets nobody
    /// in from then on.
    pub(super) async fn by_key(&self, text: &str, workspace: Option<&str>) -> Result<Principal, Error> {
        let shown = Presented::read(text).map_err(|error| refused(None, error))?;
        let found = self.queries.api_key_in_use(shown.id).await?;
        let key = found.ok_or_else(|| refused(None, KeyRefusal::Unknown))?;
        let now = self.clock.now();
        let credential = key.admit(&shown.digest, now).map_err(|error| refused(Some(shown.id), error))?;
        let state = key.state();
        let elsewhere =
            workspace.is_some_and(|wanted| wanted.parse::<WorkspaceId>() != Ok(state.workspace_id));
        if elsewhere {
            let message =
                "this API key is for another workspace than X-Workspace-Id says; leave the header out";
            return Err(Error::Forbidden { message: message.to_owned() });
        }
        let noted = now - NOTED_EVERY;
        if key.last_used_at().is_none_or(|last| last <= noted)
            && let Err(error) = retrying(|| self.note_use(shown.id, now, noted)).await
        {
            // Whoever calls has done nothing wrong.
            tracing::warn!(api_key.id = %shown.id, error.message = %error, "the use of an API key could not be noted");
        }
        let (user_id, workspace_id) = (state.created_by, state.workspace_id);
        Ok(Principal { user_id, workspace_id, credential: Some(credential) })
    }

    async fn note_use(&self, id: ApiKeyId, now: Timestamp, noted: Timestamp) -> Result<(), Error> {
        let unit = self.transactions.begin().await?;
        unit.api_keys().used(id, now, noted).await?;
        Ok(unit.commit().await?)
    }
}

/// Why somebody with a key is not let in; the log gets the id of a key that there is, and never the key.
fn refused(known: Option<ApiKeyId>, reason: impl std::fmt::Display) -> Error {
    let id = known.map(|id| id.to_string());
    tracing::info!(%reason, api_key.id = id, "authentication failed");
    Error::Unauthenticated { message: reason.to_string() }
}
