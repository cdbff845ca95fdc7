use goalwright_domain::goal::GoalId;
use goalwright_domain::progress::{Progress, explain};

use super::Goals;
use crate::{Context, Error};

impl Goals {
    /// How far a goal is, and why it is not further.
    ///
    /// # Errors
    /// `NotFound`.
    #[tracing::instrument(name = "goal.progress", skip_all, fields(goal.id = %id))]
    pub async fn progress(&self, context: &Context, id: GoalId) -> Result<Progress, Error> {
        let goal = self.get(context, id).await?;
        let obstacles = self.queries.obstacles(context.workspace(), id).await?;
        let now = self.clock.now();
        Ok(explain(id, goal.state.status, goal.counts, goal.progress_revision, obstacles, now))
    }
}
