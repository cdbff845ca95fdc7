use goalwright_domain::goal::{GoalEdit, GoalId};

use super::Goals;
use crate::read::GoalView;
use crate::retrying::retrying;
use crate::{Context, Error, Precondition};

impl Goals {
    /// Changes a goal's words and its date. What is the same already changes nothing.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; `Invalid` with every violation.
    #[tracing::instrument(name = "goal.edit", skip_all, fields(goal.id = %id))]
    pub async fn edit(
        &self,
        context: &Context,
        id: GoalId,
        edit: GoalEdit,
        seen: &Precondition,
    ) -> Result<GoalView, Error> {
        retrying(|| self.edit_once(context, id, edit.clone(), seen)).await?;
        self.signals.events_appended();
        self.get(context, id).await
    }

    async fn edit_once(
        &self,
        context: &Context,
        id: GoalId,
        edit: GoalEdit,
        seen: &Precondition,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        let goal = unit.goals().lock(context.workspace(), id).await?;
        let mut goal = goal.ok_or_else(|| Error::not_found("goal", id))?;
        seen.check(goal.revision())?;
        goal.edit(edit, now)?;
        let facts = goal.take_facts();
        if facts.is_empty() {
            return Ok(());
        }
        unit.goals().save_many(std::slice::from_ref(&goal)).await?;
        unit.outbox().append(&context.events(&*self.ids, facts, now)).await?;
        Ok(unit.commit().await?)
    }
}
