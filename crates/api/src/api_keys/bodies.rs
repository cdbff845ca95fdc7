use goalwright_application::api_keys::Issued;
use goalwright_domain::api_key::{ApiKey, DraftApiKey, Scope};
use poem_openapi::Object;
use uuid::Uuid;

use crate::nullable::Nullable;
use crate::values::{Moment, Word};

/// An API key to be made.
#[derive(Debug, Object)]
#[oai(rename = "NewApiKey", deny_unknown_fields)]
pub(crate) struct NewApiKeyBody {
    /// What people know it by; several may be called the same.
    name: String,
    /// What it may be used for. Unless given: `read`, `write` and `work`; for the key of an agent, which can have no
    /// other, `read` and `work`. A caller with an API key can give only scopes that theirs has.
    scopes: Option<Vec<Word<Scope>>>,
    /// The only agent that it may act for. Events name that agent as their actor.
    agent_id: Option<Uuid>,
    /// From when on it is not good any more; until it is revoked unless given.
    expires_at: Option<Moment>,
}

impl From<NewApiKeyBody> for DraftApiKey {
    fn from(body: NewApiKeyBody) -> Self {
        Self {
            name: body.name,
            scopes: body.scopes.map(|scopes| scopes.into_iter().map(|word| word.0).collect()),
            agent_id: body.agent_id.map(Into::into),
            expires_at: body.expires_at.map(|at| at.0),
        }
    }
}

/// An API key, without what authenticates.
#[derive(Debug, Object)]
#[oai(rename = "ApiKey")]
pub(crate) struct ApiKeyBody {
    /// Its id; it stands in the key as well.
    id: Uuid,
    /// The one workspace that it is good for.
    workspace_id: Uuid,
    /// The user who made it, on whose behalf it is used.
    created_by: Uuid,
    /// What people know it by.
    name: String,
    /// What it may be used for.
    scopes: Vec<Word<Scope>>,
    /// The only agent that it may act for.
    agent_id: Nullable<Uuid>,
    /// From when on it is not good any more.
    expires_at: Nullable<Moment>,
    /// Since when it is not good any more.
    revoked_at: Nullable<Moment>,
    /// When it was last used, to the minute.
    last_used_at: Nullable<Moment>,
    /// Raised with every change; the `ETag`.
    revision: i64,
    /// When it was made.
    created_at: Moment,
}

/// An API key, with what authenticates.
#[derive(Debug, Object)]
#[oai(rename = "IssuedApiKey")]
pub(crate) struct IssuedApiKeyBody {
    /// What authenticates, as `Authorization: Bearer gw_…`. It is shown in this answer only, and kept nowhere.
    key: String,
    /// The key without it.
    #[oai(flatten)]
    about: ApiKeyBody,
}

impl From<Issued> for IssuedApiKeyBody {
    fn from(issued: Issued) -> Self {
        Self { key: issued.text.reveal().to_owned(), about: issued.api_key.into() }
    }
}

impl From<ApiKey> for ApiKeyBody {
    fn from(key: ApiKey) -> Self {
        let state = key.state();
        Self {
            id: state.id.uuid(),
            workspace_id: state.workspace_id.uuid(),
            created_by: state.created_by.uuid(),
            name: state.name.clone(),
            scopes: state.scopes.iter().map(Word).collect(),
            agent_id: state.agent_id.map(|id| id.uuid()).into(),
            expires_at: state.expires_at.map(Moment).into(),
            revoked_at: state.revoked_at.map(Moment).into(),
            last_used_at: key.last_used_at().map(Moment).into(),
            revision: key.revision(),
            created_at: state.created_at.into(),
        }
    }
}
