//! Wake-up calls inside one process.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use goalwright_application::ports::Signals;
use tokio::sync::Notify;

/// Wake-up calls between the reconcilers of this process. Other processes are found by looking, not by calling.
#[derive(Debug, Default)]
pub struct LocalSignals {
    work: Notify,
    events: Notify,
}

impl LocalSignals {
    /// A set of signals to be shared.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }
}

#[async_trait]
impl Signals for LocalSignals {
    fn work_changed(&self) {
        self.work.notify_waiters();
    }

    fn events_appended(&self) {
        self.events.notify_waiters();
    }

    async fn until_work_changes(&self, limit: Duration) {
        // A timeout is as good as a call: whoever waits looks again.
        let _ = tokio::time::timeout(limit, self.work.notified()).await;
    }

    async fn until_events_appended(&self, limit: Duration) {
        let _ = tokio::time::timeout(limit, self.events.notified()).await;
    }
}
