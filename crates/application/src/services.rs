//! Every service of the product, wired once.

use std::sync::Arc;

use goalwright_domain::experience::Runner;

use crate::access::Access;
use crate::agents::Agents;
use crate::analytics::Analytics;
use crate::api_keys::ApiKeys;
use crate::artifacts::Artifacts;
use crate::audit::Audit;
use crate::execution::KernelPorts;
use crate::experiences::Experiences;
use crate::goals::Goals;
use crate::idempotency::Idempotency;
use crate::models::ModelCalls;
use crate::planning::Planning;
use crate::ports::Tokens;
use crate::read::Queries;
use crate::schedules::Schedules;
use crate::selection::Selection;
use crate::tasks::Tasks;
use crate::traces::Traces;
use crate::usage::Spendings;
use crate::workspaces::Workspaces;

/// What the api and the command line drive.
#[derive(Clone)]
pub struct Services {
    /// From credentials to a principal.
    pub access: Arc<Access>,
    /// Workspaces and what they have settled.
    pub workspaces: Arc<Workspaces>,
    /// Goals.
    pub goals: Arc<Goals>,
    /// Plans.
    pub planning: Arc<Planning>,
    /// Tasks.
    pub tasks: Arc<Tasks>,
    /// Schedules of tasks.
    pub schedules: Arc<Schedules>,
    /// Counts open work, and finds somebody for what nobody has.
    pub selection: Arc<Selection>,
    /// Agents.
    pub agents: Arc<Agents>,
    /// API keys.
    pub api_keys: Arc<ApiKeys>,
    /// Experiences: adding them, finding them, where they come from.
    pub experiences: Arc<Experiences>,
    /// Whether the ledger is what was written.
    pub audit: Arc<Audit>,
    /// Figures.
    pub analytics: Arc<Analytics>,
    /// All that happened in a trace.
    pub traces: Arc<Traces>,
    /// What models cost.
    pub usage: Arc<Spendings>,
    /// Calls of models.
    pub models: Arc<ModelCalls>,
    /// What is too large for the record.
    pub artifacts: Artifacts,
    /// Requests that are repeated.
    pub idempotency: Arc<Idempotency>,
    /// Reads that need no rule: experiences, events, runs.
    pub queries: Arc<dyn Queries>,
}

impl Services {
    /// Over these ports; `runner` names this process in the record.
    pub fn new(ports: &KernelPorts, tokens: Arc<dyn Tokens>, runner: &Runner) -> Self {
        let KernelPorts { transactions, queries, clock, ids, signals, .. } = ports.clone();
        let experiences =
            Arc::new(Experiences::new(transactions.clone(), queries.clone(), clock.clone(), ids.clone()));
        let usage = Arc::new(Spendings::new(ports));
        Self {
            access: Arc::new(Access::new(ports, tokens)),
            workspaces: Arc::new(Workspaces::new(ports)),
            goals: Arc::new(Goals::new(ports)),
            audit: Arc::new(Audit::new(ports.ledger.clone())),
            analytics: Arc::new(Analytics::new(experiences.clone(), queries.clone(), clock.clone())),
            traces: Arc::new(Traces::new(queries.clone())),
            experiences,
            models: ports.models.clone(),
            artifacts: Artifacts::new(ports),
            idempotency: Arc::new(Idempotency::new(transactions.clone(), queries.clone(), clock.clone())),
            planning: Arc::new(Planning::new(ports, usage.clone(), runner.clone())),
            usage,
            tasks: Arc::new(Tasks::new(ports, runner.clone())),
            schedules: Arc::new(Schedules::new(ports, runner.clone())),
            selection: Arc::new(Selection::new(ports)),
            api_keys: Arc::new(ApiKeys::new(transactions, queries.clone(), clock, ids, signals)),
            agents: Arc::new(Agents::new(ports)),
            queries,
        }
    }
}
