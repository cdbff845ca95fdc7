//! What was shown is applied or rejected.

use goalwright_domain::goal::GoalId;
use goalwright_domain::{Rejection, Violation};
use serde_json::json;
use uuid::Uuid;

use super::record::{decided, outdated};
use super::{Aim, Decomposition, DecompositionStatus, DecompositionSummary, Planning, Prepared, Target};
use crate::ports::UnitOfWork;
use crate::read::{Page, PageRequest};
use crate::retrying::retrying;
use crate::{Context, Error};

/// The most characters of a reason.
const REASON_LIMIT: usize = 2_000;

impl Planning {
    /// One breakdown.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, context: &Context, id: Uuid) -> Result<Decomposition, Error> {
        let found = self.queries.decomposition(context.workspace(), id).await?;
        found.ok_or_else(|| Error::not_found("decomposition", id))
    }

    /// The breakdowns of a goal, newest first.
    ///
    /// # Errors
    /// `NotFound` of the goal; `Invalid` for a cursor that is none.
    pub async fn history(
        &self,
        context: &Context,
        goal: GoalId,
        page: &PageRequest,
    ) -> Result<Page<DecompositionSummary>, Error> {
        let known = self.queries.goal(context.workspace(), goal).await?;
        known.ok_or_else(|| Error::not_found("goal", goal))?;
        self.queries.decompositions(context.workspace(), goal, page).await
    }

    /// Applies what was shown, without asking any planner again: tasks, dependencies, the decision and its event in one
    /// unit. `plan_hash` is what the caller saw.
    ///
    /// # Errors
    /// `NotFound`; `Rejected` (`decomposition_decided`, `goal_not_active`); `Conflict` (`plan_outdated`) if the plan is
    /// another one, or the goal changed since; `Invalid` (`invalid_plan`) if the plan cannot be used any more.
    #[tracing::instrument(name = "decomposition.apply", skip_all, fields(decomposition.id = %id))]
    pub async fn accept(&self, context: &Context, id: Uuid, plan_hash: &str) -> Result<Decomposition, Error> {
        let applied = retrying(|| async {
            let now = self.clock.now();
            let unit = self.transactions.begin().await?;
            let proposal = self.proposal(&*unit, context, id).await?;
            if proposal.plan_hash != plan_hash {
                return Err(outdated(
                    "this `plan_hash` is that of another plan; read the decomposition, and apply what it shows",
                ));
            }
            let goal_id = proposal.goal_id.ok_or_else(|| Error::not_found("decomposition", id))?;
            let prepared = Prepared { plan: proposal.plan.clone(), findings: proposal.findings.clone() };
            let aim = Aim { goal_id, mode: proposal.mode, task_id: proposal.expanded };
            let making = proposal.making.clone();
            let target = Target { proposal: Some(proposal), ..Target::of_model(aim, false, making, None) };
            let applied = self.carry_out(&*unit, context, &target, prepared, now).await?;
            context.remember(&*unit, "decomposition", id, now).await?;
            unit.commit().await?;
            Ok::<_, Error>(applied)
        })
        .await?;
        self.signals.work_changed();
        self.signals.events_appended();
        Ok(applied)
    }

    /// Rejects what was shown; it stays on record.
    ///
    /// # Errors
    /// `NotFound`; `Rejected` (`decomposition_decided`); `Invalid` for a reason that is too long.
    #[tracing::instrument(name = "decomposition.reject", skip_all, fields(decomposition.id = %id))]
    pub async fn reject(
        &self,
        context: &Context,
        id: Uuid,
        reason: Option<&str>,
    ) -> Result<Decomposition, Error> {
        let too_long = Violation::of_text("reason", reason.unwrap_or_default(), REASON_LIMIT);
        if !too_long.is_empty() {
            return Err(Error::invalid(too_long));
        }
        let rejected = retrying(|| async {
            let now = self.clock.now();
            let unit = self.transactions.begin().await?;
            let proposal = self.proposal(&*unit, context, id).await?;
            let status = DecompositionStatus::Rejected;
            let rejected = Decomposition { status, decided_at: Some(now), ..proposal };
            unit.decompositions().decide(&rejected).await?;
            let told = context.events(&*self.ids, vec![decided(&rejected, json!({"reason": reason}))], now);
            unit.outbox().append(&told).await?;
            context.remember(&*unit, "decomposition", id, now).await?;
            unit.commit().await?;
            Ok::<_, Error>(rejected)
        })
        .await?;
        self.signals.events_appended();
        Ok(rejected)
    }

    async fn proposal(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        id: Uuid,
    ) -> Result<Decomposition, Error> {
        let found = unit.decompositions().lock(context.workspace(), id).await?;
        let found = found.ok_or_else(|| Error::not_found("decomposition", id))?;
        if found.status == DecompositionStatus::Proposed {
            return Ok(found);
        }
        let message = format!(
            "this decomposition is {} and is not decided again; decompose the goal anew for another plan",
            found.status.as_str()
        );
        Err(Rejection::new("decomposition_decided", message).into())
    }
}
