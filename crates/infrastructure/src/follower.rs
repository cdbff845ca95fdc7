//! The loop that reads what was experienced.

use std::sync::Arc;
use std::time::{Duration, Instant};

use goalwright_application::experiences::Experiences;
use goalwright_application::ports::Signals;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::spawn::spawn_essential;

/// Look at least so often: another process may have appended something.
const LOOK: Duration = Duration::from_millis(250);
/// The share of time that following may take while others have work to settle: one part in so many.
const SHARE: u32 = 5;
/// The longest pause between two batches of many.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Derives from experiences what is found by words, links and executions.
pub struct FollowerLoop {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl FollowerLoop {
    /// Starts it.
    pub fn start(experiences: Arc<Experiences>, signals: Arc<dyn Signals>) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = spawn_essential("follower of experiences", async move {
            while !stopped.is_cancelled() {
                let (seen, began) = (signals.events_seen(), Instant::now());
                let read = match experiences.follow().await {
                    Ok(read) => read,
                    Err(error) => {
                        tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "experiences could not be read");
                        0
                    }
                };
                // SQLite has one writer, and settling work goes before looking back at it.
                let pause = (began.elapsed() * (SHARE - 1)).min(LONGEST_PAUSE);
                tokio::select! {
                    () = stopped.cancelled() => break,
                    () = tokio::time::sleep(pause), if read > 0 => {}
                    () = signals.until_events_appended(seen, LOOK), if read == 0 => {}
                }
            }
        });
        Self { stop, task }
    }

    /// Ends it. What is unread is read by the next process, or by the first question.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}
