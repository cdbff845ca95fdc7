use goalwright_application::planning::{DecomposeRequest, Mode, Planner};
use goalwright_application::{Error, Services};
use goalwright_domain::task::TaskId;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::answer::Planned;
use crate::auth::{Caller, Write};
use crate::body::Body;
use crate::document::Chapter;
use crate::goals::{DecompositionBody, to_be_read};
use crate::problem::Problem;
use crate::values::Word;

/// Break tasks further down.
pub(crate) struct Expand(pub(crate) Services);

/// A task to be broken further down.
#[derive(Debug, Object)]
#[oai(rename = "Expand", deny_unknown_fields)]
pub(crate) struct ExpandBody {
    /// Only show and keep the plan.
    dry_run: Option<bool>,
    /// `outline`, the default, reads the parts in `outline`; `llm` asks a model for them.
    planner: Option<Word<Planner>>,
    /// The parts as a written plan, for the planner `outline`. Parts without ids of their own get some: `T002_1`.
    outline: Option<String>,
    /// What a model should mind.
    instructions: Option<String>,
    /// How many parts a model may answer with; 100 if nothing is said, at most 1,000.
    max_tasks: Option<u32>,
    /// The version of the model's prompt, one of `GET /v1/prompts`.
    prompt_version: Option<String>,
    /// The model to be asked, `anthropic/<model>` or `openai/<model>`; else the one in the workspace's settings, else
    /// the one in those of the server.
    model: Option<String>,
}

impl ExpandBody {
    fn request(self) -> Result<DecomposeRequest, Error> {
        let Self { dry_run, planner, outline, instructions, max_tasks, prompt_version, model } = self;
        let planner = planner.map(|planner| planner.0).unwrap_or_default();
        Ok(DecomposeRequest {
            planner,
            outline: to_be_read(planner, outline)?,
            mode: Mode::Create,
            dry_run: dry_run.unwrap_or_default(),
            instructions,
            max_tasks: max_tasks.and_then(|most| usize::try_from(most).ok()),
            prompt_version,
            model,
        })
    }
}

#[OpenApi(tag = "Chapter::Tasks")]
impl Expand {
    /// Break a task further down.
    ///
    /// Adds the parts of a task, and their order, to its goal: all or nothing. Each part waits for what the task waits for as
    /// well, and the task itself waits for all of its parts: it is what they are brought together in. The plan is made and
    /// checked as for a goal, and can be shown first with `dry_run`. What runs, recurs or is over is not broken down; what a
    /// person was asked for is, and they are asked again when its parts are done.
    #[oai(path = "/v1/tasks/:id/expand", method = "post", operation_id = "expand_task")]
    async fn expand(
        &self,
        caller: Caller<Write>,
        /// The task's id.
        id: Path<Uuid>,
        body: Body<ExpandBody>,
    ) -> Result<Planned<DecompositionBody>, Problem> {
        let id = TaskId::new(id.0);
        // Whoever has no such task learns nothing about what would be wrong with the request.
        self.0.tasks.get(&caller.0, id).await?;
        let request = body.0.request()?;
        let body = self.0.planning.expand(&caller.0, id, &request).await?.into();
        Ok(if request.dry_run {
            Planned::Shown(body)
        } else {
            Planned::Written { body, location: format!("/v1/tasks/{id}") }
        })
    }
}
