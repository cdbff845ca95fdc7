//! The loop that runs what follows executions.

use std::sync::Arc;
use std::time::Duration;

use goalwright_application::hooks::Hooks;
use goalwright_application::ports::Signals;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::spawn::spawn_essential;

/// Look at least so often: another process may have executed something, and what failed may be due again.
const LOOK: Duration = Duration::from_secs(1);

/// Runs hooks. Any number of processes may do so over one database.
pub struct HooksLoop {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl HooksLoop {
    /// Starts it.
    pub fn start(hooks: Hooks, signals: Arc<dyn Signals>) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = spawn_essential("hooks", async move {
            while !stopped.is_cancelled() {
                let seen = signals.events_seen();
                let found = match hooks.tick().await {
                    Ok(found) => found,
                    Err(error) => {
                        tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "hooks could not be run");
                        0
                    }
                };
                if found == 0 {
                    tokio::select! {
                        () = stopped.cancelled() => break,
                        () = signals.until_events_appended(seen, LOOK) => {}
                    }
                    // Settlements come in swarms, and what follows them is in no hurry.
                    tokio::select! {
                        () = stopped.cancelled() => break,
                        () = tokio::time::sleep(LOOK / 4) => {}
                    }
                }
            }
        });
        Self { stop, task }
    }

    /// Lets it finish what it is about, and ends it. What is left is done by the next process.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}
