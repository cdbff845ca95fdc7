use goalwright_application::Services;
use goalwright_application::tasks::Failure;
use goalwright_domain::task::TaskId;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::bodies::TaskBody;
use crate::answer::Found;
use crate::auth::{Caller, Work};
use crate::body::Body;
use crate::document::Chapter;
use crate::problem::Problem;
use crate::tag::Tag;

/// Let tasks fail.
pub(crate) struct Fail(pub(crate) Services);

/// That a task failed.
#[derive(Debug, Object)]
#[oai(rename = "FailTask", deny_unknown_fields)]
pub(crate) struct FailBody {
    /// `token` of the lease, of a worker that holds one; left out by a person.
    lease_token: Option<String>,
    /// What went wrong.
    error: FailureBody,
    /// Whether trying again can help; true unless given. The task's own rules come first.
    retryable: Option<bool>,
}

/// What went wrong.
#[derive(Debug, Object)]
#[oai(rename = "Failure", deny_unknown_fields)]
pub(crate) struct FailureBody {
    /// A class of errors, such as `PrinterJammed`.
    #[oai(rename = "type")]
    kind: String,
    /// In words.
    message: String,
}

#[OpenApi(tag = "Chapter::Tasks")]
impl Fail {
    /// Let a task fail.
    ///
    /// With `lease_token` a worker reports that its attempt failed, and the task is tried again if its rules say so. Without
    /// one a person says that a task that waits has failed, whatever could still be tried.
    #[oai(path = "/v1/tasks/:id/fail", method = "post", operation_id = "fail_task")]
    async fn fail(
        &self,
        caller: Caller<Work>,
        /// The task's id.
        id: Path<Uuid>,
        body: Body<FailBody>,
    ) -> Result<Found<TaskBody>, Problem> {
        let (id, FailBody { lease_token, error, retryable }) = (TaskId::new(id.0), body.0);
        // Whoever has no such task learns nothing about what would be wrong with the request.
        self.0.tasks.get(&caller.0, id).await?;
        let failure =
            Failure { kind: error.kind, message: error.message, retryable: retryable.unwrap_or(true) };
        let task = match lease_token {
            Some(token) => self.0.tasks.fail_leased(&caller.0, id, &token, &failure).await?,
            None => self.0.tasks.fail(&caller.0, id, &failure).await?,
        };
        Ok(Found { tag: Tag::new(id, task.revision), body: task.into() })
    }
}
