//! The same request twice is carried out once (the header `Idempotency-Key`).
//!
//! What a request made is noted in the unit that makes it, so that no crash comes between the two; the answer is added
//! when it has been given. A request that failed leaves nothing and may be sent again.

use std::sync::Arc;
use std::time::Duration;

use goalwright_domain::{Timestamp, Violation};
use sha2::{Digest, Sha256};

use crate::api_keys;
use crate::ports::{Clock, KeptAnswer, KeptRequest, KeyOwner, StorageError, Transactions, UnitOfWork};
use crate::read::Queries;
use crate::retrying::retrying;
use crate::{Context, Error};

/// How long a key is known.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A request that waits for something else has its key for so long; whoever carried it out is gone then.
const RESERVED_FOR: Duration = Duration::from_secs(30 * 60);

/// The most characters of a key.
pub const KEY_LIMIT: usize = 255;

/// The code of a repetition that comes while the first request is not answered yet.
pub const IN_PROGRESS: &str = "idempotency_in_progress";

/// A request with a key: which key, and what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestKey {
    key: [u8; 32],
    fingerprint: [u8; 32],
}

impl RequestKey {
    /// Of a key and of everything that the request says, part by part.
    ///
    /// # Errors
    /// `Invalid` if the key is empty, too long, or has characters that are not printable ASCII.
    pub fn new(key: &[u8], asked: &[&[u8]]) -> Result<Self, Error> {
        if key.is_empty() || key.len() > KEY_LIMIT || !key.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            let message = format!("1 to {KEY_LIMIT} printable ASCII characters, such as a UUID");
            return Err(Error::invalid(vec![Violation::new("Idempotency-Key", "invalid_key", message)]));
        }
        let mut fingerprint = Sha256::new();
        for part in asked {
            // With their lengths, so that no text can move from one part to the next.
            fingerprint.update((part.len() as u64).to_be_bytes());
            fingerprint.update(part);
        }
        Ok(Self { key: Sha256::digest(key).into(), fingerprint: fingerprint.finalize().into() })
    }
}

/// What is known of a request with a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// Nothing: it is to be carried out.
    New,
    /// It was answered like this.
    Answered(KeptAnswer),
}

/// Finds and keeps answers.
pub struct Idempotency {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    clock: Arc<dyn Clock>,
}

impl Idempotency {
    /// Over these ports.
    pub fn new(
        transactions: Arc<dyn Transactions>,
        queries: Arc<dyn Queries>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { transactions, queries, clock }
    }

    /// Whether the request was answered before. Without a key it is always new.
    ///
    /// # Errors
    /// `Invalid` (`idempotency_key_reused`) if the key came with another request; `Conflict`
    /// (`idempotency_in_progress`) if it was carried out and has no answer yet, or (`shown_once`) if its answer is never
    /// repeated.
    pub async fn find(&self, context: &Context) -> Result<Known, Error> {
        let Some(key) = context.request_key else { return Ok(Known::New) };
        let kept = self.queries.kept_request(&owner(context, &key)).await?;
        let Some(kept) = kept.filter(|kept| kept.created_at > expired(self.clock.now())) else {
            return Ok(Known::New);
        };
        if kept.fingerprint != key.fingerprint {
            return Err(reused());
        }
        match kept {
            KeptRequest { reserved_until: Some(until), .. } if until <= self.clock.now() => Ok(Known::New),
            KeptRequest { reserved_until: Some(_), .. } => {
                Err(in_progress("the first request with this key is still being answered; ask again later"))
            }
            KeptRequest { answer: Some(answer), .. } => Ok(Known::Answered(answer)),
            // What a key was, is not kept.
            KeptRequest { made, .. } if made.starts_with(api_keys::NOUN) => Err(shown_once(&made)),
            KeptRequest { made, .. } => Err(in_progress(&format!(
                "the first request with this key made {made} and has not been answered yet; ask again, or read that"
            ))),
        }
    }

    /// Keeps the answer for whoever repeats the request.
    ///
    /// # Errors
    /// What storage says.
    pub async fn keep(&self, context: &Context, answer: &KeptAnswer) -> Result<(), Error> {
        let Some(key) = context.request_key else { return Ok(()) };
        retrying(|| async {
            let unit = self.transactions.begin().await?;
            unit.idempotency().keep(&owner(context, &key), answer).await?;
            Ok(unit.commit().await?)
        })
        .await
    }
}

impl Context {
    /// Notes in the unit that makes it what a request with a key made; without a key there is nothing to note.
    ///
    /// # Errors
    /// `Conflict` (`idempotency_in_progress`) if the same request was carried out at the same time.
    pub(crate) async fn remember(
        &self,
        unit: &dyn UnitOfWork,
        kind: &str,
        id: impl std::fmt::Display,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(key) = self.request_key else { return Ok(()) };
        let made = format!("{kind} {id}");
        let kept =
            unit.idempotency().remember(&owner(self, &key), &key.fingerprint, &made, now, expired(now)).await;
        kept.map_err(|error| match error {
            StorageError::Duplicate { .. } => {
                in_progress("another request with this key was carried out at the same moment; ask again")
            }
            other => other.into(),
        })
    }
}

impl Context {
    /// Reserves the key of a request that has to wait for something else before it makes anything, in a unit of its own.
    ///
    /// # Errors
    /// `Conflict` (`idempotency_in_progress`) if the same request is being carried out.
    pub(crate) async fn reserve_key(
        &self,
        transactions: &dyn Transactions,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(key) = self.request_key else { return Ok(()) };
        let reserved = retrying(|| async {
            let unit = transactions.begin().await?;
            let until = now + RESERVED_FOR;
            unit.idempotency()
                .reserve(&owner(self, &key), &key.fingerprint, until, now, expired(now))
                .await?;
            unit.commit().await
        })
        .await;
        reserved.map_err(|error| match error {
            StorageError::Duplicate { .. } => {
                in_progress("another request with this key is being carried out; ask again later")
            }
            other => other.into(),
        })
    }

    /// Gives the key of a request free that made nothing, so that it may be sent again.
    ///
    /// # Errors
    /// What storage says.
    pub(crate) async fn release_key(&self, transactions: &dyn Transactions) -> Result<(), Error> {
        let Some(key) = self.request_key else { return Ok(()) };
        retrying(|| async {
            let unit = transactions.begin().await?;
            unit.idempotency().release(&owner(self, &key)).await?;
            Ok(unit.commit().await?)
        })
        .await
    }
}

fn owner(context: &Context, key: &RequestKey) -> KeyOwner {
    // Each API key has requests of its own: what was answered to one is not told to another, which may do less.
    let digest = context.principal.credential.map_or(key.key, |credential| {
        let mut digest = Sha256::new();
        digest.update(key.key);
        digest.update(credential.api_key.uuid().as_bytes());
        digest.finalize().into()
    });
    KeyOwner { workspace_id: context.workspace(), user_id: context.principal.user_id, digest }
}

fn expired(now: Timestamp) -> Timestamp {
    now - KEPT_FOR
}

fn in_progress(message: &str) -> Error {
    Error::Conflict { code: IN_PROGRESS, message: message.to_owned() }
}

fn shown_once(made: &str) -> Error {
    let id = made.rsplit(' ').next().unwrap_or_default();
    let message = format!(
        "the first request with this Idempotency-Key made the API key {id}, which was shown then and is not kept; if \
         nobody has it, revoke it and make another under a new Idempotency-Key"
    );
    Error::Conflict { code: "shown_once", message }
}

fn reused() -> Error {
    let message = "this key came with another request before; choose a new key for every new request";
    Error::Invalid {
        code: "idempotency_key_reused",
        message: message.to_owned(),
        violations: vec![Violation::new("Idempotency-Key", "idempotency_key_reused", message)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_and_printable() {
        assert!(RequestKey::new(b"8e03978e-40d5-43e8-bc93-6894a57f9324", &[]).is_ok());
        for wrong in [&b""[..], &[b'x'; 256], b"a\tb", "ü".as_bytes()] {
            assert_eq!(RequestKey::new(wrong, &[]).expect_err("no key").code(), "invalid_input");
        }
    }

    #[test]
    fn another_request_has_another_fingerprint() {
        let of = |asked: &[&[u8]]| RequestKey::new(b"k", asked).expect("a key");
        assert_eq!(of(&[b"POST", b"/v1/goals"]), of(&[b"POST", b"/v1/goals"]));
        assert_ne!(of(&[b"POST", b"/v1/goals"]), of(&[b"POST/", b"v1/goals"]));
    }
}
