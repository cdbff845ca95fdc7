use goalwright_application::planning::{DecomposeRequest, Mode};
use goalwright_application::{Error, Services};
use goalwright_domain::Violation;
use goalwright_domain::goal::GoalId;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::decomposition::DecompositionBody;
use super::location;
use crate::answer::Planned;
use crate::auth::{Caller, Write};
use crate::body::Body;
use crate::document::Chapter;
use crate::problem::Problem;
use crate::values::{Word, vocabulary};

/// Break goals down.
pub(crate) struct Decompose(pub(crate) Services);

/// Who plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planner {
    Outline,
    Llm,
}

vocabulary!(Planner, "planner", { Outline: "outline", Llm: "llm" });

/// What becomes of the tasks that the goal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlanMode {
    Create,
    Update,
}

vocabulary!(PlanMode, "plan mode", { Create: "create", Update: "update" });

/// A goal to be broken down.
#[derive(Debug, Object)]
#[oai(rename = "Decompose", deny_unknown_fields)]
pub(crate) struct DecomposeBody {
    /// Only show and keep the plan.
    dry_run: Option<bool>,
    /// `outline`, the default, reads the plan in `outline`; `llm` asks a model.
    planner: Option<Word<Planner>>,
    /// A written plan, Markdown or Task Master's `tasks.json`, for the planner `outline`: at most 4 MiB, 10,000 tasks and 100,000 dependencies.
    outline: Option<String>,
    /// What a model should mind.
    instructions: Option<String>,
    /// `create`, the default, adds the plan's tasks to the goal. `update` makes the goal's tasks what the plan says: those
    /// with the same id, key or title change, those without a line go; what is finished or being worked on stays.
    mode: Option<Word<PlanMode>>,
    /// How many tasks a model may answer with.
    max_tasks: Option<u32>,
    /// The version of the model's prompt.
    prompt_version: Option<String>,
    /// The model to be asked.
    model: Option<String>,
}

#[OpenApi(tag = "Chapter::Goals")]
impl Decompose {
    /// Break a goal down.
    ///
    /// Adds the tasks of a written plan, and their order, to a goal: all or nothing. All problems of a plan are
    /// reported at once, each with its line.
    #[oai(path = "/v1/goals/:id/decompose", method = "post", operation_id = "decompose_goal")]
    async fn decompose(
        &self,
        caller: Caller<Write>,
        /// The goal's id.
        id: Path<Uuid>,
        body: Body<DecomposeBody>,
    ) -> Result<Planned<DecompositionBody>, Problem> {
        let id = GoalId::new(id.0);
        // Whoever has no such goal learns nothing about what would be wrong with the request.
        self.0.goals.get(&caller.0, id).await?;
        let request = request(body.0)?;
        let body = self.0.planning.decompose(&caller.0, id, &request).await?.into();
        Ok(if request.dry_run {
            Planned::Shown(body)
        } else {
            Planned::Written { body, location: location(id) }
        })
    }
}

fn request(body: DecomposeBody) -> Result<DecomposeRequest, Error> {
    if body.planner.is_some_and(|planner| planner.0 == Planner::Llm) {
        return Err(Error::Unavailable {
            code: "model_not_configured",
            message: "the planner `llm` needs a model, and none is configured; use the planner `outline`"
                .to_owned(),
            retry_after: None,
        });
    }
    let outline = body.outline.ok_or_else(|| {
        Error::invalid(vec![Violation::new(
            "outline",
            "required",
            "the planner `outline` reads the plan from here",
        )])
    })?;
    let mode = match body.mode.map(|mode| mode.0) {
        Some(PlanMode::Update) => Mode::Update,
        Some(PlanMode::Create) | None => Mode::Create,
    };
    Ok(DecomposeRequest { outline, mode, dry_run: body.dry_run.unwrap_or(false) })
}
