//! The keyed hash chain that makes the ledger tamper-evident.
//!
//! The seal of an event is HMAC-SHA-256 (RFC 2104) over the seal before it, the workspace, the position and the digest
//! of the event. Whoever lacks the key can neither change, remove, insert nor reorder events without a seal that no
//! longer fits; the mark of the head, which is stored apart from the events, shows a tail that was removed. What follows
//! chains is [`Verifier`](super::Verifier).

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

    /// The mark of a redaction: that the event `redaction` says of these events that their payloads are gone, each by its
    /// id and its digest.
    pub fn redaction_mark(
        &self,
        workspace: WorkspaceId,
        redaction: EventId,
        events: &[(EventId, String)],
    ) -> String {
        let (workspace, redaction) = (workspace.uuid(), redaction.uuid());
        let ids: Vec<_> = events.iter().map(|(id, _)| id.uuid()).collect();
        let mut parts: Vec<&[u8]> = vec![workspace.as_bytes(), redaction.as_bytes()];
        for (id, (_, digest)) in ids.iter().zip(events) {
            parts.extend([id.as_bytes().as_slice(), digest.as_bytes()]);
        }
        canonical::hex(&self.mac(b"goalwright.redaction.v1", &parts))
    }

    /// The mark of a chain that goes on behind `position`, whose seal is `seal`: by the new key that the holder of this
    /// key took over, or by the old key that was handed over to the other.
    pub fn continuation_mark(
        &self,
        workspace: WorkspaceId,
        position: i64,
        seal: &str,
        other: &str,
    ) -> String {
        let workspace = workspace.uuid();
        let parts: [&[u8]; 4] =
            [workspace.as_bytes(), &position.to_be_bytes(), seal.as_bytes(), other.as_bytes()];
        canonical::hex(&self.mac(b"goalwright.continuation.v1", &parts))
    }

    pub(super) fn mac(&self, purpose: &[u8], parts: &[&[u8]]) -> [u8; 32] {
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

/// The keys that a process has: the one that it seals with, and those that sealed before.
#[derive(Debug, Clone)]
pub struct KeyRing {
    current: SealKey,
    retired: Vec<SealKey>,
}

impl From<SealKey> for KeyRing {
    fn from(current: SealKey) -> Self {
        Self::new(current, Vec::new())
    }
}

impl KeyRing {
    /// Of a key to seal with, and older ones to verify with.
    pub const fn new(current: SealKey, retired: Vec<SealKey>) -> Self {
        Self { current, retired }
    }

    /// What is sealed with.
    pub const fn current(&self) -> &SealKey {
        &self.current
    }

    /// Every key, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &SealKey> {
        std::iter::once(&self.current).chain(&self.retired)
    }

    /// The key with this fingerprint.
    pub fn find(&self, fingerprint: &str) -> Option<&SealKey> {
        self.all().find(|key| key.fingerprint() == fingerprint)
    }

    /// The same keys, sealing with the one that has this fingerprint; `None` if there is none.
    #[must_use]
    pub fn sealing_with(&self, fingerprint: &str) -> Option<Self> {
        let current = self.find(fingerprint)?.clone();
        let retired = self.all().filter(|key| key.fingerprint() != fingerprint).cloned().collect();
        Some(Self { current, retired })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_seal_is_hmac_over_parts_with_their_lengths() {
        // python3: key = sha256(b"goalwright.audit-key.v1\0" + b"k").digest(); parts = [b"", bytes(16), (1).to_bytes(8, "big"),
        // b"sha256:00"]; hmac.new(key, b"goalwright.seal.v1" + b"".join(len(p).to_bytes(8, "big") + p for p in parts), "sha256")
        let seal = SealKey::from_secret(b"k").seal(None, WorkspaceId::new(Uuid::nil()), 1, "sha256:00");
        assert_eq!(seal, "15a89c4ae88ebae1751f912c38daa833bfade87d163a5746c906d3713d1eb1e0");
    }

    #[test]
    fn a_ring_seals_with_the_key_that_is_asked_for() {
        let (old, new) = (SealKey::from_secret(b"old"), SealKey::from_secret(b"new"));
        let ring = KeyRing::new(new.clone(), vec![old.clone()]);
        let turned = ring.sealing_with(&old.fingerprint()).expect("it has it");
        assert_eq!(turned.current().fingerprint(), old.fingerprint());
        assert!(turned.find(&new.fingerprint()).is_some());
        assert!(ring.sealing_with("0000000000000000").is_none());
    }
}
