//! Time and ids without surprises.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use goalwright_application::ports::{Clock, Ids, Timer};
use goalwright_domain::Timestamp;
use tokio::sync::{Notify, oneshot};
use uuid::{Builder, Uuid};

/// A clock that stands until it is moved. Whoever sleeps by it wakes when it is moved far enough.
#[derive(Debug)]
pub struct FakeClock {
    state: Mutex<State>,
    fell_asleep: Notify,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    sleepers: BTreeMap<u64, Sleeper>,
    next: u64,
}

#[derive(Debug)]
struct Sleeper {
    span: Duration,
    until: Timestamp,
    told: bool,
    wake: oneshot::Sender<()>,
}

impl Default for FakeClock {
    /// Stands at 2026-01-01, noon.
    fn default() -> Self {
        let noon = chrono::DateTime::from_timestamp(1_767_268_800, 0).unwrap_or_default();
        let state = State { now: Timestamp::new(noon), sleepers: BTreeMap::new(), next: 0 };
        Self { state: Mutex::new(state), fell_asleep: Notify::new() }
    }
}

impl FakeClock {
    /// Moves it on, and wakes those whose time has come.
    pub fn advance(&self, span: Duration) {
        let mut state = self.lock();
        state.now = state.now + span;
        let now = state.now;
        for (_, sleeper) in state.sleepers.extract_if(.., |_, sleeper| sleeper.until <= now) {
            // Whoever was dropped meanwhile needs no waking.
            let _ = sleeper.wake.send(());
        }
    }

    /// The next sleep that was not told yet; none if nobody sleeps beside those.
    pub fn next_sleep_now(&self) -> Option<Duration> {
        let mut state = self.lock();
        let sleeper = state.sleepers.values_mut().find(|sleeper| !sleeper.told)?;
        sleeper.told = true;
        Some(sleeper.span)
    }

    /// Waits until somebody sleeps, and gives for how long; each sleep is told once, in the order in which they were begun.
    pub async fn next_sleep(&self) -> Duration {
        loop {
            let mut falling = std::pin::pin!(self.fell_asleep.notified());
            falling.as_mut().enable();
            match self.next_sleep_now() {
                Some(span) => return span,
                None => falling.await,
            }
        }
    }

    /// Waits until somebody sleeps for another time than this one, and moves the clock on so that they wake; gives for how
    /// long they slept. `limit` is how long attempts may take: each of them has a sleeper that ends it.
    pub async fn skip_pause(&self, limit: Duration) -> Duration {
        loop {
            let span = self.next_sleep().await;
            if span != limit {
                self.advance(span);
                return span;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }
}

#[async_trait]
impl Timer for FakeClock {
    async fn sleep(&self, span: Duration) {
        let (wake, woken) = oneshot::channel();
        let id = {
            let mut state = self.lock();
            let (id, until) = (state.next, state.now + span);
            state.next += 1;
            if span.is_zero() {
                return;
            }
            state.sleepers.insert(id, Sleeper { span, until, told: false, wake });
            id
        };
        self.fell_asleep.notify_waiters();
        let asleep = Asleep { clock: self, id };
        let _ = woken.await;
        drop(asleep);
    }
}

/// Somebody who sleeps; dropped, they do no longer.
struct Asleep<'a> {
    clock: &'a FakeClock,
    id: u64,
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        self.clock.lock().sleepers.remove(&self.id);
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
