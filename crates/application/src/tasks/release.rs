use goalwright_domain::execution::Outcome;
use goalwright_domain::task::TaskId;

use super::Tasks;
use crate::execution::Report;
use crate::read::TaskView;
use crate::{Context, Error};

impl Tasks {
    /// A worker that holds the task gives it back. Its attempt ends, with its experience, and does not count against the
    /// attempts that the task has; the next one may begin at once.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` (`lease_lost`).
    #[tracing::instrument(name = "task.release", skip_all, fields(task.id = %id))]
    pub async fn release(&self, context: &Context, id: TaskId, token: &str) -> Result<TaskView, Error> {
        self.settle(context, id, token, Report::of(Outcome::Released)).await
    }
}
