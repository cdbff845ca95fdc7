//! Goals: state them, read them, plan them, ask how far they are.

mod bodies;
mod compared;
mod decompose;
mod decomposition;
mod decompositions;
mod edit;
mod export;
mod import;
mod planned;
mod progress;

use goalwright_application::Services;
use goalwright_application::read::GoalFilter;
use goalwright_domain::goal::{GoalId, GoalStatus};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use uuid::Uuid;

use crate::answer::{Created, Found, Shown};
use crate::auth::{Caller, Read, Write};
use crate::body::Body;
use crate::document::Chapter;
use crate::page::{Limit, List, list, page};
use crate::problem::Problem;
use crate::tag::Tag;
use crate::values::{Moment, Word};
use bodies::NewGoalBody;

pub(crate) use bodies::GoalBody;
pub(crate) use decompose::{Decompose, to_be_read};
pub(crate) use decomposition::DecompositionBody;
pub(crate) use decompositions::Decompositions;
pub(crate) use edit::Edit;
pub(crate) use export::Export;
pub(crate) use import::Import;
pub(crate) use progress::Progress;

const LIST: &str = "goals";

/// State and read goals.
pub(crate) struct Goals(pub(crate) Services);

/// Where a goal can be read.
fn location(id: GoalId) -> String {
    format!("/v1/goals/{id}")
}

#[OpenApi(tag = "Chapter::Goals")]
impl Goals {
    /// State a goal.
    ///
    /// The goal is active at once. Give it tasks by decomposing it, or one by one.
    #[oai(path = "/v1/goals", method = "post", operation_id = "create_goal")]
    async fn create(
        &self,
        caller: Caller<Write>,
        body: Body<NewGoalBody>,
    ) -> Result<Created<GoalBody>, Problem> {
        let goal = self.0.goals.create(&caller.0, body.0.into()).await?;
        Ok(Created {
            tag: Tag::new(goal.state.id, goal.revision),
            location: location(goal.state.id),
            body: goal.into(),
        })
    }

    /// List goals.
    ///
    /// The goals of the workspace, newest first.
    #[oai(path = "/v1/goals", method = "get", operation_id = "list_goals")]
    async fn list(
        &self,
        caller: Caller<Read>,
        /// Only goals in this status.
        status: Query<Option<Word<GoalStatus>>>,
        /// The most items of the page.
        limit: Query<Option<Limit>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Shown<List<GoalBody>>, Problem> {
        let filter = GoalFilter { status: status.0.map(|word| word.0) };
        let goals = self.0.goals.list(&caller.0, &filter, &page(LIST, limit.0, cursor.0)?).await?;
        Ok(list(LIST, goals))
    }

    /// Read a goal.
    ///
    /// How far it is says its progress. With `as_of` it is shown as it was at that moment.
    #[oai(path = "/v1/goals/:id", method = "get", operation_id = "get_goal")]
    async fn get(
        &self,
        caller: Caller<Read>,
        /// The goal's id.
        id: Path<Uuid>,
        /// A moment that is over: the goal as it was then.
        as_of: Query<Option<Moment>>,
    ) -> Result<Found<GoalBody>, Problem> {
        if let Some(at) = as_of.0 {
            let then = self.0.goals.as_of(&caller.0, id.0.into(), at.0).await?;
            let tag = Tag::new(then.what.state.id, then.what.revision);
            return Ok(Found { tag, body: then.into() });
        }
        let goal = self.0.goals.get(&caller.0, id.0.into()).await?;
        Ok(Found { tag: Tag::new(goal.state.id, goal.revision), body: goal.into() })
    }
}
