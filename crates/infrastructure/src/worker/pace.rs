use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// What is claimed ahead is performed within this time, going by what was performed before.
const AHEAD: Duration = Duration::from_millis(100);
/// Not more is claimed ahead, however quick the work is.
const MOST_AHEAD: usize = 1_024;
/// With every performance that is quicker, the slowest one counts for so much less.
const FORGET: f64 = 0.98;

/// How many attempts may be held: those that are performed, and some ahead of them while work is quick.
///
/// What lies in one worker cannot be taken by another, so nothing is claimed ahead unless it will be begun at once. The
/// measure is the slowest of the recent performances, not their mean: one slow task ends it.
pub(super) struct Pace {
    concurrency: usize,
    held: AtomicUsize,
    /// In nanoseconds, of the slowest recent performance; 0 while there was none.
    slowest: AtomicU64,
    freed: Notify,
}

impl Pace {
    pub(super) const fn new(concurrency: usize) -> Self {
        Self {
            concurrency,
            held: AtomicUsize::new(0),
            slowest: AtomicU64::new(0),
            freed: Notify::const_new(),
        }
    }

    /// How many runs to claim now; 0 if it is better to wait until more places are free.
    pub(super) fn room(&self) -> usize {
        let (allowed, held) = (self.concurrency + self.ahead(), self.held.load(Ordering::Acquire));
        let room = allowed.saturating_sub(held);
        // With much ahead a claim may wait until it is worth its unit, unless a place is idle.
        if held < self.concurrency || room >= allowed / 4 { room } else { 0 }
    }

    fn ahead(&self) -> usize {
        let slowest = self.slowest.load(Ordering::Relaxed);
        if slowest == 0 {
            return 0;
        }
        let rounds = AHEAD.as_nanos() / u128::from(slowest);
        usize::try_from(rounds).unwrap_or(usize::MAX).saturating_mul(self.concurrency).min(MOST_AHEAD)
    }

    pub(super) fn held(&self, count: usize) {
        self.held.fetch_add(count, Ordering::AcqRel);
    }

    pub(super) fn settled(&self) {
        self.held.fetch_sub(1, Ordering::AcqRel);
        self.freed.notify_one();
    }

    /// Waits until something was settled since the last wait.
    pub(super) async fn until_freed(&self) {
        self.freed.notified().await;
    }

    pub(super) fn performed(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1);
        // Two at the same moment may overwrite each other; the next one sets it right.
        let before = self.slowest.load(Ordering::Relaxed);
        let faded = (before as f64 * FORGET) as u64;
        self.slowest.store(took.max(faded), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_held_ahead_of_unknown_or_slow_work() {
        let pace = Pace::new(16);
        assert_eq!(pace.room(), 16);
        pace.held(16);
        assert_eq!(pace.room(), 0);
        pace.performed(Duration::from_millis(150));
        assert_eq!(pace.room(), 0);
        pace.settled();
        assert_eq!(pace.room(), 1);
    }

    #[test]
    fn quick_work_is_claimed_ahead_and_one_slow_task_ends_that() {
        let pace = Pace::new(16);
        pace.performed(Duration::from_millis(10));
        assert_eq!(pace.room(), 16 + 160);
        pace.performed(Duration::from_micros(10));
        pace.held(176);
        assert_eq!(pace.room(), 0, "a claim of so few is not worth its unit");
        for _ in 0..1_000 {
            pace.performed(Duration::from_micros(10));
        }
        assert_eq!(pace.room(), 16 + MOST_AHEAD - 176);
        pace.performed(Duration::from_secs(1));
        assert_eq!(pace.room(), 0);
    }
}
