//! What is kept and told of a breakdown.

use goalwright_domain::Timestamp;
use goalwright_domain::goal::Goal;
use goalwright_domain::ledger::{Event, Fact};
use goalwright_domain::plan::{Finding, Plan, plan_hash};
use serde_json::json;

use super::{
    Aim, Decomposition, DecompositionStatus, Failure, Mode, Planning, Prepared, ShownChanges, Target,
};
use crate::context::new_id;
use crate::ports::UnitOfWork;
use crate::{Context, Error};

impl Target {
    /// Whether it matters what the goal has: what is shown now is applied later, if that is still the same.
    pub(super) const fn is_compared(&self) -> bool {
        self.dry_run || self.proposal.is_some() || self.seen.is_some()
    }

    /// Refuses a plan that was made for something else than what is there now.
    pub(super) fn refuse_outdated(&self, basis: &str) -> Result<(), Error> {
        if self.proposal.as_ref().is_some_and(|proposal| proposal.basis != basis) {
            return Err(outdated(
                "the goal or its tasks changed since this plan was shown; ask for a new one, and apply that",
            ));
        }
        if self.seen.as_ref().is_some_and(|seen| seen != basis) {
            return Err(outdated(
                "the goal or its tasks changed while the model planned for them; ask for a new plan",
            ));
        }
        Ok(())
    }
}

/// What was shown is not what would be applied.
pub(super) fn outdated(message: &str) -> Error {
    Error::Conflict { code: "plan_outdated", message: message.to_owned() }
}

impl Planning {
    /// The breakdown as far as it is known before anything is written; that of a proposal which is applied goes on.
    pub(super) fn begin(
        &self,
        target: &Target,
        plan: Plan,
        findings: Vec<Finding>,
        now: Timestamp,
    ) -> Decomposition {
        if let Some(proposal) = &target.proposal {
            let status = DecompositionStatus::Applied;
            return Decomposition { status, plan, findings, decided_at: Some(now), ..proposal.clone() };
        }
        Decomposition {
            id: new_id::<Decomposition>(&*self.ids).uuid(),
            kept: true,
            goal_id: Some(target.aim.goal_id),
            expanded: target.aim.task_id,
            status: match target.dry_run {
                true => DecompositionStatus::Proposed,
                false => DecompositionStatus::Applied,
            },
            dry_run: target.dry_run,
            mode: target.aim.mode,
            making: target.making.clone(),
            plan_hash: plan_hash(&plan),
            basis: String::new(),
            plan,
            task_ids: Vec::new(),
            changes: ShownChanges::default(),
            findings,
            failure: None,
            event_id: None,
            created_at: now,
            decided_at: None,
        }
    }

    /// That there is no plan, and why.
    pub(super) fn failed(&self, target: &Target, error: &Error, now: Timestamp) -> Decomposition {
        let failure = Failure { code: error.code().to_owned(), message: error.to_string() };
        Decomposition {
            status: DecompositionStatus::Failed,
            plan_hash: String::new(),
            failure: Some(failure),
            ..self.begin(target, Plan::default(), Vec::new(), now)
        }
    }

    /// What would be made of a plan if its goal were there.
    pub(super) fn preview(&self, prepared: Prepared) -> Decomposition {
        let target = Target::of_outline(Aim::goal(new_id(&*self.ids), Mode::Create), true);
        let Prepared { plan, findings } = prepared;
        let shown = self.begin(&target, plan, findings, self.clock.now());
        Decomposition { kept: false, goal_id: None, ..shown }
    }

    /// The events that tell of it: that a plan was made, or that one which was made before is applied.
    pub(super) fn tell_of(
        &self,
        context: &Context,
        target: &Target,
        goal: &mut Goal,
        decomposition: &mut Decomposition,
        (tasks, dependencies): (usize, usize),
        now: Timestamp,
    ) -> Vec<Event> {
        if target.proposal.is_some() {
            let more = json!({"tasks_created": tasks, "dependencies_created": dependencies});
            return context.events(&*self.ids, vec![decided(decomposition, more)], now);
        }
        goal.decomposed(tasks, dependencies, decomposition.metadata(), now);
        let told = context.events(&*self.ids, goal.take_facts(), now);
        decomposition.event_id = told.first().map(|event| event.id);
        told
    }

    /// Writes the breakdown, or what became of the proposal.
    pub(super) async fn keep(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        target: &Target,
        decomposition: &Decomposition,
    ) -> Result<(), Error> {
        match target.proposal {
            Some(_) => unit.decompositions().decide(decomposition).await?,
            None => unit.decompositions().insert(context.workspace(), decomposition).await?,
        }
        Ok(())
    }
}

/// The event that a proposal is applied or rejected.
pub(super) fn decided(decomposition: &Decomposition, more: serde_json::Value) -> Fact {
    let event_type = match decomposition.status {
        DecompositionStatus::Applied => "decomposition.applied",
        _ => "decomposition.rejected",
    };
    let mut metadata = json!({
        "goal_id": decomposition.goal_id, "expanded_task_id": decomposition.expanded, "plan_hash": decomposition.plan_hash, "mode": decomposition.mode.as_str(),
        "planner": decomposition.making.planner.as_str(), "model": decomposition.making.model,
        "prompt_version": decomposition.making.prompt_version,
    });
    if let (Some(metadata), Some(more)) = (metadata.as_object_mut(), more.as_object()) {
        metadata.extend(more.clone());
    }
    Fact {
        entity_type: "decomposition",
        entity_id: decomposition.id.to_string(),
        event_type,
        changes: json!({"status": {"from": "proposed", "to": decomposition.status.as_str()}}),
        metadata,
    }
}
