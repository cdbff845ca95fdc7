//! Experiences: the audit record of what was done.

mod add;
mod bodies;
mod lineage;

use goalwright_application::read::{ExperienceFilter, Search};
use goalwright_application::{Error, Services};
use goalwright_domain::experience::ExperienceType;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use uuid::Uuid;

use crate::answer::{Found, Shown};
use crate::auth::{Caller, Read};
use crate::document::Chapter;
use crate::page::{Limit, List, list, page};
use crate::problem::Problem;
use crate::tag::Tag;
use crate::values::Word;
use bodies::ExperienceBody;

pub(crate) use add::Add;
pub(crate) use lineage::Lineages;

const LIST: &str = "experiences";

/// Read experiences.
pub(crate) struct Experiences(pub(crate) Services);

#[OpenApi(tag = "Chapter::Experiences")]
impl Experiences {
    /// List experiences.
    ///
    /// The experiences of the workspace, newest first. Filters are combined.
    #[expect(clippy::too_many_arguments, reason = "one per filter")]
    #[oai(path = "/v1/experiences", method = "get", operation_id = "list_experiences")]
    async fn list(
        &self,
        caller: Caller<Read>,
        /// Only experiences of this type.
        r#type: Query<Option<Word<ExperienceType>>>,
        /// Only experiences of this task.
        task_id: Query<Option<String>>,
        /// Only experiences of the task with this slug.
        task_slug: Query<Option<String>>,
        /// Only experiences of this trace.
        trace_id: Query<Option<String>>,
        /// Only experiences with all these words in their text or in the name of their task; of the last word its beginning
        /// is enough. They come in the order in which they were recorded, newest first.
        q: Query<Option<String>>,
        /// The most items of the page.
        limit: Query<Option<Limit>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Shown<List<ExperienceBody>>, Problem> {
        let filter = ExperienceFilter {
            kind: r#type.0.map(|word| word.0),
            task_id: task_id.0.map(as_stored),
            task_slug: task_slug.0,
            trace_id: trace_id.0.map(as_stored),
            search: q
                .0
                .as_deref()
                .map(Search::parse)
                .transpose()
                .map_err(|violation| Error::invalid(vec![violation]))?,
        };
        if filter.search.is_some() {
            self.0.experiences.catch_up().await;
        }
        let page = page(LIST, limit.0, cursor.0)?;
        let experiences = self.0.queries.experiences(caller.0.workspace(), &filter, &page).await?;
        Ok(list(LIST, experiences))
    }

    /// Read an experience.
    ///
    /// The record of one attempt at a task: who did what, when, with what, and what came of it.
    #[oai(path = "/v1/experiences/:id", method = "get", operation_id = "get_experience")]
    async fn get(
        &self,
        caller: Caller<Read>,
        /// The experience's id.
        id: Path<String>,
    ) -> Result<Found<ExperienceBody>, Problem> {
        let found = self.0.queries.experience(caller.0.workspace(), &id.0).await?;
        let experience = found.ok_or_else(|| Error::not_found("experience", &id.0))?;
        // What was recorded never changes.
        Ok(Found { tag: Tag::of_text(&experience.id, 1), body: experience.into() })
    }
}

/// A UUID however it is written; ids of older records are any text.
fn as_stored(id: String) -> String {
    id.parse::<Uuid>().map_or(id, |uuid| uuid.to_string())
}
