//! A goal is broken down by a model.

use std::sync::Arc;

use goalwright_domain::Timestamp;
use goalwright_domain::Violation;
use goalwright_domain::model::ModelName;
use goalwright_domain::plan::PresentGoal;
use uuid::Uuid;

use super::ask::Assignment;
use super::scene::Scene;
use super::{Aim, DecomposeRequest, Decomposition, Making, Mode, Planner, Planning, Target};
use crate::detached::to_its_end;
use crate::ports::UnitOfWork;
use crate::retrying::retrying;
use crate::usage::{Bill, Purpose, Reservation};
use crate::{Context, Error};

/// So many tasks a model may answer with if nobody says.
const USUAL_TASKS: usize = 100;
/// Nobody may allow more.
pub const MOST_TASKS: usize = 1_000;
/// The most characters of instructions.
pub const INSTRUCTIONS_LIMIT: usize = 20_000;

/// What a model was paid for, and what was promised for it.
pub(super) struct Spent {
    pub(super) model: ModelName,
    pub(super) reservation: Reservation,
    pub(super) bill: Bill,
}

impl Planning {
    pub(super) async fn decompose_by_model(
        self: &Arc<Self>,
        context: &Context,
        aim: Aim,
        request: &DecomposeRequest,
        named: Option<ModelName>,
    ) -> Result<Decomposition, Error> {
        let named = match named {
            Some(named) => Some(named),
            None => {
                let settled = self.queries.settings(context.workspace()).await?;
                settled.and_then(|settings| settings.state().model.clone())
            }
        };
        let prompt = self.prompt(context, request.prompt_version.as_deref()).await?;
        let unasked = Making {
            planner: Planner::Llm,
            model: named.as_ref().map(ToString::to_string),
            prompt_version: Some(prompt.version.clone()),
            ..Making::default()
        };
        let model = match self.models.choose(named) {
            Ok(model) => model,
            Err(missing) => {
                return self.refused(context, aim, request, unasked, missing.into()).await;
            }
        };
        let scene = match retrying(|| self.scene(context, aim)).await {
            Ok(scene) => scene,
            Err(error) => return self.refused(context, aim, request, unasked, error).await,
        };
        context.reserve_key(&*self.transactions, self.clock.now()).await?;
        let (planning, context, request) = (self.clone(), *context, request.clone());
        // To its end, whether whoever asked still waits or not: what a model was paid for is written.
        to_its_end(Box::pin(async move {
            let outcome = planning.ask_and_write(&context, aim, &request, (model, prompt), &scene).await;
            if outcome.is_err() {
                context.release_key(&*planning.transactions).await?;
            }
            outcome
        }))
        .await
    }

    /// Nobody was asked, for this reason.
    async fn refused(
        &self,
        context: &Context,
        aim: Aim,
        request: &DecomposeRequest,
        unasked: Making,
        error: Error,
    ) -> Result<Decomposition, Error> {
        let target = Target::of_model(aim, request.dry_run, unasked, None);
        self.record_failure(context, &target, &error, None).await?;
        Err(error)
    }

    async fn ask_and_write(
        &self,
        context: &Context,
        aim: Aim,
        request: &DecomposeRequest,
        (model, prompt): (ModelName, crate::ports::Prompt),
        scene: &Scene,
    ) -> Result<Decomposition, Error> {
        let assignment = Assignment {
            aim,
            model,
            prompt_version: prompt.version,
            prompt: prompt.content,
            instructions: request.instructions.as_deref(),
            max_tasks: most_tasks(request, aim, scene),
        };
        let model = assignment.model.clone();
        let mut spent = Spent { model, reservation: self.usage.open(), bill: Bill::default() };
        let (making, outcome) = self.ask(context, &assignment, scene, &mut spent).await;
        // An update removes what the plan leaves out: nothing may have come that the model never saw. And what is broken
        // down must still be the same task.
        let matters = request.dry_run || aim.mode == Mode::Update || aim.task_id.is_some();
        let seen = matters.then(|| scene.basis.clone());
        let target = Target::of_model(aim, request.dry_run, making, seen);
        let written = match outcome {
            Ok(prepared) => {
                retrying(|| async {
                    let unit = self.transactions.begin().await?;
                    let now = self.clock.now();
                    let plan = prepared.clone();
                    let written = self.carry_out(&*unit, context, &target, plan, now).await?;
                    self.pay(&*unit, context, &target, Some(written.id), &spent, now).await?;
                    context.remember(&*unit, "decomposition", written.id, now).await?;
                    unit.commit().await?;
                    Ok::<_, Error>(written)
                })
                .await
            }
            Err(error) => Err(error),
        };
        self.signals.work_changed();
        self.signals.events_appended();
        if let Err(error) = &written {
            self.record_failure(context, &target, error, Some(&spent)).await?;
        }
        written
    }

    /// What the goal has, as a model is told.
    async fn scene(&self, context: &Context, aim: Aim) -> Result<Scene, Error> {
        let unit = self.transactions.begin().await?;
        let present = self.present(&*unit, context, aim).await?;
        let agents = unit.agents().active(context.workspace()).await?;
        let basis = present.basis(aim);
        let mut earlier = Vec::new();
        if let Some(id) = aim.task_id {
            present.whole(id)?;
            earlier = unit.decompositions().parts_of(id).await?;
        }
        let expanded = (aim.task_id, earlier.into_iter().collect());
        let goal = PresentGoal::of(present.goal.state());
        Ok(Scene::new(goal, present.views(), expanded, agents, basis))
    }

    /// Writes what it cost, with what came of it.
    pub(super) async fn pay(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        target: &Target,
        decomposition: Option<Uuid>,
        spent: &Spent,
        now: Timestamp,
    ) -> Result<(), Error> {
        let purpose = Purpose {
            workspace: context.workspace(),
            name: if target.aim.task_id.is_some() { "expand" } else { "decompose" },
            goal: Some(target.aim.goal_id),
            task: target.aim.task_id,
            decomposition,
            model: spent.model.clone(),
            prompt_version: target.making.prompt_version.clone(),
            trace: context.trace_id,
            span: None,
        };
        self.usage.settle(unit, spent.reservation, &spent.bill, &purpose, now).await
    }
}

/// How many tasks a plan may have: of an update, besides those that are there.
fn most_tasks(request: &DecomposeRequest, aim: Aim, scene: &Scene) -> usize {
    let wanted = request.max_tasks.unwrap_or(USUAL_TASKS);
    match aim.mode {
        Mode::Create => wanted,
        Mode::Update => wanted + scene.tasks.len(),
    }
}

/// The model that is named, if what is asked for makes sense.
pub(super) fn check(request: &DecomposeRequest) -> Result<Option<ModelName>, Error> {
    let mut violations = Violation::of_text(
        "instructions",
        request.instructions.as_deref().unwrap_or_default(),
        INSTRUCTIONS_LIMIT,
    );
    if request.max_tasks.is_some_and(|most| !(1..=MOST_TASKS).contains(&most)) {
        let message = format!("1 to {MOST_TASKS}");
        violations.push(Violation::new("max_tasks", "out_of_range", message));
    }
    if request.planner == Planner::Llm && !request.outline.is_empty() {
        let message = "a written plan is for the planner `outline`; leave it out, or choose that planner";
        violations.push(Violation::new("outline", "not_allowed", message));
    }
    let named = match request.model.as_deref().map(str::parse::<ModelName>) {
        None => None,
        Some(Ok(model)) => Some(model),
        Some(Err(error)) => {
            violations.push(Violation::new("model", "unknown_model", error.to_string()));
            None
        }
    };
    if violations.is_empty() { Ok(named) } else { Err(Error::invalid(violations)) }
}
