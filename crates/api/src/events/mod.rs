//! Events: everything that changed, in order.

mod bodies;

use goalwright_application::Services;
use goalwright_application::read::EventFilter;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use uuid::Uuid;

use crate::answer::Shown;
use crate::auth::{Caller, Read};
use crate::document::Chapter;
use crate::page::{Limit, List, list, page};
use crate::problem::Problem;
use bodies::AuditBody;
pub(crate) use bodies::EventBody;

const LIST: &str = "events";

/// Read events.
pub(crate) struct Events(pub(crate) Services);

#[OpenApi(tag = "Chapter::Events")]
impl Events {
    /// List events.
    ///
    /// What changed in the workspace, newest first; positions have no gaps. Filters are combined.
    #[expect(clippy::too_many_arguments, reason = "one per filter")]
    #[oai(path = "/v1/events", method = "get", operation_id = "list_events")]
    async fn list(
        &self,
        caller: Caller<Read>,
        /// Only events about this kind of thing, such as `goal` or `task`.
        entity_type: Query<Option<String>>,
        /// Only events about the thing with this id.
        entity_id: Query<Option<String>>,
        /// Only events of this type, such as `task.completed`.
        event_type: Query<Option<String>>,
        /// Only events of this trace.
        trace_id: Query<Option<Uuid>>,
        /// The most items of the page.
        limit: Query<Option<Limit>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Shown<List<EventBody>>, Problem> {
        let filter = EventFilter {
            entity_type: entity_type.0,
            // As it is stored, however it is written.
            entity_id: entity_id.0.map(|id| id.parse::<Uuid>().map_or(id, |uuid| uuid.to_string())),
            event_type: event_type.0,
            trace_id: trace_id.0,
        };
        let page = page(LIST, limit.0, cursor.0)?;
        Ok(list(LIST, self.0.queries.events(caller.0.workspace(), &filter, &page).await?))
    }

    /// Verify the ledger.
    ///
    /// Follows the workspace's events from the first one that was not pruned to where the ledger ends now, and recomputes their digests and
    /// their keyed seals. Tells the first event that was changed, removed, inserted or moved since it was written. Takes as
    /// long as there are events.
    #[oai(path = "/v1/audit/verify", method = "get", operation_id = "verify_audit")]
    async fn verify(&self, caller: Caller<Read>) -> Result<Shown<AuditBody>, Problem> {
        let verified = self.0.audit.verify(caller.0.workspace()).await?;
        Ok(Shown(verified.into()))
    }
}
