use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use goalwright_application::execution::{Assignment, Claimed, Kernel, Report, Settlement};
use goalwright_application::ports::Signals;
use goalwright_domain::execution::Outcome;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::keeping::Held;
use super::pace::Pace;
use super::settling::Settler;
use crate::spawn::{spawn_essential, spawn_in};

/// Look for work at least so often, since another process may have made it claimable.
const LOOK: Duration = Duration::from_millis(250);
/// What was claimed and not begun within this time is given back.
const PATIENCE: Duration = Duration::from_secs(1);

/// So many that only compute are done in one unit, at most.
const COMPUTED_AT_ONCE: usize = 512;

/// The loop that claims, and starts what it claimed.
pub(super) struct Claiming {
    pub(super) kernel: Arc<Kernel>,
    pub(super) signals: Arc<dyn Signals>,
    pub(super) places: Arc<Semaphore>,
    pub(super) pace: Arc<Pace>,
    pub(super) held: Arc<Held>,
    pub(super) settler: Arc<Settler>,
    pub(super) stop: CancellationToken,
    pub(super) performing: CancellationToken,
}

impl Claiming {
    /// Claims until it is told to stop; gives the performances that are still going on.
    pub(super) async fn run(self) -> JoinSet<()> {
        let mut performances = JoinSet::new();
        let flow = Arc::new(Flow::default());
        let beside = self.kernel.looks_abreast().then(|| {
            spawn_essential("second look", beside(self.kernel.clone(), flow.clone(), self.stop.clone()))
        });
        let mut at_once = 0;
        while !self.stop.is_cancelled() {
            while performances.try_join_next().is_some() {}
            let room = self.pace.room();
            if room == 0 {
                tokio::select! {
                    () = self.stop.cancelled() => break,
                    () = self.pace.until_freed() => continue,
                }
            }
            // Drawn before the claim: what becomes claimable while it looks is not missed.
            let seen = self.signals.work_seen();
            let claimed = match self.kernel.claim_or_compute(room, at_once).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "claiming failed");
                    tokio::time::sleep(LOOK).await;
                    Claimed::default()
                }
            };
            let (found, picked) = (claimed.assignments.len(), at_once.max(room));
            self.pace.held(found);
            for assignment in claimed.assignments {
                self.start(&mut performances, assignment);
            }
            // Where everything only computes, more of it is picked the next time; else not more than there is room for.
            at_once = if claimed.only_computes { (2 * picked).min(COMPUTED_AT_ONCE) } else { 0 };
            flow.is(if claimed.computed >= picked { at_once } else { 0 });
            if claimed.computed == 0 && found < room {
                tokio::select! {
                    () = self.stop.cancelled() => break,
                    () = self.signals.until_work_changes(seen, LOOK) => {}
                }
            }
        }
        if let Some(beside) = beside {
            let _ = beside.await;
        }
        performances
    }

    fn start(&self, performances: &mut JoinSet<()>, assignment: Assignment) {
        let (kernel, settler, places, pace) =
            (self.kernel.clone(), self.settler.clone(), self.places.clone(), self.pace.clone());
        let cancel = self.performing.child_token();
        let keeping = self.held.keep(assignment.lease, cancel.clone());
        spawn_in(performances, async move {
            // Also on a panic: a lease that nobody works on must not be kept alive, nor its place be lost.
            let _slot = Slot(pace.clone());
            let _keeping = keeping;
            let place = tokio::select! {
                place = places.acquire_owned() => place.ok(),
                () = waited_too_long(&assignment, &cancel) => None,
            };
            let Some(place) = place else {
                // What was claimed ahead of others has turned out to be slow: somebody else may be free.
                pace.performed(PATIENCE);
                let report = Report::of(Outcome::Released);
                settler.submit(Settlement { lease: assignment.lease, report, expired: false }).await;
                return;
            };
            let begun = Instant::now();
            let performed = kernel.perform(&assignment, &cancel).await;
            pace.performed(begun.elapsed());
            drop(place);
            match performed {
                Ok(report) => {
                    settler.submit(Settlement { lease: assignment.lease, report, expired: false }).await;
                }
                Err(error) => {
                    tracing::error!(task.slug = %assignment.task.slug, error = %error, cause = ?std::error::Error::source(&error), "performing broke off; the lease will run out");
                }
            }
        });
    }
}

/// How much of what only computes there seems to be.
#[derive(Default)]
struct Flow {
    at_once: AtomicUsize,
    grew: Notify,
}

impl Flow {
    fn is(&self, at_once: usize) {
        self.at_once.store(at_once, Ordering::Release);
        if at_once > 0 {
            self.grew.notify_one();
        }
    }
}

/// Looks for more while a look has not ended: its statements are prepared while the database carries out those of the other
/// one. It takes only what computes, which needs no place.
async fn beside(kernel: Arc<Kernel>, flow: Arc<Flow>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let at_once = flow.at_once.load(Ordering::Acquire);
        let computed = match at_once {
            0 => 0,
            // What fails is looked at again, and told of, by the loop that this one stands beside.
            some => kernel.claim_or_compute(0, some).await.map_or(0, |claimed| claimed.computed),
        };
        if computed < at_once || at_once == 0 {
            tokio::select! {
                () = stop.cancelled() => break,
                () = flow.grew.notified() => {}
            }
        }
    }
}

/// When it is better to give back what was not begun: after a while, or when everything is to stop. What is resumed is not
/// given back, since its next attempt would do again what it did before it waited.
async fn waited_too_long(assignment: &Assignment, cancel: &CancellationToken) {
    if assignment.resumed.is_some() {
        return std::future::pending().await;
    }
    tokio::select! {
        () = tokio::time::sleep(PATIENCE) => {}
        () = cancel.cancelled() => {}
    }
}

/// One attempt that is held here.
struct Slot(Arc<Pace>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.settled();
    }
}
