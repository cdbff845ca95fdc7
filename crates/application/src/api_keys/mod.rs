//! API keys: make them, read them, take them back.

mod create;
mod revoke;

use std::sync::Arc;

use goalwright_domain::api_key::{ApiKey, ApiKeyId};

use crate::ports::{Clock, Ids, Signals, Transactions};
use crate::read::{Page, PageRequest, Queries};
use crate::{Context, Error};

pub use create::Issued;

/// What the requests that make keys are remembered as.
pub(crate) const NOUN: &str = "api_key";

/// What can be done with API keys.
pub struct ApiKeys {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    signals: Arc<dyn Signals>,
}

impl ApiKeys {
    /// Over these ports.
    pub fn new(
        transactions: Arc<dyn Transactions>,
        queries: Arc<dyn Queries>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        signals: Arc<dyn Signals>,
    ) -> Self {
        Self { transactions, queries, clock, ids, signals }
    }

    /// One key.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, context: &Context, id: ApiKeyId) -> Result<ApiKey, Error> {
        self.queries.api_key(context.workspace(), id).await?.ok_or_else(|| Error::not_found("API key", id))
    }

    /// Keys, newest first, also those that are revoked.
    ///
    /// # Errors
    /// What storage says.
    pub async fn list(&self, context: &Context, page: &PageRequest) -> Result<Page<ApiKey>, Error> {
        self.queries.api_keys(context.workspace(), page).await
    }
}
