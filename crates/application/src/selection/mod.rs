//! The selection of work. What can be executed is defined once, by [`Standing`] here and next to every statement that
//! claims, offers or counts in storage; workers, outside workers and people select by it, and each selection tells how
//! many open tasks there are, how many can be executed, how many nobody has and how many are blocked.

mod latest;
pub(crate) mod left_out;
mod place;

use std::sync::Arc;

use goalwright_domain::Timestamp;
use goalwright_domain::task::{Standing, Standings};

use crate::Error;
use crate::execution::KernelPorts;
use crate::ports::{Clock, Happening, Ids, Signals, Telemetry, Transactions};
use crate::read::Queries;

pub use latest::LatestStandings;
pub use left_out::LeftOut;
pub use place::Placed;

/// Counts open work, and finds somebody for tasks that nobody has.
pub struct Selection {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    signals: Arc<dyn Signals>,
    latest: Arc<LatestStandings>,
    telemetry: Arc<dyn Telemetry>,
}

impl Selection {
    /// Over these ports.
    pub fn new(ports: &KernelPorts) -> Self {
        let KernelPorts { transactions, queries, clock, ids, signals, standings, telemetry, .. } =
            ports.clone();
        Self { transactions, queries, clock, ids, signals, latest: standings, telemetry }
    }

    /// Counts where all open tasks stand. Whoever selects work in this process tells these figures until the next count.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "selection.count", skip_all, level = "debug")]
    pub async fn count(&self) -> Result<Standings, Error> {
        let now = self.clock.now();
        let standings = self.queries.standings(now).await?;
        self.latest.note(standings, now);
        self.telemetry.tell(Happening::Counted(&standings));
        tell(&standings, now, "open work was counted");
        Ok(standings)
    }
}

/// Tells the figures of a selection.
pub(crate) fn tell(standings: &Standings, counted_at: Timestamp, what: &str) {
    tracing::debug!(
        tasks.total = standings.total(),
        tasks.with_agent = standings.with_agent(),
        tasks.executable = standings.of(Standing::Executable),
        tasks.unassigned = standings.of(Standing::Unassigned),
        tasks.blocked = standings.of(Standing::Blocked),
        %counted_at,
        "{what}"
    );
}
