use goalwright_application::tasks::Completion;
use goalwright_application::{Error, Services};
use goalwright_domain::Violation;
use goalwright_domain::task::TaskId;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use super::bodies::TaskBody;
use crate::answer::Found;
use crate::auth::Caller;
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

/// What a person says when a task is done.
#[derive(Debug, Object)]
#[oai(rename = "CompleteTask", deny_unknown_fields)]
pub(crate) struct CompleteTaskBody {
    /// The task's result, any JSON.
    result: Option<Value>,
    /// What people read instead of the result.
    summary: Option<String>,
    /// `success` unless given.
    outcome: Option<Word<Outcome>>,
    /// For workers that hold a lease; not supported yet.
    lease_token: Option<String>,
}

#[OpenApi(tag = "Chapter::Tasks")]
impl Complete {
    /// Complete a task.
    ///
    /// A person says that the task is done. It is a manual execution, with its experience. While a worker holds the
    /// task, it is refused with `task_leased`.
    #[oai(path = "/v1/tasks/:id/complete", method = "post", operation_id = "complete_task")]
    async fn complete(
        &self,
        caller: Caller,
        /// The task's id.
        id: Path<Uuid>,
        body: Body<CompleteTaskBody>,
    ) -> Result<Found<TaskBody>, Problem> {
        let (id, body) = (TaskId::new(id.0), body.0);
        if body.lease_token.is_some() {
            // Whoever has no such task learns nothing about what would be wrong with the request.
            self.0.tasks.get(&caller.0, id).await?;
            return Err(leases().into());
        }
        let completion = Completion {
            result: body.result.unwrap_or_default(),
            summary: body.summary,
            partial: body.outcome.is_some_and(|outcome| outcome.0 == Outcome::Partial),
        };
        let task = self.0.tasks.complete(&caller.0, id, &completion).await?;
        Ok(Found { tag: Tag::new(task.state.id, task.revision), body: task.into() })
    }
}

fn leases() -> Error {
    let message =
        "workers from outside cannot claim tasks yet; leave `lease_token` out to complete it as a person";
    Error::Invalid {
        code: "unsupported",
        message: message.to_owned(),
        violations: vec![Violation::new("lease_token", "unsupported", message)],
    }
}
