//! Events: what changed, by whom, in which trace — and how to read them back into state.
//!
//! `changes` is `{field: {from, to}}`; a `*.created` event carries every field. The revision of an entity is the
//! number of its events, and its `updated_at` the time of the last one, so neither stands in `changes`: folding an
//! entity's events in order gives its row back (see [`fold`]).

mod checkpoint;
mod compare;
mod fold;
mod past;
mod seal;
mod told;
mod unsaid;
mod verify;

use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub use checkpoint::{Checkpoint, Snapshot, SnapshotSum};
pub use compare::{Disagreement, Entity, Stored, disagreements};
pub use fold::{Folded, fold};
pub use past::{Stood, Telling, gone_on, stood};
pub use seal::{KeyRing, SealKey};
pub use told::{
    Continuation, EVENT_REDACTED, LEDGER_CONTINUED, LEDGER_PRUNED, REDACTED_AT_ONCE, Saying, Told, blank,
    is_blank, is_redacted,
};
pub use verify::{Anchor, Broken, Head, Link, Loss, Noted, Verifier};

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
    /// The digest that the seal covers: everything that never changes about the event. It is stored with the event, so
    /// that it survives the redaction of the payload.
    pub fn digest(&self) -> String {
        let text = canonical::to_string;
        self.digest_over(&text(&self.fact.changes), &text(&self.fact.metadata))
    }

    /// As [`Event::digest`], for whoever has the canonical texts of `changes` and `metadata` already.
    pub fn digest_over(&self, changes: &str, metadata: &str) -> String {
        let content = Content {
            id: self.id,
            workspace_id: self.workspace_id,
            entity_type: self.fact.entity_type,
            entity_id: &self.fact.entity_id,
            event_type: self.fact.event_type,
            actor_type: self.actor.kind.as_str(),
            actor_id: &self.actor.id,
            changes,
            metadata,
            trace_id: self.trace_id,
            created_at: self.created_at,
        };
        content.digest()
    }
}

/// An event as it is stored: what its digest covers. `changes` and `metadata` are canonical texts.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the fields are those of the event")]
pub struct Content<'a> {
    pub id: EventId,
    pub workspace_id: WorkspaceId,
    pub entity_type: &'a str,
    pub entity_id: &'a str,
    pub event_type: &'a str,
    pub actor_type: &'a str,
    pub actor_id: &'a str,
    pub changes: &'a str,
    pub metadata: &'a str,
    pub trace_id: Option<Uuid>,
    pub created_at: Timestamp,
}

impl Content<'_> {
    /// `sha256:` of the canonical document. It is written as one text, without making a value of it first: this is done
    /// for every event.
    pub fn digest(&self) -> String {
        let mut text = String::with_capacity(self.changes.len() + self.metadata.len() + 512);
        let string = |text: &mut String, name: &str, value: &str| {
            text.push_str(name);
            canonical::write_text(value, text);
        };
        string(&mut text, "{\"actor\":{\"id\":", self.actor_id);
        string(&mut text, ",\"type\":", self.actor_type);
        text.push_str("},\"changes\":");
        text.push_str(self.changes);
        string(&mut text, ",\"created_at\":", &self.created_at.to_string());
        string(&mut text, ",\"entity_id\":", self.entity_id);
        string(&mut text, ",\"entity_type\":", self.entity_type);
        string(&mut text, ",\"event_type\":", self.event_type);
        string(&mut text, ",\"id\":", &self.id.to_string());
        text.push_str(",\"metadata\":");
        text.push_str(self.metadata);
        match self.trace_id {
            Some(trace) => string(&mut text, ",\"trace_id\":", &trace.to_string()),
            None => text.push_str(",\"trace_id\":null"),
        }
        string(&mut text, ",\"workspace_id\":", &self.workspace_id.to_string());
        text.push('}');
        format!("sha256:{}", canonical::sha256_hex(text.as_bytes()))
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

    #[test]
    fn the_digest_is_that_of_the_canonical_document() {
        let fact = Fact {
            entity_type: "task",
            entity_id: "ä \"1\"".to_owned(),
            event_type: "task.made",
            changes: json!({"b": 1.0, "a": {"from": null, "to": "x"}}),
            metadata: json!({"z": [1, 2]}),
        };
        for trace_id in [None, Some(Uuid::from_u128(5))] {
            let event = Event {
                id: EventId::new(Uuid::from_u128(1)),
                workspace_id: WorkspaceId::new(Uuid::from_u128(2)),
                fact: fact.clone(),
                actor: Actor::system("kernel"),
                trace_id,
                created_at: "2026-01-01T00:00:00.5Z".parse().expect("time"),
            };
            let document = json!({
                "id": event.id, "workspace_id": event.workspace_id, "entity_type": event.fact.entity_type,
                "entity_id": event.fact.entity_id, "event_type": event.fact.event_type, "actor": event.actor,
                "changes": event.fact.changes, "metadata": event.fact.metadata, "trace_id": event.trace_id,
                "created_at": event.created_at,
            });
            assert_eq!(event.digest(), canonical::digest(&document));
        }
    }

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
