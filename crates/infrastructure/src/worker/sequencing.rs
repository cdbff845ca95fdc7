use std::sync::Arc;
use std::time::Duration;

use goalwright_application::ports::{Sequencer, Signals};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::spawn::spawn_essential;

/// Look for events that other processes have left at least so often.
const LOOK: Duration = Duration::from_millis(250);

/// Gives committed events their positions and seals.
pub struct SequencerLoop {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl SequencerLoop {
    /// Starts it.
    pub fn start(sequencer: Arc<dyn Sequencer>, signals: Arc<dyn Signals>) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = spawn_essential("sequencer", async move {
            loop {
                let seen = signals.events_seen();
                match sequencer.sequence().await {
                    Ok(0) => {}
                    Ok(_) => continue,
                    Err(error) => {
                        tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "events could not be placed")
                    }
                }
                tokio::select! {
                    () = stopped.cancelled() => break,
                    () = signals.until_events_appended(seen, LOOK) => {}
                }
            }
            // What was appended while stopping is placed as well, if the database still answers.
            while matches!(sequencer.sequence().await, Ok(placed) if placed > 0) {}
        });
        Self { stop, task }
    }

    /// Places what is left and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}
