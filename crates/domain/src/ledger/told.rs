//! What the ledger tells of itself: payloads that were redacted, and keys that were changed.

use serde_json::{Map, Value, json};

use super::{Checkpoint, Event, EventId, Fact, SealKey};
use crate::experience::audit_text;
use crate::workspace::{Actor, WorkspaceId};
use crate::{Timestamp, canonical};

/// The type of the event that says which payloads are gone.
pub const EVENT_REDACTED: &str = "event.redacted";
/// The type of the event that says that the chain goes on with another key.
pub const LEDGER_CONTINUED: &str = "ledger.continued";
/// The type of the event that says up to where events are gone, and what else is.
pub const LEDGER_PRUNED: &str = "ledger.pruned";
/// An event tells of at most so many payloads.
pub const REDACTED_AT_ONCE: usize = 200;

/// `changes` without their values: `{field: {"redacted": true}}`. Which fields of the entity changed stays, what they were
/// does not.
pub fn blank(changes: &Value) -> Value {
    let fields = changes.as_object().into_iter().flatten();
    let fields = fields.filter(|(_, change)| change.get("from").is_some() && change.get("to").is_some());
    Value::Object(fields.map(|(field, _)| (field.clone(), json!({"redacted": true}))).collect())
}

/// Whether this is what [`blank`] leaves.
pub fn is_blank(changes: &Value) -> bool {
    changes.as_object().is_some_and(|fields| fields.values().all(is_redacted))
}

/// Whether a change, or a field of a [folded](super::fold) state, was redacted.
pub fn is_redacted(change: &Value) -> bool {
    change.get("redacted") == Some(&Value::Bool(true)) && change.as_object().is_some_and(|one| one.len() == 1)
}

/// What an event of the ledger says about the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The payloads of these events are gone.
    Redaction {
        /// Each with the digest of what it was.
        events: Vec<(EventId, String)>,
        /// By [`SealKey::redaction_mark`].
        mark: String,
    },
    /// The chain goes on with another key.
    Continuation(Continuation),
    /// What came before is gone. The canonical text of [`Checkpoint::told`].
    Pruning(String),
}

/// How a chain goes on with another key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    /// Up to where it is sealed with the key before.
    pub position: i64,
    /// The seal there.
    pub seal: String,
    /// The fingerprint of the key before.
    pub from_key: String,
    /// The fingerprint of the key from then on.
    pub to_key: String,
    /// By the key from then on, for the key before; see [`SealKey::continuation_mark`].
    pub mark: String,
    /// By the key before, for the key from then on; none where the key before was lost.
    pub handover: Option<String>,
}

impl Told {
    /// What an event of this type with this metadata says; `None` if it says nothing of the ledger, or nothing that can
    /// be understood.
    pub fn of(event_type: &str, metadata: &Value) -> Option<Self> {
        let word = |name: &str| metadata[name].as_str().map(str::to_owned);
        match event_type {
            EVENT_REDACTED => {
                let one = |told: &Value| {
                    Some((told["id"].as_str()?.parse().ok()?, told["digest"].as_str()?.to_owned()))
                };
                let events = metadata["events"].as_array()?.iter().map(one).collect::<Option<_>>()?;
                Some(Self::Redaction { events, mark: word("mark")? })
            }
            LEDGER_CONTINUED => Some(Self::Continuation(Continuation {
                position: metadata["position"].as_i64()?,
                seal: word("seal")?,
                from_key: word("from_key")?,
                to_key: word("to_key")?,
                mark: word("mark")?,
                handover: word("handover"),
            })),
            LEDGER_PRUNED => Some(Self::Pruning(canonical::to_string(metadata.get("checkpoint")?))),
            _ => None,
        }
    }
}

/// Who says something of a workspace's ledger, when, and under which id.
#[derive(Debug, Clone)]
pub struct Saying {
    /// The id of the event.
    pub id: EventId,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Who says so.
    pub actor: Actor,
    /// When.
    pub created_at: Timestamp,
    /// Why, in words of theirs. It is kept for ever, so it is scrubbed.
    pub reason: String,
}

impl Saying {
    /// The event that the payloads of `events` are gone, and what else is: `copies` counts it by kind.
    pub fn redaction(self, key: &SealKey, events: &[(EventId, String)], copies: Map<String, Value>) -> Event {
        let told: Vec<Value> =
            events.iter().map(|(id, digest)| json!({"id": id, "digest": digest})).collect();
        let mark = key.redaction_mark(self.workspace_id, self.id, events);
        let metadata = json!({"events": told, "copies": copies, "mark": mark});
        self.event(EVENT_REDACTED, metadata)
    }

    /// The event that the chain goes on with `new` behind `position`. With the key before at hand the event proves that it
    /// was handed over; without it, it says that it was lost.
    pub fn continuation(
        self,
        (position, seal): (i64, &str),
        from_key: &str,
        old: Option<&SealKey>,
        new: &SealKey,
    ) -> Event {
        let to_key = new.fingerprint();
        let mark = new.continuation_mark(self.workspace_id, position, seal, from_key);
        let handover = old.map(|old| old.continuation_mark(self.workspace_id, position, seal, &to_key));
        let metadata = json!({
            "position": position, "seal": seal, "from_key": from_key, "to_key": to_key, "mark": mark,
            "handover": handover, "key_lost": old.is_none(),
        });
        self.event(LEDGER_CONTINUED, metadata)
    }

    /// The event that everything before the checkpoint is gone, and how much went this time, by kind.
    pub fn pruning(self, checkpoint: &Checkpoint, gone: Map<String, Value>) -> Event {
        let metadata = json!({"checkpoint": checkpoint.told(), "pruned": gone});
        self.event(LEDGER_PRUNED, metadata)
    }

    fn event(self, event_type: &'static str, mut metadata: Value) -> Event {
        metadata["reason"] = json!(audit_text(&self.reason));
        Event {
            id: self.id,
            workspace_id: self.workspace_id,
            fact: Fact {
                entity_type: "ledger",
                entity_id: self.workspace_id.to_string(),
                event_type,
                changes: json!({}),
                metadata,
            },
            actor: self.actor,
            trace_id: None,
            created_at: self.created_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn saying() -> Saying {
        Saying {
            id: EventId::new(Uuid::from_u128(9)),
            workspace_id: WorkspaceId::new(Uuid::from_u128(1)),
            actor: Actor::system("test"),
            created_at: "2026-01-01T00:00:00Z".parse().expect("time"),
            reason: "asked for by ada@example.org".to_owned(),
        }
    }

    #[test]
    fn a_blank_keeps_the_names_of_fields_and_nothing_else() {
        let changes = json!({"title": {"from": null, "to": "Call Ada"}, "tasks_created": 3});
        let left = blank(&changes);
        assert_eq!(left, json!({"title": {"redacted": true}}));
        assert!(is_blank(&left) && is_blank(&json!({})));
        for other in [changes, json!({"title": {"redacted": true, "to": "x"}}), json!([]), json!(null)] {
            assert!(!is_blank(&other), "{other}");
        }
    }

    #[test]
    fn what_is_said_is_understood_and_the_reason_is_scrubbed() {
        let key = SealKey::from_secret(b"k");
        let events = vec![(EventId::new(Uuid::from_u128(3)), "sha256:03".to_owned())];
        let event = saying().redaction(&key, &events, Map::new());
        assert_eq!(event.fact.metadata["reason"], "asked for by [email]");
        let mark = key.redaction_mark(event.workspace_id, event.id, &events);
        let told = Told::of(event.fact.event_type, &event.fact.metadata);
        assert_eq!(told, Some(Told::Redaction { events, mark }));
        assert_eq!(Told::of(EVENT_REDACTED, &json!({"events": [{"id": "x"}], "mark": ""})), None);
        assert_eq!(Told::of("task.created", &event.fact.metadata), None);
    }
}
