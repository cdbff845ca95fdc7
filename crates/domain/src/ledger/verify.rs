//! Following a chain from its beginning to where it ends.

mod shapes;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::told::{Continuation, Told};
use super::{Checkpoint, EventId, KeyRing, SealKey, Snapshot, SnapshotSum};
use crate::canonical;
use crate::workspace::WorkspaceId;
pub use shapes::{Anchor, Broken, Head, Link, Loss, Noted};

/// By what the seals of a stretch of events are judged.
#[derive(Debug, Clone, Copy)]
enum Under<'a> {
    /// The first seal of the stretch tells.
    Undecided,
    /// By this key.
    Key(&'a SealKey),
    /// By nothing, up to this position: the key was given up for lost.
    Nothing(i64),
}

/// Follows a chain from its beginning to its head.
///
/// Head and notes are read before the events: what is appended meanwhile is followed, and not held against them.
#[derive(Debug)]
pub struct Verifier<'a> {
    keys: &'a KeyRing,
    workspace: WorkspaceId,
    head: Head,
    noted: &'a Noted,
    under: Under<'a>,
    position: i64,
    seal: Option<String>,
    /// The seal at the end of the sealed part, as the head tells it, and the key that it was made with.
    at_head: Option<(String, Option<&'a SealKey>)>,
    /// Events whose payload is gone, until the event comes that says so: position, digest, that event.
    unexplained: BTreeMap<EventId, (i64, String, EventId)>,
    redacted: i64,
    unverifiable: i64,
    /// What stands for the events before the first one that is followed.
    checkpoint: Option<&'a Checkpoint>,
    /// The snapshots that were looked at: how many, and their sum.
    snapshots: (i64, SnapshotSum),
    /// The last event that tells of a pruning, and what it says.
    pruning: Option<(EventId, String)>,
}

impl<'a> Verifier<'a> {
    /// Of this workspace's chain.
    pub fn new(keys: &'a KeyRing, workspace: WorkspaceId, head: Head, noted: &'a Noted) -> Self {
        Self {
            keys,
            workspace,
            head,
            noted,
            under: Under::Undecided,
            position: 0,
            seal: None,
            at_head: None,
            unexplained: BTreeMap::new(),
            redacted: 0,
            unverifiable: 0,
            checkpoint: None,
            snapshots: (0, SnapshotSum::default()),
            pruning: None,
        }
    }

    /// Of this workspace's chain behind what was pruned. The checkpoint comes with its mark.
    ///
    /// # Errors
    /// If no holder of the key made it, or what was noted outside the database contradicts it.
    pub fn behind(
        (keys, workspace): (&'a KeyRing, WorkspaceId),
        head: Head,
        noted: &'a Noted,
        (checkpoint, mark): (&'a Checkpoint, &str),
    ) -> Result<Self, Broken> {
        let made = |key: &SealKey| key.checkpoint_mark(workspace, checkpoint) == mark;
        let lost = noted.covering(checkpoint.position).is_some();
        if !keys.all().any(made) && !lost {
            return Err(Broken::CheckpointForged);
        }
        let seal = checkpoint.seal.as_deref();
        let mut at_end = noted.seals().filter(|(position, _)| *position == checkpoint.position);
        if at_end.any(|(_, known)| seal != Some(known)) {
            return Err(Broken::Rewritten);
        }
        let known = checkpoint.seal_key.as_deref().and_then(|name| keys.find(name));
        let under = match (known, noted.covering(checkpoint.position + 1)) {
            (Some(key), _) => Under::Key(key),
            (None, Some(loss)) => Under::Nothing(loss.position),
            (None, None) => Under::Undecided,
        };
        let new = Self::new(keys, workspace, head, noted);
        let (position, seal) = (checkpoint.position, checkpoint.seal.clone());
        let snapshots = (0, checkpoint.sum.nothing());
        Ok(Self { under, position, seal, checkpoint: Some(checkpoint), snapshots, ..new })
    }

    /// What is kept of an entity at the checkpoint, with its mark.
    ///
    /// # Errors
    /// If no holder of the key made it.
    pub fn keep(&mut self, snapshot: &Snapshot, mark: &str) -> Result<(), Broken> {
        let made = |key: &SealKey| key.snapshot_mark(self.workspace, snapshot) == mark;
        let lost = self.checkpoint.is_some_and(|kept| self.noted.covering(kept.position).is_some());
        if !self.keys.all().any(made) && !lost {
            let Snapshot { entity_type, entity_id, .. } = snapshot.clone();
            return Err(Broken::SnapshotForged { entity_type, entity_id });
        }
        self.snapshots.0 += 1;
        self.snapshots.1.add(mark);
        Ok(())
    }

    /// The fingerprint of the key by which the last event was judged; none if that could not be.
    pub fn sealed_by(&self) -> Option<String> {
        self.key().map(SealKey::fingerprint)
    }

    /// How many events were pruned before those that are followed.
    pub fn pruned(&self) -> i64 {
        self.checkpoint.map_or(0, |checkpoint| checkpoint.position)
    }

    /// How far the chain was followed.
    pub const fn position(&self) -> i64 {
        self.position
    }

    /// Events whose payloads were redacted.
    pub const fn redacted(&self) -> i64 {
        self.redacted
    }

    /// Events that nobody can verify any more, since the key that they are sealed with was given up for lost.
    pub const fn unverifiable(&self) -> i64 {
        self.unverifiable
    }

    /// The first event whose payload is gone without an event that says so, so far.
    pub fn unexplained(&self) -> Option<(EventId, i64)> {
        let first = self.unexplained.iter().min_by_key(|(_, (position, ..))| *position);
        first.map(|(id, (position, ..))| (*id, *position))
    }

    /// The next event, in the order of positions.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn follow(&mut self, link: &Link) -> Result<(), Broken> {
        let missing = link.position - self.position - 1;
        if missing > 0 {
            return Err(Broken::Removed { count: missing });
        }
        if missing < 0 {
            return Err(Broken::Unfitting);
        }
        if link.recomputed.as_ref().is_some_and(|recomputed| *recomputed != link.digest) {
            return Err(Broken::Changed);
        }
        let sealed_so_far = self.position == 0 || self.seal.is_some();
        match &link.seal {
            Some(seal) if sealed_so_far => {
                self.judge(link, seal)?;
                self.seal = Some(seal.clone());
            }
            None if link.position > self.head.sealed => self.seal = None,
            Some(_) | None => return Err(Broken::Unsealed),
        }
        let mut noted = self.noted.seals().filter(|(position, _)| *position == link.position);
        if noted.any(|(_, seal)| self.seal.as_deref() != Some(seal)) {
            return Err(Broken::Rewritten);
        }
        if link.position == self.head.sealed {
            self.at_head = self.seal.clone().map(|seal| (seal, self.key()));
        }
        self.listen(link)?;
        self.position = link.position;
        Ok(())
    }

    const fn key(&self) -> Option<&'a SealKey> {
        match self.under {
            Under::Key(key) => Some(key),
            Under::Undecided | Under::Nothing(_) => None,
        }
    }

    /// Whether the seal follows from what came before.
    fn judge(&mut self, link: &Link, seal: &str) -> Result<(), Broken> {
        if matches!(self.under, Under::Nothing(end) if link.position > end) {
            self.under = Under::Undecided;
        }
        let previous = self.seal.as_deref();
        let fits = |key: &SealKey| key.seal(previous, self.workspace, link.position, &link.digest) == seal;
        self.under = match self.under {
            Under::Key(key) if fits(key) => Under::Key(key),
            Under::Key(key) => self.handed_over(link, key, previous)?,
            Under::Undecided => match self.keys.all().find(|key| fits(key)) {
                Some(key) => Under::Key(key),
                None => self.given_up(link.position).ok_or(Broken::Unfitting)?,
            },
            Under::Nothing(end) => Under::Nothing(end),
        };
        match self.under {
            Under::Key(key) if !fits(key) => return Err(Broken::Unfitting),
            Under::Nothing(_) => self.unverifiable += 1,
            Under::Key(_) | Under::Undecided => {}
        }
        Ok(())
    }

    /// By what goes on what one key sealed up to here: by the key that it was handed over to, or, where it was given up
    /// for lost and is here after all, by the one that came then.
    fn handed_over(&self, link: &Link, old: &SealKey, previous: Option<&str>) -> Result<Under<'a>, Broken> {
        let seal = previous.unwrap_or_default();
        if let Some(Told::Continuation(Continuation { to_key, handover: Some(handover), .. })) = &link.told {
            if *handover != old.continuation_mark(self.workspace, self.position, seal, to_key) {
                return Err(Broken::Forged);
            }
            let next = self.keys.find(to_key).map(Under::Key);
            let missing = || Broken::KeyMissing { key: to_key.clone() };
            return next.or_else(|| self.given_up(link.position)).ok_or_else(missing);
        }
        let lost = self.noted.losses.iter().any(|loss| loss.position == self.position && loss.seal == seal);
        let fits = |key: &&SealKey| {
            Some(key.seal(previous, self.workspace, link.position, &link.digest)) == link.seal
        };
        let next = lost.then(|| self.keys.all().find(fits)).flatten();
        next.map(Under::Key).ok_or(Broken::Unfitting)
    }

    fn given_up(&self, position: i64) -> Option<Under<'a>> {
        self.noted.covering(position).map(|loss| Under::Nothing(loss.position))
    }

    /// What the event says of the ledger, and whether its payload is there.
    fn listen(&mut self, link: &Link) -> Result<(), Broken> {
        if let Some(redaction) = link.redacted_by {
            self.redacted += 1;
            self.unexplained.insert(link.id, (link.position, link.digest.clone(), redaction));
        }
        match &link.told {
            Some(Told::Redaction { events, mark }) => self.explain(link, events, mark),
            Some(Told::Continuation(continuation)) => self.check(continuation),
            Some(Told::Pruning(told)) => {
                self.pruning = Some((link.id, told.clone()));
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn explain(&mut self, link: &Link, events: &[(EventId, String)], mark: &str) -> Result<(), Broken> {
        if self.key().is_some_and(|key| key.redaction_mark(self.workspace, link.id, events) != mark) {
            return Err(Broken::Forged);
        }
        self.explained(link, events);
        Ok(())
    }

    fn explained(&mut self, link: &Link, events: &[(EventId, String)]) {
        for (id, digest) in events {
            let explained = self.unexplained.get(id);
            if explained.is_some_and(|(_, of, by)| of == digest && *by == link.id) {
                self.unexplained.remove(id);
            }
        }
    }

    /// The events that are to say why payloads are gone, of those that did not come so far.
    pub fn awaited(&self) -> Vec<EventId> {
        let by: BTreeSet<EventId> = self.unexplained.values().map(|(.., by)| *by).collect();
        by.into_iter().collect()
    }

    /// What one of the [awaited](Self::awaited) events says, though the chain is not followed up to it.
    ///
    /// # Errors
    /// If it is not what was written, or no holder of the key made it.
    pub fn look_ahead(&mut self, link: &Link) -> Result<(), Broken> {
        if link.recomputed.as_ref().is_some_and(|recomputed| *recomputed != link.digest) {
            return Err(Broken::Changed);
        }
        let Some(Told::Redaction { events, mark }) = &link.told else { return Ok(()) };
        let made = |key: &SealKey| key.redaction_mark(self.workspace, link.id, events) == *mark;
        if !self.keys.all().any(made) && self.noted.covering(link.position).is_none() {
            return Err(Broken::Forged);
        }
        self.explained(link, events);
        Ok(())
    }

    fn check(&self, continuation: &Continuation) -> Result<(), Broken> {
        let Continuation { position, seal, from_key, to_key, mark, handover } = continuation;
        let Some(key) = self.key() else { return Ok(()) };
        let known = |loss: &Loss| loss.position == *position && loss.seal == *seal;
        if key.continuation_mark(self.workspace, *position, seal, from_key) != *mark
            || key.fingerprint() != *to_key
        {
            return Err(Broken::Forged);
        }
        if handover.is_none() && *position > 0 && !self.noted.losses.iter().any(known) {
            return Err(Broken::UnknownLoss { key: from_key.clone() });
        }
        Ok(())
    }

    /// The checkpoint is the one that the ledger tells of last, and everything is there that it stands for.
    fn agree_on_what_was_pruned(&self) -> Result<(), Broken> {
        let Some(checkpoint) = self.checkpoint else {
            return if self.pruning.is_some() { Err(Broken::CheckpointRemoved) } else { Ok(()) };
        };
        let told = canonical::to_string(&checkpoint.told());
        if self.pruning.as_ref() != Some(&(checkpoint.told_by, told)) {
            return Err(Broken::CheckpointForged);
        }
        self.agree_on_what_is_kept()
    }

    /// The snapshots that were looked at are those of the checkpoint, all of them.
    ///
    /// # Errors
    /// If some were removed, added or exchanged.
    pub fn agree_on_what_is_kept(&self) -> Result<(), Broken> {
        let agreed = self.checkpoint.is_none_or(|checkpoint| {
            (self.snapshots.0, &self.snapshots.1) == (checkpoint.snapshots, &checkpoint.sum)
        });
        if agreed { Ok(()) } else { Err(Broken::SnapshotsExchanged) }
    }

    /// Compares the end with the head.
    ///
    /// # Errors
    /// What does not agree.
    pub fn finish(&self) -> Result<(), Broken> {
        if self.unexplained().is_some() {
            return Err(Broken::Blanked);
        }
        self.agree_on_what_was_pruned()?;
        let Head { position, sealed, seal, mark } = &self.head;
        let known = self.noted.seals().map(|(position, _)| position).fold(*position, i64::max);
        if known > self.position {
            return Err(Broken::TailRemoved { count: known - self.position });
        }
        let fitting = self.at_head.as_ref().map(|(seal, key)| {
            key.map_or_else(String::new, |key| key.head_mark(self.workspace, *sealed, seal))
        });
        let at_head = self.at_head.as_ref().map(|(seal, _)| seal);
        if seal.as_ref() != at_head || *mark != fitting { Err(Broken::HeadChanged) } else { Ok(()) }
    }
}
