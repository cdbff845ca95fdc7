use goalwright_domain::goal::GoalId;
use goalwright_domain::plan::{PresentGoal, PresentTask, plan_of, write_plan};

use super::Planning;
use crate::{Context, Error};

impl Planning {
    /// A goal with its tasks as Markdown, to be edited and imported again: with their ids, so that only the difference is
    /// applied.
    ///
    /// # Errors
    /// `NotFound`.
    #[tracing::instrument(name = "goal.export", skip_all, fields(goal.id = %id))]
    pub async fn export(&self, context: &Context, id: GoalId) -> Result<String, Error> {
        let goal = self.queries.goal(context.workspace(), id).await?;
        let goal = goal.ok_or_else(|| Error::not_found("goal", id))?;
        let tasks = self.queries.tasks_of_goal(context.workspace(), id).await?;
        let tasks: Vec<PresentTask> =
            tasks.into_iter().map(|task| PresentTask::of(&task.state, task.depends_on)).collect();
        Ok(write_plan(&plan_of(&PresentGoal::of(&goal.state), &tasks)))
    }
}
