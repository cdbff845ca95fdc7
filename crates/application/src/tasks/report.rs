//! What outside workers report: completed, failed, given back.

use goalwright_domain::agent::AgentId;
use goalwright_domain::execution::Lease;
use goalwright_domain::task::TaskId;

use super::{Completion, Tasks};
use crate::execution::{LeaseKey, Report, Settlement};
use crate::read::TaskView;
use crate::{Context, Error};

impl Tasks {
    /// A worker that holds the task says that it is done.
    ///
    /// # Errors
    /// `NotFound`; `Invalid`; `Conflict` (`lease_lost`): then nothing is written but an event that tells of it.
    #[tracing::instrument(name = "task.complete_leased", skip_all, fields(task.id = %id))]
    pub async fn complete_leased(
        &self,
        context: &Context,
        id: TaskId,
        token: &str,
        completion: &Completion,
    ) -> Result<TaskView, Error> {
        completion.check()?;
        self.settle(context, id, token, completion.report()).await
    }

    /// Settles what a worker reports, if it still holds the task.
    pub(super) async fn settle(
        &self,
        context: &Context,
        id: TaskId,
        token: &str,
        report: Report,
    ) -> Result<TaskView, Error> {
        let (_, lease) = self.lease(context, id, token).await?;
        let settlement = Settlement { lease, report, expired: false };
        match self.kernel.settle(&[settlement]).await?.pop() {
            Some(Ok(())) => self.get(context, id).await,
            Some(Err(_)) | None => Err(lease_lost()),
        }
    }

    /// The lease that a token is for, lost or not.
    pub(super) async fn lease(
        &self,
        context: &Context,
        id: TaskId,
        token: &str,
    ) -> Result<(AgentId, Lease), Error> {
        // Whoever has no such task learns nothing about its leases.
        self.get(context, id).await?;
        let key = LeaseKey::parse(token).ok_or_else(lease_lost)?;
        let (agent, lease) =
            self.kernel.lease_of(context.workspace(), id, key).await?.ok_or_else(lease_lost)?;
        context.act_for(agent)?;
        Ok((agent, lease))
    }
}

/// Somebody else may hold the task by now.
pub(super) fn lease_lost() -> Error {
    let message = "the lease of this attempt is lost: it expired, or the attempt has ended; claim new work";
    Error::Conflict { code: "lease_lost", message: message.to_owned() }
}
