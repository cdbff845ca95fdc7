//! Wake-up calls inside one process.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use goalwright_application::ports::{Seen, Signals};
use tokio::sync::watch;

/// Wake-up calls between the reconcilers of this process. Other processes are found by looking, not by calling.
#[derive(Debug, Default)]
pub struct LocalSignals {
    work: watch::Sender<u64>,
    events: watch::Sender<u64>,
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
        call(&self.work);
    }

    fn events_appended(&self) {
        call(&self.events);
    }

    fn work_seen(&self) -> Seen {
        Seen(*self.work.borrow())
    }

    fn events_seen(&self) -> Seen {
        Seen(*self.events.borrow())
    }

    async fn until_work_changes(&self, since: Seen, limit: Duration) {
        wait(&self.work, since, limit).await;
    }

    async fn until_events_appended(&self, since: Seen, limit: Duration) {
        wait(&self.events, since, limit).await;
    }
}

fn call(calls: &watch::Sender<u64>) {
    calls.send_modify(|count| *count += 1);
}

async fn wait(calls: &watch::Sender<u64>, since: Seen, limit: Duration) {
    let mut calls = calls.subscribe();
    // A timeout is as good as a call: whoever waits looks again.
    let _ = tokio::time::timeout(limit, calls.wait_for(|count| *count > since.0)).await;
}
