use std::sync::Arc;

use goalwright_domain::goal::GoalId;
use goalwright_domain::plan::Format;

use super::{Aim, Decomposition, Making, Mode, Planner, Planning, Prepared, Target};
use crate::retrying::retrying;
use crate::{Context, Error};

/// A goal to be broken down.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DecomposeRequest {
    /// Who plans.
    pub planner: Planner,
    /// The written plan, for the planner `outline`.
    pub outline: String,
    /// What becomes of the tasks that the goal has.
    pub mode: Mode,
    /// Only show and keep it.
    pub dry_run: bool,
    /// What a model should mind besides the goal.
    pub instructions: Option<String>,
    /// How many tasks a model may answer with; 100 if nobody says.
    pub max_tasks: Option<usize>,
    /// The version of the model's prompt.
    pub prompt_version: Option<String>,
    /// The model, `anthropic/<model>` or `openai/<model>`; else that of the workspace, else the usual one.
    pub model: Option<String>,
}

impl Planning {
    /// Adds the tasks of a plan to a goal, or makes its tasks what the plan says by now. The plan is written down in the
    /// request, or a model makes it.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` as for an import, recorded as `goal.decomposition_failed`; `Rejected` (`goal_not_active`). With a
    /// model also `Unavailable` (`model_not_configured`, `model_unavailable`, `model_credentials`, `model_circuit_open`),
    /// `Invalid` (`model_refused`, `model_context_too_long`) and `Limited` (`budget_exhausted`), recorded likewise.
    #[tracing::instrument(name = "goal.decompose", skip_all, fields(goal.id = %id, planner = request.planner.as_str()))]
    pub async fn decompose(
        self: &Arc<Self>,
        context: &Context,
        id: GoalId,
        request: &DecomposeRequest,
    ) -> Result<Decomposition, Error> {
        // The goal comes first: whether a plan is sound is nothing to tell to somebody who has no such goal.
        let known = self.queries.goal(context.workspace(), id).await?;
        known.ok_or_else(|| Error::not_found("goal", id))?;
        self.plan(context, Aim::goal(id, request.mode), request).await
    }

    /// Has it broken down by whoever is to plan.
    pub(super) async fn plan(
        self: &Arc<Self>,
        context: &Context,
        aim: Aim,
        request: &DecomposeRequest,
    ) -> Result<Decomposition, Error> {
        let named = super::by_model::check(request)?;
        match request.planner {
            Planner::Outline => self.decompose_outline(context, aim, request).await,
            Planner::Llm => self.decompose_by_model(context, aim, request, named).await,
        }
    }

    async fn decompose_outline(
        &self,
        context: &Context,
        aim: Aim,
        request: &DecomposeRequest,
    ) -> Result<Decomposition, Error> {
        let target = Target::of_outline(aim, request.dry_run);
        let prepared = match aim.task_id {
            None => self.prepare(&request.outline, Format::Auto),
            Some(_) => self.prepare_parts(&request.outline, Format::Auto),
        };
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                self.record_failure(context, &target, &error, None).await?;
                return Err(error);
            }
        };
        let written = retrying(|| async {
            let unit = self.transactions.begin().await?;
            let now = self.clock.now();
            let written = self.carry_out(&*unit, context, &target, prepared.clone(), now).await?;
            context.remember(&*unit, "decomposition", written.id, now).await?;
            unit.commit().await?;
            Ok::<_, Error>(written)
        })
        .await;
        self.signals.work_changed();
        self.signals.events_appended();
        if let Err(error @ Error::Invalid { .. }) = &written {
            self.record_failure(context, &target, error, None).await?;
        }
        written
    }

    /// Writes or shows a plan that holds, in the caller's unit.
    pub(super) async fn carry_out(
        &self,
        unit: &dyn crate::ports::UnitOfWork,
        context: &Context,
        target: &Target,
        prepared: Prepared,
        now: goalwright_domain::Timestamp,
    ) -> Result<Decomposition, Error> {
        match target.aim {
            Aim { mode: Mode::Create, task_id: None, .. } => {
                self.write(unit, context, target, prepared, now).await
            }
            Aim { mode: Mode::Update, .. } | Aim { task_id: Some(_), .. } => {
                self.change(unit, context, target, prepared, now).await
            }
        }
    }

    /// Keeps that there is no plan, and why; and what it cost all the same.
    pub(super) async fn record_failure(
        &self,
        context: &Context,
        target: &Target,
        error: &Error,
        spent: Option<&super::by_model::Spent>,
    ) -> Result<(), Error> {
        retrying(|| async {
            let now = self.clock.now();
            let unit = self.transactions.begin().await?;
            let Some(mut goal) = unit.goals().lock(context.workspace(), target.aim.goal_id).await? else {
                // The goal is gone, and what was spent on it is not.
                if let Some(spent) = spent {
                    self.pay(&*unit, context, target, None, spent, now).await?;
                    unit.commit().await?;
                }
                return Ok(());
            };
            let mut failed = self.failed(target, error, now);
            let mut metadata = failed.metadata();
            metadata["code"] = error.code().into();
            metadata["message"] = error.to_string().into();
            goal.decomposition_failed(metadata, now);
            let told = context.events(&*self.ids, goal.take_facts(), now);
            failed.event_id = told.first().map(|event| event.id);
            unit.goals().save_many(&[goal]).await?;
            unit.outbox().append(&told).await?;
            unit.decompositions().insert(context.workspace(), &failed).await?;
            if let Some(spent) = spent {
                self.pay(&*unit, context, target, Some(failed.id), spent, now).await?;
            }
            Ok::<_, Error>(unit.commit().await?)
        })
        .await?;
        self.signals.events_appended();
        Ok(())
    }
}

impl Target {
    /// For a plan that a model made.
    pub(super) const fn of_model(aim: Aim, dry_run: bool, making: Making, seen: Option<String>) -> Self {
        Self { aim, dry_run, making, proposal: None, seen, digest: None }
    }
}
