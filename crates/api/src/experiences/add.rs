use goalwright_application::Services;
use goalwright_domain::experience::{ExperienceType, Note};
use poem_openapi::{Object, OpenApi};
use serde_json::{Map, Value};

use super::bodies::ExperienceBody;
use crate::answer::Created;
use crate::auth::{Caller, Write};
use crate::body::Body;
use crate::document::Chapter;
use crate::problem::Problem;
use crate::tag::Tag;
use crate::values::{FreeObject, Word};

/// Add experiences.
pub(crate) struct Add(pub(crate) Services);

/// An experience to be remembered.
#[derive(Debug, Object)]
#[oai(rename = "NewExperience", deny_unknown_fields)]
pub(crate) struct NewExperienceBody {
    /// Its kind; those of executions are written by what executes.
    #[oai(rename = "type")]
    kind: Word<ExperienceType>,
    /// What people read.
    text: String,
    /// Fields of your own; by `task_id`, `task_slug` and `trace_id` it is found.
    structured: Option<FreeObject>,
    /// Experiences that it came from.
    parents: Option<Vec<String>>,
    /// What triggered it, by id.
    causes: Option<Vec<String>>,
    /// What belongs together has the same; one of its own unless given.
    session_id: Option<String>,
    /// Where it is from, in words or addresses.
    sources: Option<Vec<String>>,
}

#[OpenApi(tag = "Chapter::Experiences")]
impl Add {
    /// Add an experience.
    ///
    /// What was added never changes. `TASK_EXECUTION` and `CHAIN_EXECUTION` are refused with `type_reserved`.
    #[oai(path = "/v1/experiences", method = "post", operation_id = "add_experience")]
    async fn add(
        &self,
        caller: Caller<Write>,
        body: Body<NewExperienceBody>,
    ) -> Result<Created<ExperienceBody>, Problem> {
        let NewExperienceBody { kind, text, structured, parents, causes, session_id, sources } = body.0;
        let structured = match structured {
            Some(FreeObject(Value::Object(fields))) => fields,
            Some(FreeObject(_)) | None => Map::new(),
        };
        let note = Note {
            text,
            structured,
            parents: parents.unwrap_or_default(),
            causes: causes.unwrap_or_default(),
            session_id,
            sources: sources.unwrap_or_default(),
        };
        let experience = self.0.experiences.add(&caller.0, kind.0, note).await?;
        let location = format!("/v1/experiences/{}", experience.id);
        Ok(Created { tag: Tag::of_text(&experience.id, 1), location, body: experience.into() })
    }
}
