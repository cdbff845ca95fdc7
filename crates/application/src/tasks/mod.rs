//! Tasks: add, read, run, complete.

mod approve;
mod assign;
mod claim;
mod complete;
mod create;
mod delete;
mod depend;
mod edit;
mod end;
mod fail;
mod heartbeat;
mod held;
mod next;
mod readiness;
mod release;
mod report;
mod retry;
mod run;

use std::sync::Arc;

use goalwright_domain::Timestamp;
use goalwright_domain::experience::Runner;
use goalwright_domain::task::TaskId;

use crate::execution::{Kernel, Settings};
use crate::models::ModelCalls;
use crate::past::Past;
use crate::ports::{Clock, Ids, Signals, Tools, Transactions};
use crate::read::{Page, PageRequest, Queries, TaskFilter, TaskView, Then};
use crate::usage::Spendings;
use crate::{Context, Error};

pub use claim::{
    CLAIM_LIMIT, Claimed, Claims, LONGEST_LEASE, LONGEST_WAIT, SHORTEST_LEASE, TYPE_LIMIT, Wanted,
};
pub use complete::{Completion, EVIDENCE_LIMIT, FILE_LIMIT, PATH_LIMIT, SUMMARY_LIMIT};
pub use create::NewTask;
pub(crate) use depend::cycle;
pub(crate) use edit::{duplicate, follow};
pub use end::Ending;
pub use fail::{Failure, MESSAGE_LIMIT};
pub(crate) use held::changed;
pub use next::{Next, NextReason};
pub use readiness::Readiness;
pub use run::{RunAnswer, RunRequest, RunState};

/// What can be done with tasks.
pub struct Tasks {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    tools: Arc<dyn Tools>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    signals: Arc<dyn Signals>,
    runner: Runner,
    models: Arc<ModelCalls>,
    spendings: Spendings,
    /// For those who work outside.
    kernel: Kernel,
}

impl Tasks {
    /// Over these ports; `runner` names this process in what people complete through it.
    pub fn new(ports: &crate::execution::KernelPorts, runner: Runner) -> Self {
        Self {
            transactions: ports.transactions.clone(),
            queries: ports.queries.clone(),
            tools: ports.tools.clone(),
            clock: ports.clock.clone(),
            ids: ports.ids.clone(),
            signals: ports.signals.clone(),
            models: ports.models.clone(),
            spendings: Spendings::new(ports),
            kernel: Kernel::new(ports.clone(), runner.clone(), Settings::default()),
            runner,
        }
    }

    /// One task.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, context: &Context, id: TaskId) -> Result<TaskView, Error> {
        self.queries.task(context.workspace(), id).await?.ok_or_else(|| Error::not_found("task", id))
    }

    /// One task as it was at a past moment.
    ///
    /// # Errors
    /// `NotFound`; `NotThen` before it was made and after it was deleted; `Invalid` for a moment that has not come; `Pruned`.
    #[tracing::instrument(name = "task.as_of", skip_all, fields(task.id = %id))]
    pub async fn as_of(&self, context: &Context, id: TaskId, at: Timestamp) -> Result<Then<TaskView>, Error> {
        Past::at(&*self.queries, context.workspace(), at, self.clock.now()).await?.task(id).await
    }

    /// One task by its id or its slug.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn find(&self, context: &Context, id_or_slug: &str) -> Result<TaskView, Error> {
        let id = match id_or_slug.parse() {
            Ok(id) => Some(id),
            Err(_) => self.queries.task_by_slug(context.workspace(), id_or_slug).await?,
        };
        self.get(context, id.ok_or_else(|| Error::not_found("task", id_or_slug))?).await
    }

    /// Tasks, newest first.
    ///
    /// # Errors
    /// What storage says.
    pub async fn list(
        &self,
        context: &Context,
        filter: &TaskFilter,
        page: &PageRequest,
    ) -> Result<Page<TaskView>, Error> {
        self.queries.tasks(context.workspace(), filter, page).await
    }
}
