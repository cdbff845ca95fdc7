//! Schedules: what recurs fires when its slots come.

mod aside;
pub(crate) mod keep;
mod preview;
mod supersede;
mod tick;
mod turn;

use std::sync::Arc;

use goalwright_domain::experience::Runner;

use crate::execution::KernelPorts;
use crate::ports::{Clock, Ids, Signals, Transactions};
use crate::read::Queries;

pub use preview::{PREVIEW_LIMIT, Preview, PreviewRequest};

/// What can be done with schedules. Any number of processes may tick at the same time.
pub struct Schedules {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    signals: Arc<dyn Signals>,
    runner: Runner,
}

impl Schedules {
    /// Over these ports; `runner` names this process in the record of attempts that are superseded.
    pub fn new(ports: &KernelPorts, runner: Runner) -> Self {
        Self {
            transactions: ports.transactions.clone(),
            queries: ports.queries.clone(),
            clock: ports.clock.clone(),
            ids: ports.ids.clone(),
            signals: ports.signals.clone(),
            runner,
        }
    }
}
