//! Wake-up calls between reconcilers of one process. They only save waiting: every reconciler also looks by itself
//! after a jittered interval, since another process may have done the work.

use async_trait::async_trait;
use std::time::Duration;

/// Wakes reconcilers.
#[async_trait]
pub trait Signals: Send + Sync {
    /// Runs may have become claimable, or ended.
    fn work_changed(&self);
    /// Events were appended.
    fn events_appended(&self);
    /// Waits until work may have changed since the call, at most `limit`.
    async fn until_work_changes(&self, limit: Duration);
    /// Waits until events may have been appended since the call, at most `limit`.
    async fn until_events_appended(&self, limit: Duration);
}
