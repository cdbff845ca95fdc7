use goalwright_application::audit::{Invalid, Verified};
use goalwright_application::read::EventView;
use goalwright_domain::workspace::{Actor, ActorKind};
use poem_openapi::Object;
use uuid::Uuid;

use crate::nullable::Nullable;
use crate::values::{FreeObject, Moment, Word};

/// One entry of the ledger.
#[derive(Debug, Object)]
#[oai(rename = "Event")]
pub(crate) struct EventBody {
    /// Its id.
    id: Uuid,
    /// Its place in the workspace's ledger, from 1, without gaps.
    position: i64,
    /// The tenant.
    workspace_id: Uuid,
    /// Such as `goal` or `task`.
    entity_type: String,
    /// The thing's id.
    entity_id: String,
    /// Such as `task.completed`.
    event_type: String,
    /// Who caused it.
    actor: ActorBody,
    /// What changed, as `{field: {from, to}}`; of the first event of a thing every field.
    changes: FreeObject,
    /// What is worth knowing besides.
    metadata: FreeObject,
    /// The trace it belongs to.
    trace_id: Nullable<Uuid>,
    /// When.
    created_at: Moment,
    /// The event that says that what this one told was redacted: then `changes` has `{"redacted": true}` for each field
    /// that changed, and `metadata` is empty.
    redacted_by: Nullable<Uuid>,
}

/// Who caused an event.
#[derive(Debug, Object)]
#[oai(rename = "Actor")]
pub(crate) struct ActorBody {
    /// What kind of actor.
    #[oai(rename = "type")]
    kind: Word<ActorKind>,
    /// A user's id, an agent's id, or the name of a part of the product.
    id: String,
}

impl From<EventView> for EventBody {
    fn from(event: EventView) -> Self {
        Self {
            id: event.id,
            position: event.position,
            workspace_id: event.workspace_id.uuid(),
            entity_type: event.entity_type,
            entity_id: event.entity_id,
            event_type: event.event_type,
            actor: event.actor.into(),
            changes: FreeObject(event.changes),
            metadata: FreeObject(event.metadata),
            trace_id: event.trace_id.into(),
            created_at: event.created_at.into(),
            redacted_by: event.redacted_by.into(),
        }
    }
}

impl From<Actor> for ActorBody {
    fn from(Actor { kind, id, .. }: Actor) -> Self {
        Self { kind: Word(kind), id }
    }
}

/// What came of verifying a ledger.
#[derive(Debug, Object)]
#[oai(rename = "AuditVerification")]
pub(crate) struct AuditBody {
    /// Whether every event is what was written.
    valid: bool,
    /// Events that are as they were written, from the first one on that is there.
    events: i64,
    /// How many events before these were pruned, under a checkpoint that the ledger tells of.
    pruned: i64,
    /// How many of them were redacted, each under an event that says so.
    redacted: i64,
    /// How many of them, the first ones, nobody can verify any more: the key that they are sealed with was given up for
    /// lost, as the ledger and the server's data directory say. `valid` is about the others.
    unverifiable: i64,
    /// The first thing that is wrong; null if nothing is.
    first_invalid: Nullable<InvalidBody>,
}

/// The first thing that is wrong with a ledger.
#[derive(Debug, Object)]
#[oai(rename = "InvalidEvent")]
pub(crate) struct InvalidBody {
    /// The event; where the last events were removed, the last one that is left, and null if none is.
    event_id: Nullable<Uuid>,
    /// Its position; 0 if no event is left.
    position: i64,
    /// What is wrong with it.
    reason: String,
}

impl From<Verified> for AuditBody {
    fn from(Verified { events, pruned, redacted, unverifiable, first_invalid, .. }: Verified) -> Self {
        Self {
            valid: first_invalid.is_none(),
            events,
            pruned,
            redacted,
            unverifiable,
            first_invalid: first_invalid.map(InvalidBody::from).into(),
        }
    }
}

impl From<Invalid> for InvalidBody {
    fn from(Invalid { event_id, position, reason }: Invalid) -> Self {
        Self { event_id: event_id.map(|id| id.uuid()).into(), position, reason: reason.to_string() }
    }
}
