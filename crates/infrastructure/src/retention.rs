//! The loop that lets go of what workspaces do not want to keep any longer.

use std::sync::Arc;
use std::time::Duration;

use goalwright_application::retention::Retention;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::spawn::spawn_essential;

/// Look so often whether a workspace is due.
const LOOK: Duration = Duration::from_secs(60);
/// Between two parts of a large workspace, so that work goes on meanwhile.
const BREATH: Duration = Duration::from_millis(200);

/// Prunes. Any number of processes may do so over one database.
pub struct RetentionLoop {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl RetentionLoop {
    /// Starts it.
    pub fn start(retention: Arc<Retention>) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = spawn_essential("retention", async move {
            while !stopped.is_cancelled() {
                let pause = match retention.tick().await {
                    Ok(true) => BREATH,
                    Ok(false) => LOOK,
                    Err(error) => {
                        tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "nothing could be pruned");
                        LOOK
                    }
                };
                tokio::select! {
                    () = stopped.cancelled() => break,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
        Self { stop, task }
    }

    /// Lets it finish the part it is about, and ends it.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}
