//! Events: what changed, by whom, in which trace — and how to read them back into state.
//!
//! `changes` is `{field: {from, to}}`; a `*.created` event carries every field. The revision of an entity is the
//! number of its events, and its `updated_at` the time of the last one, so neither stands in `changes`: folding an
//! entity's events in order gives its row back (see [`fold`]).

mod fold;

use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub use fold::{Folded, fold};

use crate::workspace::{Actor, WorkspaceId};
use crate::{Id, Timestamp, canonical};

/// Id of an event.
pub type EventId = Id<Event>;

/// One entry of the ledger as it is appended. Its position in the workspace is given later, without gaps.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Version 7.
    pub id: EventId,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// What happened to what.
    pub fact: Fact,
    /// Who caused it.
    pub actor: Actor,
    /// The trace it belongs to.
    pub trace_id: Option<Uuid>,
    /// When.
    pub created_at: Timestamp,
}

impl Event {
    /// The digest that the seal will cover: everything that never changes about the event. It is stored with the
    /// event, so that it survives the redaction of the payload.
    pub fn digest(&self) -> String {
        canonical::digest(&json!({
            "id": self.id, "workspace_id": self.workspace_id, "entity_type": self.fact.entity_type,
            "entity_id": self.fact.entity_id, "event_type": self.fact.event_type, "actor": self.actor,
            "changes": self.fact.changes, "metadata": self.fact.metadata, "trace_id": self.trace_id,
            "created_at": self.created_at,
        }))
    }
}

/// What an aggregate says about itself; the unit of work adds who, when and in which trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// `goal`, `task`, `agent`, …
    pub entity_type: &'static str,
    /// The entity's id as text.
    pub entity_id: String,
    /// `<noun>.<past participle>`.
    pub event_type: &'static str,
    /// `{field: {from, to}}`.
    pub changes: Value,
    /// What is worth knowing besides.
    pub metadata: Value,
}

impl Fact {
    /// The first event of an entity: every field, from null.
    pub fn created<S: Serialize>(
        entity_type: &'static str,
        event_type: &'static str,
        id: impl ToString,
        state: &S,
    ) -> Self {
        Self {
            entity_type,
            entity_id: id.to_string(),
            event_type,
            changes: changes(&Value::Null, &snapshot(state)),
            metadata: json!({}),
        }
    }

    /// What differs between two states of an entity.
    pub fn changed<S: Serialize>(
        entity_type: &'static str,
        event_type: &'static str,
        id: impl ToString,
        before: &S,
        after: &S,
    ) -> Self {
        Self {
            entity_type,
            entity_id: id.to_string(),
            event_type,
            changes: changes(&snapshot(before), &snapshot(after)),
            metadata: json!({}),
        }
    }

    /// The last event of an entity: every field, to null.
    pub fn deleted<S: Serialize>(
        entity_type: &'static str,
        event_type: &'static str,
        id: impl ToString,
        state: &S,
    ) -> Self {
        let last = snapshot(state);
        let fields = last.as_object().into_iter().flatten();
        let changes = fields.map(|(field, from)| (field.clone(), json!({"from": from, "to": null})));
        Self {
            entity_type,
            entity_id: id.to_string(),
            event_type,
            changes: Value::Object(changes.collect()),
            metadata: json!({}),
        }
    }

    /// The same fact with metadata.
    #[must_use]
    pub fn with(mut self, metadata: Value) -> Self {
        self.metadata = metadata;
        self
    }
}

fn snapshot<S: Serialize>(state: &S) -> Value {
    // A state is a plain struct of values that all serialise; a map key that is no string cannot occur in it.
    serde_json::to_value(state).unwrap_or(Value::Null)
}

/// `{field: {from, to}}` for every field that differs. `Null` as the first state means: there was none yet, and
/// every field is listed, also those that are null.
fn changes(before: &Value, after: &Value) -> Value {
    let nothing = Map::new();
    let (old, new) = (before.as_object(), after.as_object().unwrap_or(&nothing));
    let mut out = Map::new();
    for (field, to) in new {
        let from = old.and_then(|fields| fields.get(field)).unwrap_or(&Value::Null);
        if old.is_none() || from != to {
            out.insert(field.clone(), json!({"from": from, "to": to}));
        }
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct State {
        name: &'static str,
        due: Option<u8>,
    }

    #[test]
    fn created_lists_every_field_and_changed_only_what_differs() {
        let before = State { name: "a", due: None };
        let after = State { name: "b", due: None };
        assert_eq!(
            Fact::created("x", "x.created", 1, &before).changes,
            json!({"name": {"from": null, "to": "a"}, "due": {"from": null, "to": null}})
        );
        assert_eq!(
            Fact::deleted("x", "x.deleted", 1, &before).changes,
            json!({"name": {"from": "a", "to": null}, "due": {"from": null, "to": null}})
        );
        assert_eq!(
            Fact::changed("x", "x.renamed", 1, &before, &after).changes,
            json!({"name": {"from": "a", "to": "b"}})
        );
    }
}
