use goalwright_application::Services;
use goalwright_application::tasks::Completion;
use goalwright_domain::task::TaskId;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use super::bodies::TaskBody;
use crate::answer::Found;
use crate::auth::{Caller, Work};
use crate::body::Body;
use crate::document::Chapter;
use crate::problem::Problem;
use crate::tag::Tag;
use crate::values::{Word, vocabulary};

/// Complete tasks.
pub(crate) struct Complete(pub(crate) Services);

/// How much was achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Partial,
}

vocabulary!(Outcome, "outcome", { Success: "success", Partial: "partial" });

/// What is said when a task is done.
#[derive(Debug, Object)]
#[oai(rename = "CompleteTask", deny_unknown_fields)]
pub(crate) struct CompleteTaskBody {
    /// The task's result, any JSON.
    result: Option<Value>,
    /// What people read instead of the result.
    summary: Option<String>,
    /// `success` unless given.
    outcome: Option<Word<Outcome>>,
    /// `token` of the lease, of a worker that holds one; left out by a person.
    lease_token: Option<String>,
    /// What was touched, for the record.
    io: Option<IoBody>,
    /// What proves it, any JSON of up to 64 KiB, for the record.
    evidence: Option<Value>,
}

/// What was touched.
#[derive(Debug, Object)]
#[oai(rename = "Io", deny_unknown_fields)]
pub(crate) struct IoBody {
    /// The files that were written.
    files_written: Option<Vec<String>>,
}

#[OpenApi(tag = "Chapter::Tasks")]
impl Complete {
    /// Complete a task.
    ///
    /// With `lease_token` a worker reports that its attempt is done. Without one a person says that the task is done: that is
    /// a manual execution, with its experience. While a worker holds the task, a person is refused with `task_leased`.
    #[oai(path = "/v1/tasks/:id/complete", method = "post", operation_id = "complete_task")]
    async fn complete(
        &self,
        caller: Caller<Work>,
        /// The task's id.
        id: Path<Uuid>,
        body: Body<CompleteTaskBody>,
    ) -> Result<Found<TaskBody>, Problem> {
        let (id, body) = (TaskId::new(id.0), body.0);
        // Whoever has no such task learns nothing about what would be wrong with the request.
        self.0.tasks.get(&caller.0, id).await?;
        let completion = Completion {
            result: body.result.unwrap_or_default(),
            summary: body.summary,
            partial: body.outcome.is_some_and(|outcome| outcome.0 == Outcome::Partial),
            files_written: body.io.and_then(|io| io.files_written).unwrap_or_default(),
            evidence: body.evidence,
        };
        let task = match body.lease_token {
            Some(token) => self.0.tasks.complete_leased(&caller.0, id, &token, &completion).await?,
            None => self.0.tasks.complete(&caller.0, id, &completion).await?,
        };
        Ok(Found { tag: Tag::new(task.state.id, task.revision), body: task.into() })
    }
}
