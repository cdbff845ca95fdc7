//! The text of a key: `gw_`, its id, a secret of 256 bits, and a checksum that tells a typing error from a key that is
//! not known.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::ApiKeyId;
use crate::canonical::{hex, sha256_hex};

/// What every key begins with.
pub const PREFIX: &str = "gw_";

const ID: usize = 32;
const SECRET: usize = 64;
const CHECKSUM: usize = 8;
const LENGTH: usize = PREFIX.len() + ID + 1 + SECRET + CHECKSUM;

/// A key as its owner keeps it. It is shown once, and never in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(String);

impl KeyText {
    /// Of the id of a key and of chance: three random UUIDs have 366 random bits, which become 256.
    pub fn make(id: ApiKeyId, chance: [Uuid; 3]) -> Self {
        let mut secret = Sha256::new();
        for part in chance {
            secret.update(part.as_bytes());
        }
        let body = format!("{PREFIX}{}_{}", id.uuid().simple(), hex(&secret.finalize()));
        let checksum = checksum(&body);
        Self(body + &checksum)
    }

    /// The text itself, to be shown to whoever made the key.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.0)
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(…)")
    }
}

/// What is kept of a key.
#[derive(Debug, Clone, Copy)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether both are of the same key; takes as long whether they are or not.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// As it is stored.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    /// Reads what is stored.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// What somebody shows who wants in.
#[derive(Debug, Clone, Copy)]
pub struct Presented {
    /// Which key it says it is.
    pub id: ApiKeyId,
    /// Of all of it.
    pub digest: KeyDigest,
}

/// A text that no key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the API key is not whole: copy all of it, from `gw_` to its end")]
pub struct MalformedKey;

impl Presented {
    /// Reads the text of a key.
    ///
    /// # Errors
    /// If the text has not the form of a key, or its checksum does not fit.
    pub fn read(text: &str) -> Result<Self, MalformedKey> {
        if text.len() != LENGTH || !text.is_ascii() {
            return Err(MalformedKey);
        }
        let (body, given) = text.split_at(LENGTH - CHECKSUM);
        let (id, secret) = body
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('_'))
            .filter(|(id, _)| id.len() == ID)
            .ok_or(MalformedKey)?;
        let plain = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !plain(id) || !plain(secret) || given != checksum(body) {
            return Err(MalformedKey);
        }
        let id = Uuid::try_parse(id).map_err(|_| MalformedKey)?;
        Ok(Self { id: ApiKeyId::new(id), digest: KeyDigest::of(text) })
    }
}

fn checksum(body: &str) -> String {
    let mut digest = sha256_hex(body.as_bytes());
    digest.truncate(CHECKSUM);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> KeyText {
        KeyText::make(ApiKeyId::new(Uuid::from_u128(7)), [1, 2, 3].map(Uuid::from_u128))
    }

    #[test]
    fn what_is_made_is_read() {
        let key = key();
        let read = Presented::read(key.reveal()).expect("a key");
        assert_eq!(read.id, ApiKeyId::new(Uuid::from_u128(7)));
        assert!(read.digest.is(&key.digest()));
        assert!(KeyDigest::from_hex(&key.digest().to_hex()).expect("hex").is(&key.digest()));
        let other = KeyText::make(read.id, [1, 2, 4].map(Uuid::from_u128));
        assert!(!read.digest.is(&other.digest()));
        assert!(KeyDigest::from_hex("zz").is_none());
    }

    #[test]
    fn every_character_counts() {
        let key = key();
        let text = key.reveal();
        for at in 0..text.len() {
            let mut wrong = text.to_owned();
            wrong.replace_range(at..=at, if &text[at..=at] == "0" { "1" } else { "0" });
            assert_eq!(Presented::read(&wrong).err(), Some(MalformedKey), "{at}");
            assert_eq!(Presented::read(&text[..at]).err(), Some(MalformedKey), "{at}");
        }
        for wrong in [text.to_uppercase(), format!("{text}0"), format!("{}ä", &text[2..]), "gw_".to_owned()]
        {
            assert_eq!(Presented::read(&wrong).err(), Some(MalformedKey), "{wrong}");
        }
    }

    #[test]
    fn it_is_in_no_log() {
        assert_eq!(format!("{:?}", key()), "KeyText(…)");
    }
}
