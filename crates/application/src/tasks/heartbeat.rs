use std::time::Duration;

use goalwright_domain::Timestamp;
use goalwright_domain::task::TaskId;

use super::Tasks;
use super::claim::lease_violation;
use super::report::lease_lost;
use crate::{Context, Error};

impl Tasks {
    /// An outside worker is still at it: its lease holds for `lease` from now, or for the usual time. Gives the new end.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a lease out of bounds; `Conflict` (`lease_lost`).
    #[tracing::instrument(name = "task.heartbeat", skip_all, level = "debug", fields(task.id = %id))]
    pub async fn heartbeat(
        &self,
        context: &Context,
        id: TaskId,
        token: &str,
        lease: Option<Duration>,
    ) -> Result<Timestamp, Error> {
        if let Some(violation) = lease_violation(lease) {
            return Err(Error::invalid(vec![violation]));
        }
        let (agent, held) = self.lease(context, id, token).await?;
        self.kernel.prolong(agent, &held, lease).await?.ok_or_else(lease_lost)
    }
}
