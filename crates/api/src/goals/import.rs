use goalwright_application::Services;
use goalwright_application::planning::ImportRequest;
use goalwright_domain::goal::Origin;
use goalwright_domain::plan;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::decomposition::DecompositionBody;
use super::planned::FindingBody;
use super::{GoalBody, location};
use crate::answer::Planned;
use crate::auth::{Caller, Write};
use crate::body::Body;
use crate::document::Chapter;
use crate::nullable::Nullable;
use crate::problem::Problem;
use crate::values::{Word, vocabulary};

/// Make goals of plans.
pub(crate) struct Import(pub(crate) Services);

/// The formats of plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Auto,
    Markdown,
    Taskmaster,
}

vocabulary!(Format, "plan format", { Auto: "auto", Markdown: "markdown", Taskmaster: "taskmaster" });

/// A plan to be made a goal.
#[derive(Debug, Object)]
#[oai(rename = "Import", deny_unknown_fields)]
pub(crate) struct ImportBody {
    /// The plan: at most 4 MiB, 10,000 tasks and 100,000 dependencies.
    content: String,
    /// How it is written: a Markdown checklist, or Task Master's `tasks.json`. `auto`, the default, looks at the content.
    format: Option<Word<Format>>,
    /// The goal's title; else the plan's, else the file's name.
    title: Option<String>,
    /// What the file is called.
    name: Option<String>,
    /// Apply the plan to this goal, as an update, instead of making a new one.
    goal_id: Option<Uuid>,
    /// Only show what would be made.
    dry_run: Option<bool>,
}

/// What an import made, or would make.
#[derive(Debug, Object)]
#[oai(rename = "Imported")]
pub(crate) struct ImportedBody {
    /// The goal; null for the preview of a new one.
    goal: Nullable<GoalBody>,
    /// Whether the plan was exported from this goal, so that the difference was applied to it instead of making a new one.
    updated: bool,
    /// The goal's title, also for a dry run.
    title: String,
    /// The breakdown.
    decomposition: DecompositionBody,
    /// What the reader of the plan noticed.
    findings: Vec<FindingBody>,
}

#[OpenApi(tag = "Chapter::Goals")]
impl Import {
    /// Import a plan.
    ///
    /// Makes a goal with its tasks and their order of a written plan: all or nothing. Items that are ticked off
    /// become completed tasks. A plan that was exported from a goal is applied to that goal: only what differs changes.
    /// All problems of a plan are reported at once, each with its line.
    #[oai(path = "/v1/goals/import", method = "post", operation_id = "import_goal")]
    async fn import(
        &self,
        caller: Caller<Write>,
        body: Body<ImportBody>,
    ) -> Result<Planned<ImportedBody>, Problem> {
        let ImportBody { content, format, title, name, goal_id, dry_run } = body.0;
        let request = ImportRequest {
            content,
            format: format.map(|format| format.0.domain()).unwrap_or_default(),
            title,
            name,
            goal: goal_id.map(Into::into),
            dry_run: dry_run.unwrap_or(false),
            fresh: false,
            origin: Origin::default(),
        };
        let imported = self.0.planning.import(&caller.0, request).await?;
        let goal = match imported.goal_id {
            Some(id) => Some(self.0.goals.get(&caller.0, id).await?),
            None => None,
        };
        let place = imported.goal_id.filter(|_| imported.decomposition.applied()).map(location);
        let body = ImportedBody {
            goal: goal.map(GoalBody::from).into(),
            title: imported.title,
            updated: imported.updated,
            findings: imported.decomposition.findings.iter().cloned().map(FindingBody::from).collect(),
            decomposition: imported.decomposition.into(),
        };
        Ok(match place {
            Some(location) => Planned::Written { body, location },
            None => Planned::Shown(body),
        })
    }
}

impl Format {
    const fn domain(self) -> plan::Format {
        match self {
            Self::Auto => plan::Format::Auto,
            Self::Markdown => plan::Format::Markdown,
            Self::Taskmaster => plan::Format::Taskmaster,
        }
    }
}
