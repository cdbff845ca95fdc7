use goalwright_application::planning::{DecomposeRequest, Mode, Planner};
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

vocabulary!(Planner, "planner", { Outline: "outline", Llm: "llm" });

vocabulary!(Mode, "plan mode", { Create: "create", Update: "update" });

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
    mode: Option<Word<Mode>>,
    /// How many tasks a model may answer with; 100 if nothing is said, at most 1,000.
    max_tasks: Option<u32>,
    /// The version of the model's prompt, one of `GET /v1/prompts`.
    prompt_version: Option<String>,
    /// The model to be asked, `anthropic/<model>` or `openai/<model>`; else the one in the workspace's settings, else
    /// the one in those of the server.
    model: Option<String>,
}

#[OpenApi(tag = "Chapter::Goals")]
impl Decompose {
    /// Break a goal down.
    ///
    /// Adds the tasks of a plan, and their order, to a goal: all or nothing. The plan is written down in the request, and
    /// all its problems are reported at once, each with its line; or a model makes it, and gets its answers back with all
    /// their problems, at most twice. With `dry_run` the plan is shown and kept; apply or reject it afterwards.
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
        let request = body.0.request()?;
        let body = self.0.planning.decompose(&caller.0, id, &request).await?.into();
        Ok(if request.dry_run {
            Planned::Shown(body)
        } else {
            Planned::Written { body, location: location(id) }
        })
    }
}

impl DecomposeBody {
    fn request(self) -> Result<DecomposeRequest, Error> {
        let Self { dry_run, planner, outline, instructions, mode, max_tasks, prompt_version, model } = self;
        let planner = planner.map(|planner| planner.0).unwrap_or_default();
        Ok(DecomposeRequest {
            planner,
            outline: to_be_read(planner, outline)?,
            mode: mode.map(|mode| mode.0).unwrap_or_default(),
            dry_run: dry_run.unwrap_or_default(),
            instructions,
            max_tasks: max_tasks.and_then(|most| usize::try_from(most).ok()),
            prompt_version,
            model,
        })
    }
}

/// The written plan of a body; a model needs none.
///
/// # Errors
/// `Invalid` where the planner `outline` has none to read.
pub(crate) fn to_be_read(planner: Planner, outline: Option<String>) -> Result<String, Error> {
    if planner == Planner::Outline && outline.is_none() {
        return Err(Error::invalid(vec![Violation::new(
            "outline",
            "required",
            "the planner `outline` reads the plan from here; the planner `llm` asks a model",
        )]));
    }
    Ok(outline.unwrap_or_default())
}
