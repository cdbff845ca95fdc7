//! Goals: state them, read them, ask how far they are.

mod create;
mod delete;
mod edit;
mod progress;

use std::sync::Arc;

use goalwright_domain::Timestamp;
use goalwright_domain::goal::GoalId;

use crate::execution::KernelPorts;
use crate::models::ModelCalls;
use crate::past::Past;
use crate::ports::{Clock, Ids, Signals, Tools, Transactions};
use crate::read::{GoalFilter, GoalView, Page, PageRequest, PastGoal, Queries, Then};
use crate::usage::Spendings;
use crate::{Context, Error};

/// What can be done with goals.
pub struct Goals {
    transactions: Arc<dyn Transactions>,
    queries: Arc<dyn Queries>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    signals: Arc<dyn Signals>,
    tools: Arc<dyn Tools>,
    models: Arc<ModelCalls>,
    spendings: Spendings,
}

impl Goals {
    /// Over these ports.
    pub fn new(ports: &KernelPorts) -> Self {
        let KernelPorts { transactions, queries, clock, ids, signals, tools, models, .. } = ports.clone();
        Self { transactions, queries, clock, ids, signals, tools, models, spendings: Spendings::new(ports) }
    }

    /// One goal.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, context: &Context, id: GoalId) -> Result<GoalView, Error> {
        self.queries.goal(context.workspace(), id).await?.ok_or_else(|| Error::not_found("goal", id))
    }

    /// One goal as it was at a past moment.
    ///
    /// # Errors
    /// `NotFound`; `NotThen` before it was made and after it was deleted; `Invalid` for a moment that has not come; `Pruned`.
    #[tracing::instrument(name = "goal.as_of", skip_all, fields(goal.id = %id))]
    pub async fn as_of(&self, context: &Context, id: GoalId, at: Timestamp) -> Result<Then<PastGoal>, Error> {
        Past::at(&*self.queries, context.workspace(), at, self.clock.now()).await?.goal(id).await
    }

    /// Goals, newest first.
    ///
    /// # Errors
    /// What storage says.
    pub async fn list(
        &self,
        context: &Context,
        filter: &GoalFilter,
        page: &PageRequest,
    ) -> Result<Page<GoalView>, Error> {
        self.queries.goals(context.workspace(), filter, page).await
    }
}
