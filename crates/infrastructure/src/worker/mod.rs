//! The loops that drive the kernel and the sequencer.
//!
//! A worker claims what it can perform: as many runs as it has places, and, while work is over as soon as it is begun,
//! some ahead of that (see `pace.rs`), so that the next batch is there when this one is done. Outcomes are settled in
//! groups without a timer: the next group is what arrived while the last one was written. What is claimed and not yet
//! settled is bounded, so slow settling slows claiming.

mod claiming;
mod keeping;
mod pace;
mod sequencing;
mod settling;

use std::sync::Arc;
use std::time::Duration;

use goalwright_application::execution::Kernel;
use goalwright_application::ports::Signals;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::spawn::spawn_essential;
use claiming::Claiming;
use keeping::Held;
use pace::Pace;
use settling::Settler;

pub use sequencing::SequencerLoop;

/// How long what was told to stop may take to do so.
const OBEY: Duration = Duration::from_secs(15);

/// Claiming, performing, settling, keeping leases and reclaiming those of the dead.
pub struct Workers {
    claiming: CancellationToken,
    performing: CancellationToken,
    ending: CancellationToken,
    held: Arc<Held>,
    claimer: JoinHandle<JoinSet<()>>,
    settler: Arc<Settler>,
    keeper: JoinHandle<()>,
}

impl Workers {
    /// Starts performing up to `concurrency` attempts at once.
    pub fn start(kernel: Arc<Kernel>, signals: Arc<dyn Signals>, concurrency: usize) -> Self {
        let (claiming, performing, ending) =
            (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let concurrency = concurrency.max(1);
        let held = Arc::new(Held::default());
        let settler = Arc::new(settling::start(kernel.clone()));
        let keeper = keeping::keep(kernel.clone(), held.clone(), ending.clone());
        let claimer = Claiming {
            kernel,
            signals,
            places: Arc::new(Semaphore::new(concurrency)),
            pace: Arc::new(Pace::new(concurrency)),
            held: held.clone(),
            settler: settler.clone(),
            stop: claiming.clone(),
            performing: performing.clone(),
        };
        Self {
            claiming,
            performing,
            ending,
            held,
            claimer: spawn_essential("claimer", claimer.run()),
            settler,
            keeper: spawn_essential("keeper of leases", keeper),
        }
    }

    /// Stops in two stages: no more claims, and up to `grace` for what was claimed to end by itself; then everything is
    /// told to stop, and what came of it is settled. Leases that are still held after that run out, and somebody else
    /// takes over.
    pub async fn stop(self, grace: Duration) {
        self.claiming.cancel();
        let mut performances = self.claimer.await.unwrap_or_default();
        if tokio::time::timeout(grace, all(&mut performances)).await.is_err() {
            tracing::warn!(attempts.count = self.held.len(), "cancelling what is still running");
            self.performing.cancel();
            // One that does not even obey is left behind; its lease runs out.
            let _ = tokio::time::timeout(OBEY, all(&mut performances)).await;
        }
        performances.shutdown().await;
        if let Some(settler) = Arc::into_inner(self.settler) {
            settler.finish().await;
        }
        self.ending.cancel();
        let _ = self.keeper.await;
    }

    /// How many attempts are claimed and not yet settled.
    pub fn busy(&self) -> usize {
        self.held.len()
    }
}

async fn all(performances: &mut JoinSet<()>) {
    while performances.join_next().await.is_some() {}
}
