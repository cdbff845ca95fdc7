//! API keys: make them, read them, take them back.

mod bodies;

use goalwright_application::Services;
use goalwright_domain::api_key::ApiKeyId;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use uuid::Uuid;

use crate::answer::{Created, Deleted, Found, Issued, Shown};
use crate::auth::{Admin, Caller};
use crate::body::Body;
use crate::document::Chapter;
use crate::page::{Limit, List, list, page};
use crate::problem::Problem;
use crate::tag::{IfMatch, Tag};
use bodies::{ApiKeyBody, IssuedApiKeyBody, NewApiKeyBody};

const LIST: &str = "api-keys";

/// Make, read and revoke API keys.
pub(crate) struct ApiKeys(pub(crate) Services);

#[OpenApi(tag = "Chapter::ApiKeys")]
impl ApiKeys {
    /// Make an API key.
    ///
    /// The answer has the key as `key`: save it, for it is shown this once. A repetition with the same
    /// `Idempotency-Key` makes no other key and does not show it again: it is answered with 409 `shown_once`, which names
    /// the key that was made.
    #[oai(path = "/v1/api-keys", method = "post", operation_id = "create_api_key")]
    async fn create(
        &self,
        caller: Caller<Admin>,
        body: Body<NewApiKeyBody>,
    ) -> Result<Issued<IssuedApiKeyBody>, Problem> {
        let issued = self.0.api_keys.create(&caller.0, body.0.into()).await?;
        let (id, revision) = (issued.api_key.id(), issued.api_key.revision());
        let location = format!("/v1/api-keys/{id}");
        Ok(Issued(Created { tag: Tag::new(id, revision), location, body: issued.into() }))
    }

    /// List API keys.
    ///
    /// The keys of the workspace, newest first, also those that are revoked or have expired; without what authenticates.
    #[oai(path = "/v1/api-keys", method = "get", operation_id = "list_api_keys")]
    async fn list(
        &self,
        caller: Caller<Admin>,
        /// The most items of the page.
        limit: Query<Option<Limit>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Shown<List<ApiKeyBody>>, Problem> {
        let keys = self.0.api_keys.list(&caller.0, &page(LIST, limit.0, cursor.0)?).await?;
        Ok(list(LIST, keys))
    }

    /// Read an API key.
    ///
    /// All but what authenticates.
    #[oai(path = "/v1/api-keys/:id", method = "get", operation_id = "get_api_key")]
    async fn get(
        &self,
        caller: Caller<Admin>,
        /// The key's id.
        id: Path<Uuid>,
    ) -> Result<Found<ApiKeyBody>, Problem> {
        let key = self.0.api_keys.get(&caller.0, id.0.into()).await?;
        Ok(Found { tag: Tag::new(key.id(), key.revision()), body: key.into() })
    }

    /// Revoke an API key.
    ///
    /// From now on it lets nobody in. It is kept for the record. To revoke it again changes nothing.
    #[oai(path = "/v1/api-keys/:id", method = "delete", operation_id = "revoke_api_key")]
    async fn revoke(
        &self,
        caller: Caller<Admin>,
        /// The key's id.
        id: Path<Uuid>,
        if_match: IfMatch,
    ) -> Result<Deleted, Problem> {
        let id = ApiKeyId::new(id.0);
        self.0.api_keys.get(&caller.0, id).await?;
        self.0.api_keys.revoke(&caller.0, id, &if_match.of(id)?).await?;
        Ok(Deleted)
    }
}
