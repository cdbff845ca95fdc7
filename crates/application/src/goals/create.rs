use goalwright_domain::goal::{DraftGoal, Goal};

use super::Goals;
use crate::context::new_id;
use crate::read::GoalView;
use crate::{Context, Error};

impl Goals {
    /// States a goal.
    ///
    /// # Errors
    /// `Invalid` with every violation.
    #[tracing::instrument(name = "goal.create", skip_all)]
    pub async fn create(&self, context: &Context, draft: DraftGoal) -> Result<GoalView, Error> {
        let now = self.clock.now();
        let mut goal =
            Goal::create(new_id(&*self.ids), context.workspace(), context.principal.user_id, draft, now)?;
        let unit = self.transactions.begin().await?;
        unit.goals().insert(&goal).await?;
        unit.outbox().append(&context.events(&*self.ids, goal.take_facts(), now)).await?;
        context.remember(&*unit, "goal", goal.id(), now).await?;
        unit.commit().await?;
        self.signals.events_appended();
        self.get(context, goal.id()).await
    }
}
