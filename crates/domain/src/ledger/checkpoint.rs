//! What is kept of events that were pruned: where they ended, and how what they told of stood there.

use serde_json::{Map, Value, json};

use super::fold::Folded;
use super::told::is_redacted;
use super::{EventId, SealKey};
use crate::workspace::WorkspaceId;
use crate::{Timestamp, canonical};

/// Stands for all events of a ledger up to a position, which are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The position of the last event that is gone; 0 while only the record was pruned.
    pub position: i64,
    /// The seal of that event.
    pub seal: Option<String>,
    /// The fingerprint of the key of that seal; none if nobody could verify it, since the key was lost.
    pub seal_key: Option<String>,
    /// From when on it is known how things stood: no event that is gone was later.
    pub known_from: Timestamp,
    /// What was executed before may be gone from the record.
    pub ended_before: Timestamp,
    /// How many snapshots there are.
    pub snapshots: i64,
    /// All of them together.
    pub sum: SnapshotSum,
    /// The event that tells of it.
    pub told_by: EventId,
}

/// How an entity stood at the checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// `goal`, `task`, `agent`, …
    pub entity_type: String,
    /// The entity.
    pub entity_id: String,
    /// All that its events told until then.
    pub folded: Folded,
}

/// A sum over the marks of snapshots, in any order: one can be added and taken away without looking at the others. Marks
/// are made with the ledger's key, no two snapshots are of the same entity, and the number of them is known, so that nobody
/// without the key finds other snapshots with the same sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnapshotSum([u8; 32]);

impl SnapshotSum {
    /// Of no snapshots.
    pub const NONE: Self = Self([0; 32]);

    /// Adds a mark that was not in it, or takes away one that was.
    pub fn turn(&mut self, mark: &str) {
        for (index, byte) in self.0.iter_mut().enumerate() {
            let digits = mark.get(2 * index..2 * index + 2).unwrap_or("00");
            *byte ^= u8::from_str_radix(digits, 16).unwrap_or(0);
        }
    }

    /// 64 hex digits.
    pub fn hex(&self) -> String {
        canonical::hex(&self.0)
    }

    /// What [`SnapshotSum::hex`] gave.
    pub fn parse(hex: &str) -> Option<Self> {
        let mut sum = Self::NONE;
        sum.turn(hex);
        (sum.hex() == hex).then_some(sum)
    }
}

impl Checkpoint {
    /// As the event tells of it.
    pub fn told(&self) -> Value {
        json!({
            "position": self.position, "seal": self.seal, "seal_key": self.seal_key, "known_from": self.known_from,
            "ended_before": self.ended_before, "snapshots": self.snapshots, "snapshot_sum": self.sum.hex(),
        })
    }
}

/// What of an entity says nothing of people, and is kept when its snapshot is redacted.
const PLAIN: [&str; 6] = ["id", "workspace_id", "goal_id", "status", "created_at", "depends_on"];

impl Snapshot {
    /// The state as the text that is marked and stored.
    pub fn text(&self) -> String {
        canonical::to_string(&Value::Object(self.folded.state.clone()))
    }

    /// The same without what it says of people; `None` if it says nothing more.
    pub fn redacted(&self) -> Option<Self> {
        let gone =
            |field: &str, value: &Value| !PLAIN.contains(&field) && !is_redacted(value) && !value.is_null();
        let fields = self.folded.state.iter();
        fields.clone().any(|(field, value)| gone(field, value)).then(|| {
            let blanked = fields.map(|(field, value)| match gone(field, value) {
                true => (field.clone(), json!({"redacted": true})),
                false => (field.clone(), value.clone()),
            });
            let state: Map<String, Value> = blanked.collect();
            Self { folded: Folded { state, ..self.folded.clone() }, ..self.clone() }
        })
    }
}

impl SealKey {
    /// The mark of a snapshot.
    pub fn snapshot_mark(&self, workspace: WorkspaceId, snapshot: &Snapshot) -> String {
        let workspace = workspace.uuid();
        let Snapshot { entity_type, entity_id, folded } = snapshot;
        let (first, last) = (folded.first_at.to_string(), folded.updated_at.to_string());
        let text = snapshot.text();
        let parts: [&[u8]; 7] = [
            workspace.as_bytes(),
            entity_type.as_bytes(),
            entity_id.as_bytes(),
            &folded.revision.to_be_bytes(),
            first.as_bytes(),
            last.as_bytes(),
            text.as_bytes(),
        ];
        canonical::hex(&self.mac(b"goalwright.snapshot.v1", &parts))
    }

    /// The mark of a checkpoint.
    pub fn checkpoint_mark(&self, workspace: WorkspaceId, checkpoint: &Checkpoint) -> String {
        let (workspace, told_by) = (workspace.uuid(), checkpoint.told_by.uuid());
        let told = canonical::to_string(&checkpoint.told());
        let parts: [&[u8]; 3] = [workspace.as_bytes(), told_by.as_bytes(), told.as_bytes()];
        canonical::hex(&self.mac(b"goalwright.checkpoint.v1", &parts))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn snapshot(title: &str) -> Snapshot {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().expect("valid");
        let state = json!({"title": title, "status": "ready", "key": null});
        let state = state.as_object().cloned().expect("fields");
        let folded = Folded { state, revision: 3, first_at: at, updated_at: at };
        Snapshot { entity_type: "task".to_owned(), entity_id: "1".to_owned(), folded }
    }

    #[test]
    fn a_sum_forgets_the_order_and_nothing_else() {
        let key = SealKey::from_secret(b"k");
        let workspace = WorkspaceId::new(Uuid::from_u128(1));
        let marks = ["a", "b", "c"].map(|title| key.snapshot_mark(workspace, &snapshot(title)));
        let sum = |marks: &[&String]| {
            let mut sum = SnapshotSum::default();
            marks.iter().for_each(|mark| sum.turn(mark));
            sum
        };
        let [a, b, c] = &marks;
        assert_eq!(sum(&[a, b, c]), sum(&[c, a, b]));
        assert_ne!(sum(&[a, b]), sum(&[a, b, c]));
        assert_eq!(sum(&[a, b, c, b]), sum(&[a, c]));
        assert_eq!(SnapshotSum::parse(&sum(&[a, b]).hex()), Some(sum(&[a, b])));
        assert_eq!(SnapshotSum::parse("xyz"), None);
    }

    #[test]
    fn a_snapshot_loses_what_it_says_of_people_once() {
        let gone = snapshot("Call Ada").redacted().expect("there is something to redact");
        assert_eq!(
            Value::Object(gone.folded.state.clone()),
            json!({"title": {"redacted": true}, "status": "ready", "key": null})
        );
        assert_eq!(gone.folded.revision, 3);
        assert_eq!(gone.redacted(), None);
    }
}
