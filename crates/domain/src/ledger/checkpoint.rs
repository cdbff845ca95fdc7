//! What is kept of events that were pruned: where they ended, and how what they told of stood there.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

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

/// A sum over the marks of snapshots, in any order: one can be added and taken away without looking at the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotSum(Summed);

/// How marks are summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Summed {
    /// Each mark is spread over [`LANES`] numbers by its hash, and these are added one by one. Whoever collects any number
    /// of marks that were made with the key finds no others with the same sum: that is to solve a lattice of this size
    /// (LtHash).
    Lanes(Box<[u16; LANES]>),
    /// Exclusive or, as checkpoints had it first: with some hundreds of older marks at hand, others with the same sum can be
    /// computed.
    Bits([u8; 32]),
}

/// 2,048 bytes.
const LANES: usize = 1_024;
/// So many lanes come of one hash.
const LANES_AT_ONCE: usize = 16;

impl Default for SnapshotSum {
    fn default() -> Self {
        Self(Summed::Lanes(Box::new([0; LANES])))
    }
}

impl SnapshotSum {
    /// Of no snapshots, summed up as this one is.
    pub fn nothing(&self) -> Self {
        match self.0 {
            Summed::Lanes(_) => Self::default(),
            Summed::Bits(_) => Self(Summed::Bits([0; 32])),
        }
    }

    /// Whether it is of the kind that can be forged, so that it is to be made anew.
    pub const fn is_weak(&self) -> bool {
        matches!(self.0, Summed::Bits(_))
    }

    /// Adds a mark that was not in it.
    pub fn add(&mut self, mark: &str) {
        self.turn(mark, u16::wrapping_add);
    }

    /// Takes away a mark that was in it.
    pub fn remove(&mut self, mark: &str) {
        self.turn(mark, u16::wrapping_sub);
    }

    fn turn(&mut self, mark: &str, turn: fn(u16, u16) -> u16) {
        match &mut self.0 {
            Summed::Lanes(lanes) => {
                for (index, part) in (0u32..).zip(lanes.chunks_mut(LANES_AT_ONCE)) {
                    let hash = Sha256::new()
                        .chain_update(b"goalwright.snapshot-sum.v2\0")
                        .chain_update(index.to_be_bytes())
                        .chain_update(mark)
                        .finalize();
                    for (lane, bytes) in part.iter_mut().zip(hash.chunks_exact(2)) {
                        *lane = turn(*lane, u16::from_be_bytes([bytes[0], bytes[1]]));
                    }
                }
            }
            Summed::Bits(bits) => {
                for (byte, other) in bits.iter_mut().zip(bytes_of(mark)) {
                    *byte ^= other;
                }
            }
        }
    }

    /// As it is stored, in hex digits.
    pub fn hex(&self) -> String {
        match &self.0 {
            Summed::Lanes(lanes) => {
                let bytes: Vec<u8> = lanes.iter().flat_map(|lane| lane.to_be_bytes()).collect();
                canonical::hex(&bytes)
            }
            Summed::Bits(bits) => canonical::hex(bits),
        }
    }

    /// As it is told and marked: 64 hex digits.
    pub fn told(&self) -> String {
        match &self.0 {
            Summed::Lanes(_) => canonical::hex(&Sha256::digest(self.hex())),
            Summed::Bits(bits) => canonical::hex(bits),
        }
    }

    /// What [`SnapshotSum::hex`] gave.
    pub fn parse(hex: &str) -> Option<Self> {
        let bytes: Vec<u8> = bytes_of(hex).collect();
        let sum = if bytes.len() == 32 {
            Self(Summed::Bits(bytes.try_into().ok()?))
        } else {
            let lanes: Vec<u16> =
                bytes.chunks_exact(2).map(|lane| u16::from_be_bytes([lane[0], lane[1]])).collect();
            Self(Summed::Lanes(lanes.try_into().ok()?))
        };
        (sum.hex() == hex).then_some(sum)
    }
}

/// What hex digits stand for; others stand for nothing.
fn bytes_of(hex: &str) -> impl Iterator<Item = u8> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0))
}

impl Checkpoint {
    /// As the event tells of it.
    pub fn told(&self) -> Value {
        json!({
            "position": self.position, "seal": self.seal, "seal_key": self.seal_key, "known_from": self.known_from,
            "ended_before": self.ended_before, "snapshots": self.snapshots, "snapshot_sum": self.sum.told(),
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

    fn marks<const N: usize>(titles: [&str; N]) -> [String; N] {
        let key = SealKey::from_secret(b"k");
        titles.map(|title| key.snapshot_mark(WorkspaceId::new(Uuid::from_u128(1)), &snapshot(title)))
    }

    fn sum_of(nothing: &SnapshotSum, marks: &[&String]) -> SnapshotSum {
        let mut sum = nothing.nothing();
        marks.iter().for_each(|mark| sum.add(mark));
        sum
    }

    #[test]
    fn a_sum_forgets_the_order_and_nothing_else() {
        let [a, b, c] = &marks(["a", "b", "c"]);
        let weak = SnapshotSum::parse(&"0".repeat(64)).expect("of no snapshots");
        assert!(weak.is_weak() && !SnapshotSum::default().is_weak());
        for nothing in [SnapshotSum::default(), weak] {
            let sum = |marks: &[&String]| sum_of(&nothing, marks);
            assert_eq!(sum(&[a, b, c]), sum(&[c, a, b]));
            assert_ne!(sum(&[a, b]), sum(&[a, b, c]));
            let mut less = sum(&[a, b, c]);
            less.remove(b);
            assert_eq!(less, sum(&[a, c]));
            assert_eq!(SnapshotSum::parse(&less.hex()), Some(less.clone()));
            assert_eq!(less.told().len(), 64);
            assert_ne!(less.told(), sum(&[a, b]).told());
        }
        for text in ["", "xyz", &"0".repeat(63), &"z".repeat(64), &"0".repeat(4_098)] {
            assert_eq!(SnapshotSum::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_in_it_twice_is_not_what_is_not_in_it() {
        let [a, b] = &marks(["a", "b"]);
        let sum = |nothing: &SnapshotSum, marks: &[&String]| sum_of(nothing, marks);
        let weak = SnapshotSum::parse(&"0".repeat(64)).expect("of no snapshots");
        assert_eq!(sum(&weak, &[a, b, b]), sum(&weak, &[a]), "why it is weak");
        let strong = SnapshotSum::default();
        assert_ne!(sum(&strong, &[a, b, b]), sum(&strong, &[a]));
    }

    /// With 256 older marks and more, bits can be made to agree by which of two marks is taken of each entity.
    #[test]
    fn older_marks_cannot_be_combined_to_the_same_sum() {
        let titles = |round: &str| -> Vec<String> { (0..300).map(|n| format!("{round} {n}")).collect() };
        let of = |titles: Vec<String>| -> Vec<String> {
            let key = SealKey::from_secret(b"k");
            let workspace = WorkspaceId::new(Uuid::from_u128(1));
            titles.iter().map(|title| key.snapshot_mark(workspace, &snapshot(title))).collect()
        };
        let (old, new) = (of(titles("old")), of(titles("new")));
        // Rows of differences, each with the entities whose older mark makes it; eliminated until one is nothing.
        let mut rows: Vec<([u8; 32], Vec<bool>)> = Vec::new();
        let mut found = None;
        for (entity, (older, newer)) in old.iter().zip(&new).enumerate() {
            let mut bits = [0u8; 32];
            let both = bytes_of(older).zip(bytes_of(newer));
            bits.iter_mut().zip(both).for_each(|(bit, (old, new))| *bit = old ^ new);
            let mut taken: Vec<bool> = (0..old.len()).map(|other| other == entity).collect();
            for (row, of) in &rows {
                let lead = leading(row).expect("a row");
                if bits[lead / 8] & (0x80 >> (lead % 8)) != 0 {
                    bits.iter_mut().zip(row).for_each(|(bit, other)| *bit ^= other);
                    taken.iter_mut().zip(of).for_each(|(one, other)| *one ^= other);
                }
            }
            if leading(&bits).is_none() {
                found = Some(taken);
                break;
            }
            rows.push((bits, taken));
        }
        let taken = found.expect("more marks than bits");
        let both = old.iter().zip(&new).zip(taken);
        let exchanged: Vec<&String> =
            both.map(|((older, newer), taken)| if taken { older } else { newer }).collect();
        let genuine: Vec<&String> = new.iter().collect();
        let weak = SnapshotSum::parse(&"0".repeat(64)).expect("of no snapshots");
        assert_ne!(exchanged, genuine);
        assert_eq!(sum_of(&weak, &exchanged), sum_of(&weak, &genuine), "bits agree");
        let strong = SnapshotSum::default();
        assert_ne!(sum_of(&strong, &exchanged), sum_of(&strong, &genuine), "lanes do not");
    }

    fn leading(bits: &[u8; 32]) -> Option<usize> {
        (0..256).find(|bit| bits[bit / 8] & (0x80 >> (bit % 8)) != 0)
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
