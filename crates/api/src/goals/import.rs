use goalwright_application::planning::ImportRequest;
use goalwright_application::{Error, Services};
use goalwright_domain::Violation;
use goalwright_domain::goal::Origin;
use poem_openapi::{Object, OpenApi};

use super::decomposition::{DecompositionBody, FindingBody};
use super::{GoalBody, location};
use crate::answer::Planned;
use crate::auth::Caller;
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

vocabulary!(Format, "format", { Auto: "auto", Markdown: "markdown", Taskmaster: "taskmaster" });

/// A plan to be made a goal.
#[derive(Debug, Object)]
#[oai(rename = "Import", deny_unknown_fields)]
pub(crate) struct ImportBody {
    /// The plan: at most 4 MiB, 10,000 tasks and 100,000 dependencies.
    content: String,
    /// How it is written; `auto`, the default, looks at the content. Only Markdown is read so far.
    format: Option<Word<Format>>,
    /// The goal's title; else the plan's.
    title: Option<String>,
    /// Only show what would be made.
    dry_run: Option<bool>,
}

/// What an import made, or would make.
#[derive(Debug, Object)]
#[oai(rename = "Imported")]
pub(crate) struct ImportedBody {
    /// The new goal; null for a dry run.
    goal: Nullable<GoalBody>,
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
    /// become completed tasks. All problems of a plan are reported at once, each with its line.
    #[oai(path = "/v1/goals/import", method = "post", operation_id = "import_goal")]
    async fn import(&self, caller: Caller, body: Body<ImportBody>) -> Result<Planned<ImportedBody>, Problem> {
        let ImportBody { content, format, title, dry_run } = body.0;
        if format.is_some_and(|format| format.0 == Format::Taskmaster) {
            return Err(taskmaster().into());
        }
        let request =
            ImportRequest { content, title, dry_run: dry_run.unwrap_or(false), origin: Origin::default() };
        let imported = self.0.planning.import(&caller.0, request).await?;
        let goal = match imported.goal_id {
            Some(id) => Some(self.0.goals.get(&caller.0, id).await?),
            None => None,
        };
        let place = imported.goal_id.map(location);
        let body = ImportedBody {
            goal: goal.map(GoalBody::from).into(),
            title: imported.title,
            findings: imported.decomposition.findings.iter().cloned().map(FindingBody::from).collect(),
            decomposition: imported.decomposition.into(),
        };
        Ok(match place {
            Some(location) => Planned::Written { body, location },
            None => Planned::Shown(body),
        })
    }
}

fn taskmaster() -> Error {
    let message = "only Markdown plans are read so far; write the plan as Markdown, or leave `format` out";
    Error::Invalid {
        code: "unsupported_format",
        message: message.to_owned(),
        violations: vec![Violation::new("format", "unsupported_format", message)],
    }
}
