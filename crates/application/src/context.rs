//! On whose behalf and in which trace a use case runs, and how facts become events.

use goalwright_domain::agent::AgentId;
use goalwright_domain::experience::audit_value;
use goalwright_domain::ledger::{Event, EventId, Fact};
use goalwright_domain::workspace::{Actor, Principal, WorkspaceId};
use goalwright_domain::{Id, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::Error;
use crate::idempotency::RequestKey;
use crate::ports::Ids;

/// Who asks, and in which trace.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Comes from credentials.
    pub principal: Principal,
    /// The request's W3C trace id.
    pub trace_id: Option<Uuid>,
    /// The span by which the request is answered.
    pub span_id: Option<u64>,
    /// Under which a repetition of the request is recognised.
    pub request_key: Option<RequestKey>,
}

impl Context {
    /// For this caller, in no trace and without a key.
    pub const fn of(principal: Principal) -> Self {
        Self { principal, trace_id: None, span_id: None, request_key: None }
    }

    /// The tenant.
    pub const fn workspace(&self) -> WorkspaceId {
        self.principal.workspace_id
    }

    /// Whom events name as their cause.
    pub fn actor(&self) -> Actor {
        self.principal.actor()
    }

    /// Refuses to act for another agent than the one that the caller's API key is bound to.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn act_for(&self, agent: AgentId) -> Result<(), Error> {
        match self.principal.only_agent() {
            Some(own) if own != agent => {
                let message =
                    format!("this API key may act for the agent {own} only; use one of that other agent");
                Err(Error::Forbidden { message })
            }
            _ => Ok(()),
        }
    }

    /// Refuses what people do to an API key that is bound to an agent.
    ///
    /// # Errors
    /// `Forbidden`.
    pub fn act_by_hand(&self) -> Result<(), Error> {
        if self.principal.only_agent().is_none() {
            return Ok(());
        }
        let message =
            "the API key of an agent reports on what it claimed; send the `lease_token` of the claim";
        Err(Error::Forbidden { message: message.to_owned() })
    }

    /// The facts of a command, as events of this caller.
    pub fn events(&self, ids: &dyn Ids, facts: Vec<Fact>, now: Timestamp) -> Vec<Event> {
        events(ids, self.workspace(), &self.actor(), self.trace_id, facts, now)
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
            fact: by_key(Fact { metadata: audit_value(&fact.metadata), ..fact }, actor),
            actor: actor.clone(),
            trace_id,
            created_at: now,
        })
        .collect()
}

/// The fact, with the API key that was used.
fn by_key(mut fact: Fact, actor: &Actor) -> Fact {
    if let (Some(key), Some(metadata)) = (actor.api_key, fact.metadata.as_object_mut()) {
        metadata.insert("api_key_id".to_owned(), json!(key));
    }
    fact
}

/// Draws the id of something new.
pub fn new_id<T>(ids: &dyn Ids) -> Id<T> {
    Id::new(ids.ordered())
}
