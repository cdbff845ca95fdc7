//! The keyed hash chain that makes the ledger tamper-evident.
//!
//! The seal of an event is HMAC-SHA-256 (RFC 2104) over the seal before it, the workspace, the position and the digest
//! of the event. Whoever lacks the key can neither change, remove, insert nor reorder events without a seal that no
//! longer fits; the mark of the head, which is stored apart from the events, shows a tail that was removed.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::EventId;
use crate::canonical;
use crate::workspace::WorkspaceId;

/// The key of the chain. It is derived from a secret and never shown.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({})", self.fingerprint())
    }
}

impl SealKey {
    /// From a secret of any length; a good one has at least 32 bytes of chance.
    pub fn from_secret(secret: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(b"goalwright.audit-key.v1\0").chain_update(secret).finalize();
        Self(digest.into())
    }

    /// Tells keys apart without giving them away: 16 hex digits.
    pub fn fingerprint(&self) -> String {
        let mut hex = canonical::hex(&self.mac(b"goalwright.fingerprint.v1", &[]));
        hex.truncate(16);
        hex
    }

    /// The seal of the event at `position`, 64 hex digits. `previous` is the seal of the event before it; none before
    /// the first.
    pub fn seal(
        &self,
        previous: Option<&str>,
        workspace: WorkspaceId,
        position: i64,
        digest: &str,
    ) -> String {
        let workspace = workspace.uuid();
        let parts: [&[u8]; 4] = [
            previous.unwrap_or_default().as_bytes(),
            workspace.as_bytes(),
            &position.to_be_bytes(),
            digest.as_bytes(),
        ];
        canonical::hex(&self.mac(b"goalwright.seal.v1", &parts))
    }

    /// The mark of a chain that ends at `position` with this seal.
    pub fn head_mark(&self, workspace: WorkspaceId, position: i64, seal: &str) -> String {
        let workspace = workspace.uuid();
        let parts: [&[u8]; 3] = [workspace.as_bytes(), &position.to_be_bytes(), seal.as_bytes()];
        canonical::hex(&self.mac(b"goalwright.head.v1", &parts))
    }

    fn mac(&self, purpose: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        // HMAC takes keys of every length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return [0; 32] };
        mac.update(purpose);
        for part in parts {
            // With their lengths, so that no two lists of parts are the same bytes.
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// Where a chain ends, as it is stored apart from the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The position of the last event; 0 while there is none.
    pub position: i64,
    /// The position up to which events are sealed.
    pub sealed: i64,
    /// The seal there.
    pub seal: Option<String>,
    /// Of the sealed part, by [`SealKey::head_mark`].
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
    /// Its seal; none while it is not sealed.
    pub seal: Option<String>,
}

/// What was once the end of a chain, noted outside the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The position of the last sealed event.
    pub position: i64,
    /// Its seal.
    pub seal: String,
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

/// Follows a chain from its beginning to its head.
///
/// Head and anchor are read before the events: what is appended meanwhile is followed, and not held against them.
#[derive(Debug)]
pub struct Verifier<'a> {
    key: &'a SealKey,
    workspace: WorkspaceId,
    head: Head,
    anchor: Option<Anchor>,
    position: i64,
    seal: Option<String>,
    /// The seal at the end of the sealed part, as the head tells it.
    at_head: Option<String>,
}

impl<'a> Verifier<'a> {
    /// Of this workspace's chain.
    pub const fn new(key: &'a SealKey, workspace: WorkspaceId, head: Head, anchor: Option<Anchor>) -> Self {
        Self { key, workspace, head, anchor, position: 0, seal: None, at_head: None }
    }

    /// How far the chain was followed.
    pub const fn position(&self) -> i64 {
        self.position
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
                let fitting =
                    self.key.seal(self.seal.as_deref(), self.workspace, link.position, &link.digest);
                if *seal != fitting {
                    return Err(Broken::Unfitting);
                }
                self.seal = Some(fitting);
            }
            None if link.position > self.head.sealed => self.seal = None,
            Some(_) | None => return Err(Broken::Unsealed),
        }
        if link.position == self.head.sealed {
            self.at_head.clone_from(&self.seal);
        }
        if self.anchor.as_ref().is_some_and(|anchor| {
            anchor.position == link.position && self.seal.as_ref() != Some(&anchor.seal)
        }) {
            return Err(Broken::Rewritten);
        }
        self.position = link.position;
        Ok(())
    }

    /// Compares the end with the head.
    ///
    /// # Errors
    /// What does not agree.
    pub fn finish(&self) -> Result<(), Broken> {
        let Head { position, sealed, seal, mark } = &self.head;
        let known = self.anchor.as_ref().map_or(*position, |anchor| anchor.position.max(*position));
        if known > self.position {
            return Err(Broken::TailRemoved { count: known - self.position });
        }
        let fitting = self.at_head.as_ref().map(|seal| self.key.head_mark(self.workspace, *sealed, seal));
        if *seal != self.at_head || *mark != fitting { Err(Broken::HeadChanged) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn key() -> SealKey {
        SealKey::from_secret(b"a secret for tests")
    }

    fn workspace() -> WorkspaceId {
        WorkspaceId::new(Uuid::from_u128(7))
    }

    fn chain(length: i64) -> (Vec<Link>, Head) {
        let mut seal: Option<String> = None;
        let mut links = Vec::new();
        for position in 1..=length {
            let digest = canonical::digest(&serde_json::json!({"n": position}));
            let next = key().seal(seal.as_deref(), workspace(), position, &digest);
            links.push(Link {
                id: EventId::new(Uuid::from_u128(position.unsigned_abs().into())),
                position,
                recomputed: Some(digest.clone()),
                digest,
                seal: Some(next.clone()),
            });
            seal = Some(next);
        }
        let mark = seal.as_ref().map(|seal| key().head_mark(workspace(), length, seal));
        (links, Head { position: length, sealed: length, seal, mark })
    }

    /// The position that the verifier stops at, with the reason; 0 is the head.
    fn verify(links: &[Link], head: &Head) -> Result<(), (i64, Broken)> {
        let key = key();
        let mut verifier = Verifier::new(&key, workspace(), head.clone(), None);
        for link in links {
            verifier.follow(link).map_err(|broken| (link.position, broken))?;
        }
        verifier.finish().map_err(|broken| (0, broken))
    }

    #[test]
    fn the_seal_is_hmac_over_parts_with_their_lengths() {
        // python3: key = sha256(b"goalwright.audit-key.v1\0" + b"k").digest(); parts = [b"", bytes(16), (1).to_bytes(8, "big"),
        // b"sha256:00"]; hmac.new(key, b"goalwright.seal.v1" + b"".join(len(p).to_bytes(8, "big") + p for p in parts), "sha256")
        let seal = SealKey::from_secret(b"k").seal(None, WorkspaceId::new(Uuid::nil()), 1, "sha256:00");
        assert_eq!(seal, "15a89c4ae88ebae1751f912c38daa833bfade87d163a5746c906d3713d1eb1e0");
    }

    #[test]
    fn a_chain_that_nobody_touched_is_whole() {
        for length in [0, 1, 2, 50] {
            let (links, head) = chain(length);
            assert_eq!(verify(&links, &head), Ok(()));
        }
    }

    #[test]
    fn another_key_fits_nothing() {
        let (links, head) = chain(1);
        let other = SealKey::from_secret(b"another");
        let mut verifier = Verifier::new(&other, workspace(), head, None);
        assert_eq!(verifier.follow(&links[0]), Err(Broken::Unfitting));
        assert_ne!(other.fingerprint(), key().fingerprint());
    }

    #[test]
    fn what_is_not_sealed_yet_may_follow_but_nothing_sealed_after_it() {
        let (mut links, head) = chain(4);
        links[2].seal = None;
        assert_eq!(verify(&links, &head), Err((3, Broken::Unsealed)));
        let seal = links[1].seal.clone().expect("sealed");
        let mark = Some(key().head_mark(workspace(), 2, &seal));
        let earlier = Head { position: 4, sealed: 2, mark, seal: Some(seal) };
        assert_eq!(verify(&links, &earlier), Err((4, Broken::Unsealed)));
        links[3].seal = None;
        assert_eq!(verify(&links, &earlier), Ok(()));
    }

    #[test]
    fn what_is_appended_meanwhile_is_no_contradiction() {
        let (links, _) = chain(9);
        let (_, head) = chain(5);
        assert_eq!(verify(&links, &head), Ok(()));
    }

    #[test]
    fn a_history_that_was_sealed_anew_is_not_the_one_that_was_noted_outside() {
        let (links, head) = chain(6);
        let noted =
            |links: &[Link]| Some(Anchor { position: 4, seal: links[3].seal.clone().expect("sealed") });
        let with = |links: &[Link], head: &Head, anchor| {
            let key = key();
            let mut verifier = Verifier::new(&key, workspace(), head.clone(), anchor);
            for link in links {
                verifier.follow(link)?;
            }
            verifier.finish()
        };
        assert_eq!(with(&links, &head, noted(&links)), Ok(()));
        // Somebody strips the seals, changes the second event, and lets the program seal everything again.
        let mut rewritten = links.clone();
        let mut seal = None;
        for link in &mut rewritten {
            if link.position == 2 {
                link.digest = "sha256:other".to_owned();
                link.recomputed = Some(link.digest.clone());
            }
            let next = key().seal(seal.as_deref(), workspace(), link.position, &link.digest);
            link.seal = Some(next.clone());
            seal = Some(next);
        }
        let mark = seal.as_ref().map(|seal| key().head_mark(workspace(), 6, seal));
        let anew = Head { seal, mark, ..head };
        assert_eq!(with(&rewritten, &anew, None), Ok(()));
        assert_eq!(with(&rewritten, &anew, noted(&links)), Err(Broken::Rewritten));
        // A shorter one from an old copy.
        let (short, old) = chain(3);
        assert_eq!(with(&short, &old, None), Ok(()));
        assert_eq!(with(&short, &old, noted(&links)), Err(Broken::TailRemoved { count: 1 }));
    }

    #[test]
    fn a_redacted_event_keeps_its_place() {
        let (mut links, head) = chain(3);
        links[1].recomputed = None;
        assert_eq!(verify(&links, &head), Ok(()));
    }

    proptest! {
        #[test]
        fn whoever_lacks_the_key_cannot_change_anything(at in 0usize..20, with in 0usize..20, how in 0u8..7) {
            let (mut links, mut head) = chain(20);
            let expected = match how {
                0 => {
                    links[at].recomputed = Some("sha256:other".to_owned());
                    at + 1
                }
                // Payload and digest together.
                1 => {
                    links[at].recomputed = Some("sha256:other".to_owned());
                    links[at].digest = "sha256:other".to_owned();
                    at + 1
                }
                2 => {
                    links.remove(at);
                    // Without its tail only the head tells.
                    if at == 19 { 0 } else { at + 2 }
                }
                // Removed, and the rest moved up.
                3 => {
                    links.remove(at);
                    for link in &mut links[at..] {
                        link.position -= 1;
                    }
                    if at == 19 { 0 } else { at + 1 }
                }
                4 => {
                    prop_assume!(at < with);
                    links.swap(at, with);
                    let (a, b) = (links[at].position, links[with].position);
                    (links[at].position, links[with].position) = (b, a);
                    at + 1
                }
                // A copy that is put in between.
                5 => {
                    let copy = links[with].clone();
                    links.insert(at, copy);
                    for (index, link) in links.iter_mut().enumerate() {
                        link.position = i64::try_from(index).expect("small") + 1;
                    }
                    // Where it is put before itself nothing is wrong until the next one.
                    if with == at { at + 2 } else { at + 1 }
                }
                // The tail, and the head to go with it.
                _ => {
                    links.truncate(at);
                    head.position = i64::try_from(at).expect("small");
                    head.sealed = head.position;
                    head.seal = links.last().and_then(|link| link.seal.clone());
                    0
                }
            };
            let found = verify(&links, &head);
            prop_assert_eq!(found.map_err(|(position, _)| position), Err(i64::try_from(expected).expect("small")));
        }
    }
}
