use goalwright_domain::Violation;
use goalwright_domain::execution::{ExecutionError, Outcome, Run, RunStatus};
use goalwright_domain::task::{NAME_LIMIT, TaskCommand, TaskId};
use serde_json::json;

use super::Tasks;
use super::held::{self, Held};
use crate::execution::{Book, Ended, Report, conclude};
use crate::read::TaskView;
use crate::retrying::retrying;
use crate::{Context, Error};

/// The longest message of an error, in characters.
pub const MESSAGE_LIMIT: usize = 10_000;

/// What went wrong, as somebody outside says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// A class of errors, such as `PrinterJammed`.
    pub kind: String,
    /// In words.
    pub message: String,
    /// Whether trying again can help.
    pub retryable: bool,
}

impl Failure {
    fn error(&self) -> Result<ExecutionError, Error> {
        let mut violations = Violation::of_text("error.type", &self.kind, NAME_LIMIT);
        if self.kind.trim().is_empty() {
            violations.push(Violation::new("error.type", "empty", "an error has a type"));
        }
        violations.extend(Violation::of_text("error.message", &self.message, MESSAGE_LIMIT));
        if violations.is_empty() {
            Ok(ExecutionError::new(self.kind.trim(), &self.message, &[]))
        } else {
            Err(Error::invalid(violations))
        }
    }
}

impl Tasks {
    /// A worker that holds the task says that its attempt failed. Whether it is tried again is up to the task.
    ///
    /// # Errors
    /// `NotFound`; `Invalid`; `Conflict` (`lease_lost`): then nothing is written but an event that tells of it.
    #[tracing::instrument(name = "task.fail_leased", skip_all, fields(task.id = %id))]
    pub async fn fail_leased(
        &self,
        context: &Context,
        id: TaskId,
        token: &str,
        failure: &Failure,
    ) -> Result<TaskView, Error> {
        let outcome = Outcome::Failed { error: failure.error()?, retryable: failure.retryable };
        self.settle(context, id, token, Report::of(outcome)).await
    }

    /// A person says that a task that waits has failed. An attempt that waits ends with its experience.
    ///
    /// # Errors
    /// `NotFound`; `Invalid`; `Rejected`: `task_leased` while a worker holds it, `invalid_transition` unless it waits.
    #[tracing::instrument(name = "task.fail", skip_all, fields(task.id = %id))]
    pub async fn fail(&self, context: &Context, id: TaskId, failure: &Failure) -> Result<TaskView, Error> {
        context.act_by_hand()?;
        let error = failure.error()?;
        retrying(|| self.fail_once(context, id, &error)).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        self.get(context, id).await
    }

    async fn fail_once(&self, context: &Context, id: TaskId, error: &ExecutionError) -> Result<(), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        let Held { run, task, suspended } = self.hold(&*unit, context, id).await?;
        held::refuse(run.as_ref(), &task)?;
        task.status().after(TaskCommand::Fail)?;
        let actor = context.actor();
        match (run, suspended) {
            (Some(run), Some(attempt)) => {
                let report = Report::of(Outcome::GivenUp { error: error.clone() });
                let ended = Ended { run, attempt, report, manual: true, actor, unwritten: false };
                conclude(&*unit, &*self.ids, &self.runner, vec![ended], now).await?;
            }
            (run, _) => {
                let mut book = Book::default();
                book.enter(vec![task]);
                let about = json!({"run_id": run.as_ref().map(|run| run.id)});
                book.task(id)?.fail(error.clone(), about, now)?;
                book.tell(&*self.ids, id, &actor, run.as_ref().map(|run| run.trace_id), now)?;
                if let Some(run) = run {
                    let (status, available_at) = (RunStatus::Failed, None);
                    book.change_run(Run { status, available_at, updated_at: now, ..run });
                }
                book.close(&*unit, &*self.ids, now).await?;
            }
        }
        Ok(unit.commit().await?)
    }
}
