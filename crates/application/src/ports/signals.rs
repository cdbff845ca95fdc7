//! Wake-up calls between reconcilers of one process. They only save waiting: every reconciler also looks by itself
//! after a jittered interval, since another process may have done the work.

use async_trait::async_trait;
use std::time::Duration;

/// How many calls there were when somebody looked. Whoever draws it before looking for work misses no call that comes
/// while it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen(pub u64);

/// Wakes reconcilers.
#[async_trait]
pub trait Signals: Send + Sync {
    /// Runs may have become claimable, or ended.
    fn work_changed(&self);
    /// Events were appended.
    fn events_appended(&self);
    /// The calls of [`Signals::work_changed`] so far.
    fn work_seen(&self) -> Seen;
    /// The calls of [`Signals::events_appended`] so far.
    fn events_seen(&self) -> Seen;
    /// Waits until work may have changed since then, at most `limit`.
    async fn until_work_changes(&self, since: Seen, limit: Duration);
    /// Waits until events may have been appended since then, at most `limit`.
    async fn until_events_appended(&self, since: Seen, limit: Duration);
}
