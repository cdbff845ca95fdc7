use goalwright_domain::execution::WaitKind;
use goalwright_domain::task::TaskId;
use goalwright_domain::{Rejection, Violation};
use serde_json::{Value, json};

use super::{Completion, Failure, Tasks};
use crate::read::TaskView;
use crate::{Context, Error};

impl Tasks {
    /// A person approves of what waits for them, or does not. What waits for a decision is tried again; a question whether
    /// something may be done is answered with yes, as the task's result. What is not approved of has failed.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a comment of more than 1,000 characters; `Rejected`: `task_leased`, `not_waiting` unless it
    /// waits for a person, and whatever [`Tasks::retry`], [`Tasks::complete`] and [`Tasks::fail`] say.
    #[tracing::instrument(name = "task.approve", skip_all, fields(task.id = %id, approved))]
    pub async fn approve(
        &self,
        context: &Context,
        id: TaskId,
        approved: bool,
        comment: &str,
    ) -> Result<TaskView, Error> {
        let violations = Violation::of_text("comment", comment, 1_000);
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        let kind = self.waits_for(context, id).await?;
        match (approved, kind) {
            (true, WaitKind::Decision) => self.retry(context, id, comment).await,
            (true, WaitKind::Person) => {
                let result = json!({"approved": true, "comment": comment});
                self.complete(context, id, &Completion { result, ..Completion::default() }).await
            }
            (false, WaitKind::Decision | WaitKind::Person) => {
                let message = if comment.is_empty() { "it was not approved" } else { comment };
                let (kind, message) = ("NotApproved".to_owned(), message.to_owned());
                self.fail(context, id, &Failure { kind, message, retryable: false }).await
            }
            (_, WaitKind::Time | WaitKind::Model | WaitKind::Budget) => {
                Err(not_waiting("the task waits for a moment, not for a person"))
            }
        }
    }

    /// A person answers what waits for them: the answer is the task's result.
    ///
    /// # Errors
    /// `NotFound`; `Rejected`: `task_leased`, `not_waiting` unless it waits for a person's work, and whatever
    /// [`Tasks::complete`] says.
    #[tracing::instrument(name = "task.answer", skip_all, fields(task.id = %id))]
    pub async fn answer_question(
        &self,
        context: &Context,
        id: TaskId,
        answer: Value,
    ) -> Result<TaskView, Error> {
        let message = match self.waits_for(context, id).await? {
            WaitKind::Person => {
                let completion = Completion { result: answer, ..Completion::default() };
                return self.complete(context, id, &completion).await;
            }
            WaitKind::Decision => {
                "the task waits for a decision; approve it, retry it, complete it or let it fail"
            }
            WaitKind::Time | WaitKind::Model | WaitKind::Budget => {
                "the task waits for a moment, not for a person"
            }
        };
        Err(not_waiting(message))
    }

    async fn waits_for(&self, context: &Context, id: TaskId) -> Result<WaitKind, Error> {
        let task = self.get(context, id).await?.state;
        match task.waiting {
            Some(waiting) => Ok(waiting.kind),
            None if task.status == goalwright_domain::task::TaskStatus::Running => {
                let message = "a worker holds this task; wait until it reports or its lease expires";
                Err(Rejection::new("task_leased", message).into())
            }
            None => Err(not_waiting(&format!("the task is {} and waits for nobody", task.status.as_str()))),
        }
    }
}

fn not_waiting(message: &str) -> Error {
    Rejection::new("not_waiting", message).into()
}
