use std::sync::Arc;
use std::time::Duration;

use goalwright_application::ports::{Ledger, Sequencer, Signals};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::spawn::spawn_essential;

/// Look for events that other processes have left at least so often.
const LOOK: Duration = Duration::from_millis(250);

/// Note the ends of the chains so often, if anything was appended.
const NOTE: Duration = Duration::from_secs(60);

/// Gives committed events their positions and seals, and notes now and then where the chains end.
pub struct SequencerLoop {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl SequencerLoop {
    /// Starts it.
    pub fn start(sequencer: Arc<dyn Sequencer>, ledger: Arc<dyn Ledger>, signals: Arc<dyn Signals>) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = spawn_essential("sequencer", async move {
            let mut noted = Instant::now();
            loop {
                let seen = signals.events_seen();
                match sequencer.sequence().await {
                    Ok(0) => {}
                    Ok(_) => continue,
                    Err(error) => {
                        tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "events could not be placed")
                    }
                }
                if noted.elapsed() >= NOTE {
                    noted = Instant::now();
                    note(&*ledger).await;
                }
                tokio::select! {
                    () = stopped.cancelled() => break,
                    () = signals.until_events_appended(seen, LOOK) => {}
                }
            }
            // What was appended while stopping is placed as well, if the database still answers.
            while matches!(sequencer.sequence().await, Ok(placed) if placed > 0) {}
            note(&*ledger).await;
        });
        Self { stop, task }
    }

    /// Places what is left, notes where the chains end, and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

async fn note(ledger: &dyn Ledger) {
    if let Err(error) = ledger.note().await {
        tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "the ends of the ledger could not be noted");
    }
}
