//! Every service of the product, wired once.

use std::sync::Arc;

use goalwright_domain::experience::Runner;

use crate::access::Access;
use crate::agents::Agents;
use crate::execution::KernelPorts;
use crate::experiences::Experiences;
use crate::goals::Goals;
use crate::idempotency::Idempotency;
use crate::planning::Planning;
use crate::ports::Tokens;
use crate::read::Queries;
use crate::schedules::Schedules;
use crate::tasks::Tasks;

/// What the api and the command line drive.
#[derive(Clone)]
pub struct Services {
    /// From credentials to a principal.
    pub access: Arc<Access>,
    /// Goals.
    pub goals: Arc<Goals>,
    /// Plans.
    pub planning: Arc<Planning>,
    /// Tasks.
    pub tasks: Arc<Tasks>,
    /// Schedules of tasks.
    pub schedules: Arc<Schedules>,
    /// Agents.
    pub agents: Arc<Agents>,
    /// Experiences that somebody adds.
    pub experiences: Arc<Experiences>,
    /// Requests that are repeated.
    pub idempotency: Arc<Idempotency>,
    /// Reads that need no rule: experiences, events, runs.
    pub queries: Arc<dyn Queries>,
}

impl Services {
    /// Over these ports; `runner` names this process in the record.
    pub fn new(ports: &KernelPorts, tokens: Arc<dyn Tokens>, runner: &Runner) -> Self {
        let KernelPorts { transactions, queries, clock, ids, signals, .. } = ports.clone();
        Self {
            access: Arc::new(Access::new(
                transactions.clone(),
                queries.clone(),
                tokens,
                clock.clone(),
                ids.clone(),
            )),
            goals: Arc::new(Goals::new(
                transactions.clone(),
                queries.clone(),
                clock.clone(),
                ids.clone(),
                signals.clone(),
            )),
            experiences: Arc::new(Experiences::new(
                transactions.clone(),
                queries.clone(),
                clock.clone(),
                ids.clone(),
            )),
            idempotency: Arc::new(Idempotency::new(transactions.clone(), queries.clone(), clock.clone())),
            planning: Arc::new(Planning::new(ports, runner.clone())),
            tasks: Arc::new(Tasks::new(ports, runner.clone())),
            schedules: Arc::new(Schedules::new(ports, runner.clone())),
            agents: Arc::new(Agents::new(transactions, queries.clone(), clock, ids, signals)),
            queries,
        }
    }
}
