//! Tasks: add, read, run, claim, complete.

mod action;
mod bodies;
mod claim;
mod complete;
mod decide;
mod edit;
mod expand;
mod fail;
mod new;
mod recover;
mod retry;
mod run;
mod schedule;

use goalwright_application::read::{Search, TaskFilter};
use goalwright_application::{Error, Services};
use goalwright_domain::task::TaskStatus;
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
use bodies::TaskBody;

pub(crate) use claim::Claim;
pub(crate) use complete::Complete;
pub(crate) use decide::Decide;
pub(crate) use edit::Edit;
pub(crate) use expand::Expand;
pub(crate) use fail::Fail;
pub(crate) use new::NewTaskBody;
pub(crate) use recover::Recover;
pub(crate) use run::Run;
pub(crate) use schedule::Schedule;

/// What is looked for.
fn searched(text: Option<&str>) -> Result<Option<Search>, Error> {
    text.map(Search::parse).transpose().map_err(|violation| Error::invalid(vec![violation]))
}

const LIST: &str = "tasks";

/// Add and read tasks.
pub(crate) struct Tasks(pub(crate) Services);

#[OpenApi(tag = "Chapter::Tasks")]
impl Tasks {
    /// Add a task.
    ///
    /// It is ready at once if it waits for nothing and somebody can do it.
    #[oai(path = "/v1/tasks", method = "post", operation_id = "create_task")]
    async fn create(
        &self,
        caller: Caller<Write>,
        body: Body<NewTaskBody>,
    ) -> Result<Created<TaskBody>, Problem> {
        let task = self.0.tasks.create(&caller.0, body.0.task()?).await?;
        let location = format!("/v1/tasks/{}", task.state.id);
        Ok(Created { tag: Tag::new(task.state.id, task.revision), location, body: task.into() })
    }

    /// List tasks.
    ///
    /// The tasks of the workspace, newest first. Filters are combined.
    #[expect(clippy::too_many_arguments, reason = "one per filter")]
    #[oai(path = "/v1/tasks", method = "get", operation_id = "list_tasks")]
    async fn list(
        &self,
        caller: Caller<Read>,
        /// Only tasks of this goal.
        goal_id: Query<Option<Uuid>>,
        /// Only tasks in this status.
        status: Query<Option<Word<TaskStatus>>>,
        /// Only tasks of this agent.
        agent_id: Query<Option<Uuid>>,
        /// Only tasks of this type.
        task_type: Query<Option<String>>,
        /// Only the task with this slug.
        slug: Query<Option<String>>,
        /// Only tasks with all these words in key, title or description; of the last word its beginning is enough.
        q: Query<Option<String>>,
        /// The most items of the page.
        limit: Query<Option<Limit>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Shown<List<TaskBody>>, Problem> {
        let filter = TaskFilter {
            goal_id: goal_id.0.map(Into::into),
            status: status.0.map(|word| word.0),
            agent_id: agent_id.0.map(Into::into),
            task_type: task_type.0,
            slug: slug.0,
            search: searched(q.0.as_deref())?,
        };
        let tasks = self.0.tasks.list(&caller.0, &filter, &page(LIST, limit.0, cursor.0)?).await?;
        Ok(list(LIST, tasks))
    }

    /// Read a task.
    ///
    /// `blocked_by` names what it still waits for, `waiting` whom or what. With `as_of` it is shown as it was at that moment.
    #[oai(path = "/v1/tasks/:id", method = "get", operation_id = "get_task")]
    async fn get(
        &self,
        caller: Caller<Read>,
        /// The task's id.
        id: Path<Uuid>,
        /// A moment that is over: the task as it was then.
        as_of: Query<Option<Moment>>,
    ) -> Result<Found<TaskBody>, Problem> {
        if let Some(at) = as_of.0 {
            let then = self.0.tasks.as_of(&caller.0, id.0.into(), at.0).await?;
            let tag = Tag::new(then.what.state.id, then.what.revision);
            return Ok(Found { tag, body: then.into() });
        }
        let task = self.0.tasks.get(&caller.0, id.0.into()).await?;
        Ok(Found { tag: Tag::new(task.state.id, task.revision), body: task.into() })
    }
}
