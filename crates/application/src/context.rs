//! On whose behalf and in which trace a use case runs, and how facts become events.

use goalwright_domain::experience::audit_value;
use goalwright_domain::ledger::{Event, EventId, Fact};
use goalwright_domain::workspace::{Actor, Principal, WorkspaceId};
use goalwright_domain::{Id, Timestamp};
use uuid::Uuid;

use crate::idempotency::RequestKey;
use crate::ports::Ids;

/// Who asks, and in which trace.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Comes from credentials.
    pub principal: Principal,
    /// The request's W3C trace id.
    pub trace_id: Option<Uuid>,
    /// Under which a repetition of the request is recognised.
    pub request_key: Option<RequestKey>,
}

impl Context {
    /// For this caller, in no trace and without a key.
    pub const fn of(principal: Principal) -> Self {
        Self { principal, trace_id: None, request_key: None }
    }

    /// The tenant.
    pub const fn workspace(&self) -> WorkspaceId {
        self.principal.workspace_id
    }

    /// The facts of a command, as events of this caller.
    pub fn events(&self, ids: &dyn Ids, facts: Vec<Fact>, now: Timestamp) -> Vec<Event> {
        let actor = Actor::user(self.principal.user_id);
        events(ids, self.workspace(), &actor, self.trace_id, facts, now)
    }
}

/// Facts as events of `actor`. What they tell besides the changes is an audit copy.
pub fn events(
    ids: &dyn Ids,
    workspace_id: WorkspaceId,
    actor: &Actor,
    trace_id: Option<Uuid>,
    facts: Vec<Fact>,
    now: Timestamp,
) -> Vec<Event> {
    facts
        .into_iter()
        .map(|fact| Event {
            id: EventId::new(ids.ordered()),
            workspace_id,
            fact: Fact { metadata: audit_value(&fact.metadata), ..fact },
            actor: actor.clone(),
            trace_id,
            created_at: now,
        })
        .collect()
}

/// Draws the id of something new.
pub fn new_id<T>(ids: &dyn Ids) -> Id<T> {
    Id::new(ids.ordered())
}
