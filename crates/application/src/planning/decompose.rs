use goalwright_domain::goal::GoalId;
use goalwright_domain::plan::Format;
use serde_json::json;

use super::{Decomposition, Mode, Planning, Target};
use crate::retrying::retrying;
use crate::{Context, Error};

/// A goal to be broken down by the outline planner.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DecomposeRequest {
    /// The written plan.
    pub outline: String,
    /// What becomes of the tasks that the goal has.
    pub mode: Mode,
    /// Only show and keep it.
    pub dry_run: bool,
}

impl Planning {
    /// Adds the tasks of a written plan to a goal, or makes its tasks what the plan says by now.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` as for an import, recorded as `goal.decomposition_failed`; `Rejected`
    /// (`goal_not_active`).
    #[tracing::instrument(name = "goal.decompose", skip_all, fields(goal.id = %id))]
    pub async fn decompose(
        &self,
        context: &Context,
        id: GoalId,
        request: &DecomposeRequest,
    ) -> Result<Decomposition, Error> {
        // The goal comes first: whether a plan is sound is nothing to tell to somebody who has no such goal.
        self.exists(context, id).await?;
        let prepared = match self.prepare(&request.outline, Format::Auto) {
            Ok(prepared) => prepared,
            Err(error) => {
                self.record_failure(context, id, &error).await?;
                return Err(error);
            }
        };
        let target = Target { goal_id: id, dry_run: request.dry_run };
        let written = retrying(|| async {
            let unit = self.transactions.begin().await?;
            let now = self.clock.now();
            let written = match request.mode {
                Mode::Create => self.write(&*unit, context, &target, prepared.clone(), now).await?,
                Mode::Update => self.update(&*unit, context, &target, prepared.clone(), None, now).await?,
            };
            if let Some(id) = written.id {
                context.remember(&*unit, "decomposition", id, now).await?;
            }
            unit.commit().await?;
            Ok::<_, Error>(written)
        })
        .await;
        self.signals.work_changed();
        self.signals.events_appended();
        if let Err(error @ Error::Invalid { .. }) = &written {
            self.record_failure(context, id, error).await?;
        }
        written
    }

    async fn exists(&self, context: &Context, id: GoalId) -> Result<(), Error> {
        let unit = self.transactions.begin().await?;
        let goal = unit.goals().lock(context.workspace(), id).await?;
        goal.map(|_| ()).ok_or_else(|| Error::not_found("goal", id))
    }

    async fn record_failure(&self, context: &Context, id: GoalId, error: &Error) -> Result<(), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        let Some(mut goal) = unit.goals().lock(context.workspace(), id).await? else { return Ok(()) };
        goal.decomposition_failed(
            json!({"planner": "outline", "code": error.code(), "message": error.to_string()}),
            now,
        );
        let facts = goal.take_facts();
        unit.goals().save_many(&[goal]).await?;
        unit.outbox().append(&context.events(&*self.ids, facts, now)).await?;
        unit.commit().await?;
        self.signals.events_appended();
        Ok(())
    }
}
