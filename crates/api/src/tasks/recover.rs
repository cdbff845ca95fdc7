use goalwright_application::Services;
use goalwright_domain::task::TaskId;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use super::bodies::TaskBody;
use crate::answer::Found;
use crate::auth::{Caller, Write};
use crate::body::Body;
use crate::document::Chapter;
use crate::problem::Problem;
use crate::tag::Tag;

/// Go on with what failed or waits.
pub(crate) struct Recover(pub(crate) Services);

/// Why a task is tried again.
#[derive(Debug, Object)]
#[oai(rename = "RetryTask", deny_unknown_fields)]
pub(crate) struct RetryTaskBody {
    /// In words, for the record; at most 1,000 characters.
    reason: Option<String>,
}

/// A person's decision.
#[derive(Debug, Object)]
#[oai(rename = "ApproveTask", deny_unknown_fields)]
pub(crate) struct ApproveBody {
    /// Whether it goes on.
    approved: bool,
    /// In words, for the record; at most 1,000 characters.
    comment: Option<String>,
}

/// A person's answer.
#[derive(Debug, Object)]
#[oai(rename = "AnswerTask", deny_unknown_fields)]
pub(crate) struct AnswerBody {
    /// The task's result, any JSON.
    answer: Value,
}

#[OpenApi(tag = "Chapter::Tasks")]
impl Recover {
    /// Retry a task.
    ///
    /// For a task that failed, or that waits for a decision: its run goes on with its next attempt, under the same trace,
    /// and has all its attempts again. To try it otherwise, change it first. What was blocked by its failure is so no longer
    /// once it is completed.
    #[oai(path = "/v1/tasks/:id/retry", method = "post", operation_id = "retry_task")]
    async fn retry(
        &self,
        caller: Caller<Write>,
        /// The task's id.
        id: Path<Uuid>,
        body: Body<RetryTaskBody>,
    ) -> Result<Found<TaskBody>, Problem> {
        let id = TaskId::new(id.0);
        let reason = body.0.reason.unwrap_or_default();
        // Whoever has no such task learns nothing about what would be wrong with the request.
        self.0.tasks.get(&caller.0, id).await?;
        let task = self.0.tasks.retry(&caller.0, id, &reason).await?;
        Ok(Found { tag: Tag::new(id, task.revision), body: task.into() })
    }

    /// Approve of a task, or not.
    ///
    /// For a task that waits for a person. Approved, one that waits for a decision is tried again, and one that waits for a
    /// person's word has it as its result. Not approved, it has failed, with the comment.
    #[oai(path = "/v1/tasks/:id/approve", method = "post", operation_id = "approve_task")]
    async fn approve(
        &self,
        caller: Caller<Write>,
        /// The task's id.
        id: Path<Uuid>,
        body: Body<ApproveBody>,
    ) -> Result<Found<TaskBody>, Problem> {
        let (id, ApproveBody { approved, comment }) = (TaskId::new(id.0), body.0);
        self.0.tasks.get(&caller.0, id).await?;
        let task = self.0.tasks.approve(&caller.0, id, approved, &comment.unwrap_or_default()).await?;
        Ok(Found { tag: Tag::new(id, task.revision), body: task.into() })
    }

    /// Answer a task.
    ///
    /// For a task that waits for a person's word or work: the answer is its result.
    #[oai(path = "/v1/tasks/:id/answer", method = "post", operation_id = "answer_task")]
    async fn answer(
        &self,
        caller: Caller<Write>,
        /// The task's id.
        id: Path<Uuid>,
        body: Body<AnswerBody>,
    ) -> Result<Found<TaskBody>, Problem> {
        let id = TaskId::new(id.0);
        self.0.tasks.get(&caller.0, id).await?;
        let task = self.0.tasks.answer_question(&caller.0, id, body.0.answer).await?;
        Ok(Found { tag: Tag::new(id, task.revision), body: task.into() })
    }
}
