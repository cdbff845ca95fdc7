//! The loop that counts open work, and finds somebody for tasks that nobody has.

use std::sync::Arc;
use std::time::{Duration, Instant};

use goalwright_application::Error;
use goalwright_application::selection::Selection;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::spawn::spawn_essential;

/// Count so often: figures are as old at the most.
const LOOK: Duration = Duration::from_secs(5);
/// The share of time that counting may take, however much open work there is: one part in so many.
const SHARE: u32 = 50;

/// Counts open work and, where it is to, assigns what nobody has. Any number of processes may do so over one database.
pub struct SelectionLoop {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl SelectionLoop {
    /// Starts it; `placing` says whether tasks are assigned, too.
    pub fn start(selection: Arc<Selection>, placing: bool) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = spawn_essential("selection of work", async move {
            while !stopped.is_cancelled() {
                let began = Instant::now();
                if let Err(error) = look(&selection, placing).await {
                    tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "open work could not be looked through");
                }
                let pause = LOOK.max(began.elapsed() * SHARE);
                tokio::select! {
                    () = stopped.cancelled() => break,
                    () = tokio::time::sleep(pause) => {}
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

async fn look(selection: &Selection, placing: bool) -> Result<(), Error> {
    while placing && selection.place().await?.more {}
    selection.count().await?;
    Ok(())
}
