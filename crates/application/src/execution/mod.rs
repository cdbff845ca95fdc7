//! The kernel: claim, perform, settle, reclaim.
//!
//! - [`Kernel::claim`] takes runs under a lease, in one unit,
//! - [`Kernel::perform`] does the work without any unit open, with a journal of what it is about to do,
//! - [`Kernel::settle`] writes a batch of outcomes with all their consequences, in one unit,
//! - [`Kernel::reclaim`] ends attempts whose worker vanished,
//! - [`Kernel::heartbeat`] keeps the leases of the living.
//!
//! Each is idempotent and may be called by any number of processes at any time; `infrastructure` drives them.

mod book;
mod by_hand;
mod called;
mod claim;
mod compute;
mod consequences;
mod copies;
mod dependents;
mod fire;
mod make;
pub(crate) mod orchestrate;
mod outside;
mod perform;
pub(crate) mod readiness;
mod reclaim;
mod record;
mod revive;
mod settle;
mod told;

use std::sync::Arc;
use std::time::Duration;

use goalwright_domain::Timestamp;
use goalwright_domain::agent::AgentKind;
use goalwright_domain::execution::{Attempt, Lease, Outcome, Run, RunId, ScriptRun, SpanId, Suspension};
use goalwright_domain::experience::{Retrieval, Runner};
use goalwright_domain::goal::DEFAULT_QUEUE;
use goalwright_domain::task::TaskState;
use serde_json::Value;
use uuid::Uuid;

use crate::Error;
use crate::experiences::Experiences;
use crate::models::ModelCalls;
use crate::ports::telemetry::Performed;
use crate::ports::{
    Artifacts, Clock, Ids, Ledger, Sandboxes, Signals, Telemetry, ToolCall, Tools, Transactions,
};
use crate::read::Queries;
use crate::selection::LatestStandings;
use crate::usage::Spendings;

pub(crate) use book::{Book, queue_of};
pub(crate) use by_hand::attempt_by_hand;
pub use compute::Claimed;
pub(crate) use consequences::{Ended, conclude, driving_run, place_unassigned, take_stock};
pub(crate) use fire::{Directories, Firing};
pub(crate) use make::storable;
pub use outside::{LeaseKey, OUTSIDERS, USUAL_LEASE};
pub use readiness::Unready;
pub use settle::{LeaseLost, Settlement};

/// How a kernel works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The queue it claims from.
    pub queue: String,
    /// The one run that it claims, whatever its queue; none means every run of the queue.
    pub only: Option<RunId>,
    /// The kinds of agents it performs for, besides models where there are any.
    pub performers: Vec<AgentKind>,
    /// How long a lease holds without a heartbeat.
    pub lease: Duration,
    /// How long one performance may take.
    pub deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            queue: DEFAULT_QUEUE.to_owned(),
            only: None,
            performers: vec![AgentKind::Tool, AgentKind::Human],
            lease: Duration::from_secs(30),
            deadline: Duration::from_secs(600),
        }
    }
}

/// The ports of the kernel.
#[derive(Clone)]
pub struct KernelPorts {
    /// Units of work.
    pub transactions: Arc<dyn Transactions>,
    /// Reads.
    pub queries: Arc<dyn Queries>,
    /// What actions may call.
    pub tools: Arc<dyn Tools>,
    /// Where file tools work.
    pub sandboxes: Arc<dyn Sandboxes>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids and chance.
    pub ids: Arc<dyn Ids>,
    /// Wake-up calls.
    pub signals: Arc<dyn Signals>,
    /// The ledger as it is verified.
    pub ledger: Arc<dyn Ledger>,
    /// Where the bytes of artifacts are.
    pub artifacts: Arc<dyn Artifacts>,
    /// Calls of models.
    pub models: Arc<ModelCalls>,
    /// Where open work stood when it was counted last.
    pub standings: Arc<LatestStandings>,
    /// Who watches.
    pub telemetry: Arc<dyn Telemetry>,
}

/// Executes runs.
pub struct Kernel {
    ports: KernelPorts,
    runner: Runner,
    settings: Settings,
    experiences: Experiences,
    spendings: Spendings,
    /// Held by the unit that ends: it has the counters of its goals and the ledger, and the one behind it would wait for
    /// them, or leave its events to be placed by somebody else.
    ending: tokio::sync::Mutex<()>,
}

/// A claimed attempt, with what is needed to perform it.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The right to perform it.
    pub lease: Lease,
    /// The run.
    pub run: Run,
    /// The attempt.
    pub attempt: Attempt,
    /// The task as it is now.
    pub task: TaskState,
    /// The sandbox that the task's goal names.
    pub sandbox: Option<String>,
    /// Whether the task's goal is not worked on any more.
    pub goal_rests: bool,
    /// What the attempt waited for, if it is resumed.
    pub resumed: Option<Suspension>,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// How long the run had been queued; only of a first attempt.
    pub queued: Option<Duration>,
}

/// What performing gave.
#[derive(Debug, Clone)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// Calls that had no effect to announce and are written with the settlement.
    pub calls: Vec<ToolCall>,
    /// Paths relative to the sandbox.
    pub files_written: Vec<String>,
    /// What whoever did it offers as proof.
    pub evidence: Option<Value>,
    /// Artifacts that were kept.
    pub artifacts: Vec<Uuid>,
    /// Scripts that were run.
    pub scripts: Vec<ScriptRun>,
    /// Which experiences were looked up; kept also if it failed afterwards.
    pub retrieval: Option<Retrieval>,
    /// When it was done, if it was done here.
    pub performed: Option<Performed>,
}

impl Report {
    /// It ended like this, and touched nothing that is to be told.
    pub const fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            calls: Vec::new(),
            files_written: Vec::new(),
            evidence: None,
            artifacts: Vec::new(),
            scripts: Vec::new(),
            retrieval: None,
            performed: None,
        }
    }
}

impl Kernel {
    /// Over these ports.
    pub fn new(ports: KernelPorts, runner: Runner, settings: Settings) -> Self {
        let KernelPorts { transactions, queries, clock, ids, .. } = ports.clone();
        let experiences = Experiences::new(transactions, queries, clock, ids);
        let spendings = Spendings::new(&ports);
        Self { ports, runner, settings, experiences, spendings, ending: tokio::sync::Mutex::new(()) }
    }

    /// How it works.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Who watches it.
    pub fn watched_by(&self) -> Arc<dyn Telemetry> {
        self.ports.telemetry.clone()
    }

    /// Whether it gains anything to look for work again while a look has not ended yet.
    pub fn looks_abreast(&self) -> bool {
        self.ports.transactions.abreast()
    }

    /// Keeps leases alive; gives those spans that still hold. Work whose span is missing must stop: somebody else
    /// may be doing it.
    ///
    /// # Errors
    /// What storage says.
    pub async fn heartbeat(&self, leases: &[Lease]) -> Result<Vec<SpanId>, Error> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let unit = self.ports.transactions.begin().await?;
        let held = unit.executions().extend(leases, self.settings.lease).await?;
        unit.commit().await?;
        Ok(held)
    }

    fn clock(&self) -> &dyn Clock {
        &*self.ports.clock
    }

    fn ids(&self) -> &dyn Ids {
        &*self.ports.ids
    }

    fn telemetry(&self) -> &dyn Telemetry {
        &*self.ports.telemetry
    }
}
