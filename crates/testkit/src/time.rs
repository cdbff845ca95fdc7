//! Time and ids without surprises.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use goalwright_application::ports::{Clock, Ids};
use goalwright_domain::Timestamp;
use uuid::{Builder, Uuid};

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct FakeClock(Mutex<Timestamp>);

impl Default for FakeClock {
    /// Stands at 2026-01-01, noon.
    fn default() -> Self {
        let noon = chrono::DateTime::from_timestamp(1_767_268_800, 0).unwrap_or_default();
        Self(Mutex::new(Timestamp::new(noon)))
    }
}

impl FakeClock {
    /// Moves it on.
    pub fn advance(&self, span: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = *now + span;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ids in the order in which they were asked for: well-formed, never the same twice, never random.
#[derive(Debug)]
pub struct SequentialIds {
    next: AtomicU64,
    salt: u64,
}

impl SequentialIds {
    /// Two of these with different salts never give the same id.
    pub const fn new(salt: u64) -> Self {
        Self { next: AtomicU64::new(1), salt }
    }

    fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

impl Default for SequentialIds {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Ids for SequentialIds {
    fn ordered(&self) -> Uuid {
        let number = self.next();
        // Time-ordered like version 7: the counter stands where the milliseconds do.
        let mut bytes = [0; 10];
        bytes[..2].copy_from_slice(&self.salt.to_be_bytes()[6..]);
        bytes[2..].copy_from_slice(&number.to_be_bytes());
        Builder::from_unix_timestamp_millis(number, &bytes).into_uuid()
    }

    fn random(&self) -> Uuid {
        // Experiences are named by the first digits, so these must differ as well.
        let number = self.next();
        let spread = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Builder::from_random_bytes(
            ((spread << 64) | (u128::from(self.salt) << 40) | u128::from(number)).to_be_bytes(),
        )
        .into_uuid()
    }

    fn chance(&self) -> f64 {
        0.5
    }
}
