//! What a chain consists of, what is noted of it, and what can be wrong with it.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::ledger::EventId;
use crate::ledger::told::Told;

/// Where a chain ends, as it is stored apart from the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The position of the last event; 0 while there is none.
    pub position: i64,
    /// The position up to which events are sealed.
    pub sealed: i64,
    /// The seal there.
    pub seal: Option<String>,
    /// Of the sealed part, by [`SealKey::head_mark`](crate::ledger::SealKey::head_mark).
    pub mark: Option<String>,
}

/// An event as the chain sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The event.
    pub id: EventId,
    /// Its position.
    pub position: i64,
    /// The digest that is stored with it.
    pub digest: String,
    /// The digest of what is stored now; none once its payload was redacted.
    pub recomputed: Option<String>,
    /// The event that says that its payload was redacted.
    pub redacted_by: Option<EventId>,
    /// What it says of the ledger.
    pub told: Option<Told>,
    /// Its seal; none while it is not sealed.
    pub seal: Option<String>,
}

/// What was once the end of a chain, noted outside the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The position of the last sealed event.
    pub position: i64,
    /// Its seal.
    pub seal: String,
}

/// A key that was given up for lost, noted outside the database: whoever has the database alone cannot pretend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Up to where the chain was sealed with it.
    pub position: i64,
    /// The seal there.
    pub seal: String,
    /// Its fingerprint.
    pub key: String,
    /// When it was given up.
    pub at: Timestamp,
    /// What had been noted of the chain until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noted: Option<Anchor>,
}

/// All that was noted of a chain outside the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// Where it ended.
    #[serde(flatten)]
    pub anchor: Option<Anchor>,
    /// Keys that were lost, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<Loss>,
}

impl Noted {
    /// The seals that must be found, each with its position.
    pub(super) fn seals(&self) -> impl Iterator<Item = (i64, &str)> {
        let anchors = self.anchor.iter().chain(self.losses.iter().filter_map(|loss| loss.noted.as_ref()));
        let lost = self.losses.iter().map(|loss| (loss.position, loss.seal.as_str()));
        anchors.map(|anchor| (anchor.position, anchor.seal.as_str())).chain(lost)
    }

    /// The loss that makes the event at `position` one that nobody can verify.
    pub(super) fn covering(&self, position: i64) -> Option<&Loss> {
        self.losses.iter().filter(|loss| loss.position >= position).min_by_key(|loss| loss.position)
    }
}

/// What is wrong with a ledger, first things first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The payload is not what was appended.
    #[error("the event was changed after it was appended")]
    Changed,
    /// Positions before it are missing.
    #[error("{count} event(s) before this one were removed")]
    Removed {
        /// How many.
        count: i64,
    },
    /// The seal does not follow from the events before it: it was inserted, moved, or its digest was changed.
    #[error("the seal does not fit: the event was inserted, moved, or changed together with its digest")]
    Unfitting,
    /// An event before the end of the sealed part has no seal.
    #[error("the seal was removed")]
    Unsealed,
    /// The seals up to here are whole, and not those that were noted outside the database.
    #[error(
        "the history up to this event was rewritten: its seal is not the one that was noted outside the database"
    )]
    Rewritten,
    /// The payload is gone and nobody with the key said so.
    #[error("the payload was taken away, and no redaction that was made with the key tells of it")]
    Blanked,
    /// It says something of the ledger that no holder of the key said.
    #[error("the event says something of the ledger that was not said by a holder of the key")]
    Forged,
    /// The events from here on are sealed with a key that is not here.
    #[error(
        "the events from this one on are sealed with the key {key}, which is not here; put it into `audit-keys` in the \
         data directory"
    )]
    KeyMissing {
        /// Its fingerprint.
        key: String,
    },
    /// It says that a key was lost, and outside the database nobody knows of it.
    #[error(
        "the event says that the key {key} was lost, and `audit-anchors.json` in this data directory does not: take the \
         file from where the ledger was continued, or somebody pretends a loss"
    )]
    UnknownLoss {
        /// The fingerprint of the key.
        key: String,
    },
    /// What stands for pruned events was not written by a holder of the key, or is not the one that the ledger tells of.
    #[error(
        "the checkpoint that stands for pruned events is not the one that the ledger tells of: it was forged, moved or \
         taken from an earlier time"
    )]
    CheckpointForged,
    /// What stands for pruned events is gone.
    #[error(
        "the ledger tells that it was pruned, and the checkpoint that stands for what is gone was removed"
    )]
    CheckpointRemoved,
    /// Events before the checkpoint are there, or came back.
    #[error("{count} event(s) up to the checkpoint are there, although they were pruned")]
    NotPruned {
        /// How many.
        count: i64,
    },
    /// What is kept of pruned events was changed.
    #[error(
        "what is kept of {entity_type} {entity_id} at the checkpoint was not written by a holder of the key"
    )]
    SnapshotForged {
        /// Of which type.
        entity_type: String,
        /// Of which entity.
        entity_id: String,
    },
    /// Snapshots were removed, added or exchanged.
    #[error("what is kept at the checkpoint is not complete: snapshots were removed, added or exchanged")]
    SnapshotsExchanged,
    /// The ledger went on to a later position.
    #[error("{count} event(s) after this one were removed")]
    TailRemoved {
        /// How many.
        count: i64,
    },
    /// The head was not written by a holder of the key.
    #[error("the head of the ledger was changed: it does not fit the events")]
    HeadChanged,
}
