//! The loops that drive the kernel and the sequencer.
//!
//! A worker takes permits before it claims, so that it never holds a lease it cannot work on; it gives a permit back
//! once the outcome is settled, so that slow settling slows claiming. Outcomes are settled in batches without a
//! timer: the next batch is what arrived while the last one was written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use goalwright_application::execution::{Assignment, Kernel, Report, Settlement};
use goalwright_application::ports::{Sequencer, Signals};
use goalwright_domain::execution::{Lease, SpanId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::spawn::{spawn, spawn_essential};

/// Look for work at least so often, since another process may have made it claimable.
const LOOK: Duration = Duration::from_millis(250);
/// Look for expired leases so often: whoever waits for them waits no longer than that on top.
const LOOK_FOR_THE_DEAD: Duration = Duration::from_secs(1);
/// Outcomes of one batch.
const BATCH: usize = 256;

/// The attempts being performed here, each with its lease and the means to stop it.
type Held = Arc<Mutex<HashMap<SpanId, (Lease, CancellationToken)>>>;

/// Claiming, performing, settling, keeping leases and reclaiming those of the dead.
pub struct Workers {
    claiming: CancellationToken,
    performing: CancellationToken,
    ending: CancellationToken,
    held: Held,
    claimer: JoinHandle<Vec<JoinHandle<()>>>,
    settler: JoinHandle<()>,
    keeper: JoinHandle<()>,
}

/// An outcome on its way to the settler, with the permit it frees.
struct Finished {
    settlement: Settlement,
    permit: OwnedSemaphorePermit,
}

impl Workers {
    /// Starts performing up to `concurrency` attempts at once.
    pub fn start(kernel: Arc<Kernel>, signals: Arc<dyn Signals>, concurrency: usize) -> Self {
        let (claiming, performing, ending) =
            (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let held: Held = Arc::default();
        let (outcomes, arrived) = mpsc::channel(concurrency.max(1));
        let settler = spawn_essential("settler", settle(kernel.clone(), arrived));
        let keeper = spawn_essential("keeper of leases", keep(kernel.clone(), held.clone(), ending.clone()));
        let claiming_loop = claim(Claiming {
            kernel,
            signals,
            permits: Arc::new(Semaphore::new(concurrency.max(1))),
            held: held.clone(),
            outcomes,
            stop: claiming.clone(),
            performing: performing.clone(),
        });
        let claimer = spawn_essential("claimer", claiming_loop);
        Self { claiming, performing, ending, held, claimer, settler, keeper }
    }

    /// Stops claiming, lets what is being performed finish for up to `grace`, then cancels it, and settles what came
    /// of it. Leases that are still held after that run out, and somebody else takes over.
    pub async fn stop(self, grace: Duration) {
        self.claiming.cancel();
        let patience = tokio::time::sleep(grace);
        tokio::pin!(patience);
        let mut settler = self.settler;
        let performances = self.claimer.await.unwrap_or_default();
        // The settler ends once every performance has reported.
        tokio::select! {
            _ = &mut settler => {}
            () = &mut patience => {
                tracing::warn!(attempts.count = lock(&self.held).len(), "cancelling what is still running");
                self.performing.cancel();
                let _ = tokio::time::timeout(Duration::from_secs(15), settler).await;
            }
        }
        for performance in performances {
            // One that does not even obey is left behind; its lease runs out.
            performance.abort();
        }
        self.ending.cancel();
        let _ = self.keeper.await;
    }

    /// How many attempts are being performed right now.
    pub fn busy(&self) -> usize {
        lock(&self.held).len()
    }
}

struct Claiming {
    kernel: Arc<Kernel>,
    signals: Arc<dyn Signals>,
    permits: Arc<Semaphore>,
    held: Held,
    outcomes: mpsc::Sender<Finished>,
    stop: CancellationToken,
    performing: CancellationToken,
}

/// Claims until it is told to stop; gives the performances that are still going on.
async fn claim(claiming: Claiming) -> Vec<JoinHandle<()>> {
    let mut performances: Vec<JoinHandle<()>> = Vec::new();
    loop {
        performances.retain(|performance| !performance.is_finished());
        // One permit is waited for; with it come all that are free.
        let first = tokio::select! {
            () = claiming.stop.cancelled() => break,
            permit = claiming.permits.clone().acquire_owned() => permit,
        };
        let Ok(first) = first else { break };
        let mut permits = vec![first];
        while let Ok(permit) = claiming.permits.clone().try_acquire_owned() {
            permits.push(permit);
        }
        let claimed = match claiming.kernel.claim(permits.len()).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "claiming failed");
                Vec::new()
            }
        };
        let found = claimed.len();
        for (assignment, permit) in claimed.into_iter().zip(permits.drain(..found.min(permits.len()))) {
            performances.push(start(&claiming, assignment, permit));
        }
        let full = permits.is_empty();
        drop(permits);
        if found > 0 && full {
            continue;
        }
        tokio::select! {
            () = claiming.stop.cancelled() => break,
            () = claiming.signals.until_work_changes(LOOK) => {}
        }
    }
    performances
}

fn start(claiming: &Claiming, assignment: Assignment, permit: OwnedSemaphorePermit) -> JoinHandle<()> {
    let (kernel, outcomes, held) =
        (claiming.kernel.clone(), claiming.outcomes.clone(), claiming.held.clone());
    let cancel = claiming.performing.child_token();
    lock(&held).insert(assignment.lease.span_id, (assignment.lease, cancel.clone()));
    spawn(async move {
        let lease = assignment.lease;
        // Also on a panic: a lease that nobody works on must not be kept alive.
        let _keeping = Keeping { held, span_id: lease.span_id };
        match kernel.perform(&assignment, &cancel).await {
            Ok(report) => {
                let settlement = Settlement { lease, report, expired: false };
                // The settler only ends after all senders are gone.
                let _ = outcomes.send(Finished { settlement, permit }).await;
            }
            Err(error) => {
                tracing::error!(task.slug = %assignment.task.slug, error = %error, cause = ?std::error::Error::source(&error), "performing broke off; the lease will run out");
            }
        }
    })
}

/// An attempt whose lease is kept for as long as this lives.
struct Keeping {
    held: Held,
    span_id: SpanId,
}

impl Drop for Keeping {
    fn drop(&mut self) {
        lock(&self.held).remove(&self.span_id);
    }
}

async fn settle(kernel: Arc<Kernel>, mut arrived: mpsc::Receiver<Finished>) {
    let mut batch = Vec::with_capacity(BATCH);
    while arrived.recv_many(&mut batch, BATCH).await > 0 {
        let (settlements, permits): (Vec<Settlement>, Vec<OwnedSemaphorePermit>) =
            batch.drain(..).map(|finished| (finished.settlement, finished.permit)).unzip();
        settle_or_halve(&kernel, settlements).await;
        drop(permits);
    }
}

/// Settles a batch; one that fails is halved until the culprit is alone, so that it takes nobody with it.
async fn settle_or_halve(kernel: &Kernel, batch: Vec<Settlement>) {
    let mut open = vec![batch];
    while let Some(mut batch) = open.pop() {
        match kernel.settle(&batch).await {
            Ok(answers) => {
                for (settlement, _) in batch.iter().zip(answers).filter(|(_, answer)| answer.is_err()) {
                    tracing::warn!(span.id = %settlement.lease.span_id, "the lease was lost; the report was refused");
                }
            }
            Err(error) if batch.len() > 1 => {
                tracing::warn!(error = %error, batch.size = batch.len(), "a batch could not be settled; halving it");
                let half = batch.split_off(batch.len() / 2);
                open.push(half);
                open.push(batch);
            }
            Err(error) => give_up(kernel, batch.pop(), &error).await,
        }
    }
}

/// An outcome that cannot be written is replaced by a failure that can; if that fails too, the lease runs out.
async fn give_up(kernel: &Kernel, settlement: Option<Settlement>, error: &goalwright_application::Error) {
    let Some(settlement) = settlement else { return };
    tracing::error!(span.id = %settlement.lease.span_id, error = %error, cause = ?std::error::Error::source(error), "an outcome cannot be written");
    let refused = goalwright_domain::execution::ExecutionError::new(
        "OutcomeNotWritable",
        "the outcome could not be written to the database; the log says why",
        &[],
    );
    let report = Report {
        files_written: settlement.report.files_written,
        ..Report::of(goalwright_domain::execution::Outcome::Failed { error: refused, retryable: true })
    };
    let plain = [Settlement { lease: settlement.lease, report, expired: false }];
    if let Err(error) = kernel.settle(&plain).await {
        tracing::error!(error = %error, "the failure cannot be written either; the lease will run out");
    }
}

/// Keeps the leases of what is performed here, stops what was lost, and ends what others left behind.
async fn keep(kernel: Arc<Kernel>, held: Held, stop: CancellationToken) {
    let beat = kernel.settings().lease / 3;
    let pause = beat.min(LOOK_FOR_THE_DEAD);
    let mut since_beat = beat;
    loop {
        let due = since_beat >= beat;
        since_beat = if due { pause } else { since_beat + pause };
        let leases: Vec<Lease> =
            if due { lock(&held).values().map(|(lease, _)| *lease).collect() } else { Vec::new() };
        match kernel.heartbeat(&leases).await {
            Ok(kept) => {
                for lease in leases.iter().filter(|lease| !kept.contains(&lease.span_id)) {
                    // Settled in the meantime, or lost; only what is still here is stopped.
                    if let Some((_, cancel)) = lock(&held).get(&lease.span_id) {
                        cancel.cancel();
                    }
                }
            }
            Err(error) => tracing::error!(error = %error, "leases could not be extended"),
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

/// Nothing is done under this lock that could panic half way, so a poisoned one is as good as new.
fn lock(held: &Held) -> std::sync::MutexGuard<'_, HashMap<SpanId, (Lease, CancellationToken)>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives committed events their positions.
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
                match sequencer.sequence().await {
                    Ok(0) => {}
                    Ok(_) => continue,
                    Err(error) => {
                        tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "events could not be placed")
                    }
                }
                tokio::select! {
                    () = stopped.cancelled() => break,
                    () = signals.until_events_appended(LOOK) => {}
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
