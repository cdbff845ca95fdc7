use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use goalwright_application::execution::Kernel;
use goalwright_domain::execution::{Lease, SpanId};
use tokio_util::sync::CancellationToken;

/// Look for expired leases so often: whoever waits for them waits no longer than that on top.
const LOOK_FOR_THE_DEAD: Duration = Duration::from_secs(1);

/// The attempts that are held here, each with its lease and the means to stop it.
#[derive(Default)]
pub(super) struct Held(Mutex<HashMap<SpanId, (Lease, CancellationToken)>>);

impl Held {
    /// Keeps the lease alive for as long as what is given lives.
    pub(super) fn keep(self: &Arc<Self>, lease: Lease, cancel: CancellationToken) -> Keeping {
        self.lock().insert(lease.span_id, (lease, cancel));
        Keeping { held: self.clone(), span_id: lease.span_id }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn leases(&self) -> Vec<Lease> {
        self.lock().values().map(|(lease, _)| *lease).collect()
    }

    fn stop(&self, span: SpanId) {
        // Settled in the meantime, or lost; only what is still here is stopped.
        if let Some((_, cancel)) = self.lock().get(&span) {
            cancel.cancel();
        }
    }

    /// Nothing is done under this lock that could panic half way, so a poisoned one is as good as new.
    fn lock(&self) -> MutexGuard<'_, HashMap<SpanId, (Lease, CancellationToken)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt whose lease is kept for as long as this lives.
pub(super) struct Keeping {
    held: Arc<Held>,
    span_id: SpanId,
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.held.lock().remove(&self.span_id);
    }
}

/// Keeps the leases of what is held here, stops what was lost, and ends what others left behind.
pub(super) async fn keep(kernel: Arc<Kernel>, held: Arc<Held>, stop: CancellationToken) {
    let beat = kernel.settings().lease / 3;
    let pause = beat.min(LOOK_FOR_THE_DEAD);
    let mut since_beat = beat;
    loop {
        let due = since_beat >= beat;
        since_beat = if due { pause } else { since_beat + pause };
        if due {
            beat_for(&kernel, &held).await;
        }
        if let Err(error) = kernel.reclaim().await {
            tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "expired leases could not be reclaimed");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn beat_for(kernel: &Kernel, held: &Held) {
    let leases = held.leases();
    match kernel.heartbeat(&leases).await {
        Ok(kept) => {
            let kept: std::collections::HashSet<SpanId> = kept.into_iter().collect();
            for lease in leases.iter().filter(|lease| !kept.contains(&lease.span_id)) {
                held.stop(lease.span_id);
            }
        }
        Err(error) => tracing::error!(error = %error, "leases could not be extended"),
    }
}
