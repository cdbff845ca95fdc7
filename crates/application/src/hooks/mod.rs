//! Steps that run after executions. They follow what was recorded, in units of their own, so that settling work pays nothing
//! for them and no hook can fail a task. What a hook is to do stands in a row until it is done: it is done at least once,
//! and tried so often that a passing trouble passes.

mod attempts;
mod lessons;
mod notes;
mod registry;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use goalwright_domain::Timestamp;
use goalwright_domain::experience::{Experience, audit_text};
use goalwright_domain::ledger::Fact;
use goalwright_domain::workspace::Actor;
use serde_json::json;

use crate::Error;
use crate::context::events;
use crate::execution::KernelPorts;
use crate::ports::{Clock, Happening, HookEnd, HookRun, Ids, Interest, Signals, Telemetry, Transactions};
use crate::read::Queries;
use crate::retrying::retrying;

pub use lessons::Lessons;
pub use notes::Notes;
pub use registry::{HOOKS, registered};

/// How often a hook is tried after one execution.
pub const HOOK_ATTEMPTS: u32 = 5;
/// How long a hook may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long what was taken is held: longer than it may take, so that nobody else begins it before it ended.
const HOLD: Duration = Duration::from_secs(90);
/// Before a hook is tried again, doubled each time.
const PAUSE: Duration = Duration::from_secs(5);
/// Executions looked at in one unit.
const LOOKED_AT: usize = 2_000;
/// Hooks run in one tick.
const AT_ONCE: usize = 20;

/// A step that runs after executions.
#[async_trait]
pub trait Hook: Send + Sync {
    /// Its name in the settings and in the record; never changed, since what it did is noted under it.
    fn name(&self) -> &'static str;
    /// Which executions it wants to know of.
    fn interest(&self) -> Interest;
    /// Does it, without any unit open; gives the experiences to be left behind, which are written with the note that it is
    /// done. It may be asked again after the same execution, and must then give experiences with the same keys.
    ///
    /// # Errors
    /// What went wrong, and whether trying again can help.
    async fn after(&self, execution: &Experience) -> Result<Vec<Experience>, HookFailure>;
}

/// A hook did not do what it was to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HookFailure {
    /// In words.
    pub message: String,
    /// Whether trying again can help.
    pub retryable: bool,
}

impl From<Error> for HookFailure {
    fn from(error: Error) -> Self {
        Self { message: error.to_string(), retryable: true }
    }
}

/// Runs hooks.
pub struct Hooks {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    signals: Arc<dyn Signals>,
    telemetry: Arc<dyn Telemetry>,
    hooks: Vec<Arc<dyn Hook>>,
}

/// How a hook ended, in a word.
const fn outcome(end: &HookEnd) -> &'static str {
    match end {
        HookEnd::Done(_) => "done",
        HookEnd::Again { .. } => "again",
        HookEnd::Failed { .. } => "failed",
    }
}

impl Hooks {
    /// These, over these ports.
    pub fn new(ports: &KernelPorts, hooks: Vec<Arc<dyn Hook>>) -> Self {
        let KernelPorts { transactions, queries, clock, ids, signals, telemetry, .. } = ports.clone();
        Self { transactions, queries, clock, ids, signals, telemetry, hooks }
    }

    /// Looks for what was executed and runs the hooks that are due; gives how much there was to do.
    ///
    /// # Errors
    /// What storage says. What was not concluded is done again.
    #[tracing::instrument(name = "hook.tick", skip_all, level = "debug")]
    pub async fn tick(&self) -> Result<usize, Error> {
        if self.hooks.is_empty() {
            return Ok(0);
        }
        let looked_at = self.look().await?;
        let mut done = 0;
        // One after the other, so that each is held for as long as it may take.
        while done < AT_ONCE
            && let Some(run) = self.take().await?
        {
            self.perform(&run).await?;
            done += 1;
        }
        Ok(looked_at + done)
    }

    /// What failed is to be done again; gives how many it were.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "hook.retry", skip_all)]
    pub async fn retry_failed(&self) -> Result<usize, Error> {
        retrying(|| async {
            let unit = self.transactions.begin().await?;
            let count = unit.hooks().retry_failed(self.clock.now(), LOOKED_AT).await?;
            unit.commit().await?;
            Ok(count)
        })
        .await
    }

    /// Notes what is to be done after the executions that were recorded in the meantime.
    async fn look(&self) -> Result<usize, Error> {
        let names: Vec<&str> = self.hooks.iter().map(|hook| hook.name()).collect();
        let abreast = self.queries.hooks_abreast(&names).await?;
        let mut looked_at = 0;
        for hook in self.hooks.iter().filter(|hook| !abreast.iter().any(|name| name == hook.name())) {
            looked_at += retrying(|| async {
                let unit = self.transactions.begin().await?;
                let now = self.clock.now();
                let count = unit.hooks().enqueue(hook.name(), hook.interest(), LOOKED_AT, now).await?;
                unit.commit().await?;
                Ok::<_, Error>(count)
            })
            .await?;
        }
        Ok(looked_at)
    }

    async fn take(&self) -> Result<Option<HookRun>, Error> {
        let names: Vec<&str> = self.hooks.iter().map(|hook| hook.name()).collect();
        if !self.queries.any_hook_due(self.clock.now()).await? {
            return Ok(None);
        }
        retrying(|| async {
            let unit = self.transactions.begin().await?;
            let taken = unit.hooks().claim(&names, self.clock.now(), HOLD, 1).await?;
            unit.commit().await?;
            Ok(taken.into_iter().next())
        })
        .await
    }

    async fn perform(&self, run: &HookRun) -> Result<(), Error> {
        let Some(hook) = self.hooks.iter().find(|hook| hook.name() == run.hook) else { return Ok(()) };
        let done = if run.attempts > HOOK_ATTEMPTS {
            let message = "it ended without an answer each time: the process that ran it vanished".to_owned();
            Err(HookFailure { message, retryable: false })
        } else {
            self.ask(&**hook, run).await
        };
        let (end, left) = self.end(run, done);
        retrying(|| self.conclude(run, &end, &left)).await
    }

    async fn ask(&self, hook: &dyn Hook, run: &HookRun) -> Result<Vec<Experience>, HookFailure> {
        let execution = self.queries.experience(run.workspace_id, &run.experience_id).await?;
        let Some(execution) = execution else {
            let message = "the record of the execution is gone".to_owned();
            return Err(HookFailure { message, retryable: false });
        };
        let asked = tokio::time::timeout(DEADLINE, hook.after(&execution)).await;
        asked.unwrap_or_else(|_| {
            let message = format!("it took longer than {} s", DEADLINE.as_secs());
            Err(HookFailure { message, retryable: true })
        })
    }

    fn end(&self, run: &HookRun, done: Result<Vec<Experience>, HookFailure>) -> (HookEnd, Vec<Experience>) {
        let failure = match done {
            Ok(left) => {
                let ids = left.iter().map(|experience| experience.id.clone()).collect();
                return (HookEnd::Done(ids), left);
            }
            Err(failure) => failure,
        };
        let error = audit_text(&failure.message);
        if failure.retryable && run.attempts < HOOK_ATTEMPTS {
            tracing::warn!(
                hook = run.hook,
                experience.id = run.experience_id,
                attempt = run.attempts,
                error,
                "a hook failed and is tried again"
            );
            let pause = PAUSE * 2u32.saturating_pow(run.attempts.saturating_sub(1));
            return (HookEnd::Again { error, at: self.clock.now() + pause }, Vec::new());
        }
        tracing::error!(
            hook = run.hook,
            experience.id = run.experience_id,
            attempt = run.attempts,
            error,
            "a hook failed for good"
        );
        (HookEnd::Failed { error }, Vec::new())
    }

    async fn conclude(&self, run: &HookRun, end: &HookEnd, left: &[Experience]) -> Result<(), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        if !unit.hooks().conclude(run, end, now).await? {
            // Somebody else has it by now, and concludes it.
            return Ok(());
        }
        if !left.is_empty() {
            unit.experiences().append(left).await?;
        }
        if let HookEnd::Failed { error } = end {
            unit.outbox().append(&self.failed(run, error, now)).await?;
        }
        unit.commit().await?;
        self.telemetry.tell(Happening::Hooked { hook: &run.hook, outcome: outcome(end) });
        self.signals.events_appended();
        Ok(())
    }

    fn failed(&self, run: &HookRun, error: &str, now: Timestamp) -> Vec<goalwright_domain::ledger::Event> {
        let fact = Fact {
            entity_type: "experience",
            entity_id: run.experience_id.clone(),
            event_type: "hook.failed",
            changes: json!({}),
            metadata: json!({"hook": run.hook, "attempts": run.attempts, "error": error}),
        };
        events(&*self.ids, run.workspace_id, &Actor::system("hooks"), None, vec![fact], now)
    }
}
