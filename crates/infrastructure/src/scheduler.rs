//! The loop that looks after schedules.

use std::sync::Arc;
use std::time::Duration;

use goalwright_application::schedules::Schedules;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::spawn::spawn_essential;

/// Look so often whether a schedule is due: so much later than its time a run begins at the most.
const LOOK: Duration = Duration::from_millis(250);

/// Fires what is due by its schedule. Any number of processes may do so over one database.
pub struct SchedulerLoop {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl SchedulerLoop {
    /// Starts it.
    pub fn start(schedules: Arc<Schedules>) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = spawn_essential("scheduler", async move {
            while !stopped.is_cancelled() {
                match schedules.tick().await {
                    Ok(0) => {}
                    Ok(_) => continue,
                    Err(error) => {
                        tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "schedules could not be looked after")
                    }
                }
                tokio::select! {
                    () = stopped.cancelled() => break,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        });
        Self { stop, task }
    }

    /// Lets it finish what it is about, and ends it.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}
