use goalwright_domain::execution::{Attempt, ExecutionError, Mode, Outcome, Run};
use goalwright_domain::task::TaskId;
use goalwright_domain::{Rejection, Timestamp, Violation};

use super::Tasks;
use super::held::{self, Held};
use crate::execution::{Book, Ended, Report, conclude};
use crate::ports::UnitOfWork;
use crate::read::TaskView;
use crate::retrying::retrying;
use crate::{Context, Error};

/// How a task ends without being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is given up; what waits for it stays blocked, visibly.
    Cancelled,
    /// It is left out; what waits for it need not wait any longer.
    Skipped,
}

impl Tasks {
    /// Ends a task without doing it. An attempt that waits ends with its experience.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a reason of more than 1,000 characters; `Rejected`: `task_leased` while a worker holds
    /// it, `invalid_transition` if it is over.
    #[tracing::instrument(name = "task.end", skip_all, fields(task.id = %id))]
    pub async fn end(
        &self,
        context: &Context,
        id: TaskId,
        ending: Ending,
        reason: &str,
    ) -> Result<TaskView, Error> {
        let violations: Vec<Violation> = Violation::of_text("reason", reason, 1_000).into_iter().collect();
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        // Nobody waits for somebody who has no such task.
        self.get(context, id).await?;
        retrying(|| self.end_once(context, id, ending, reason)).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        self.get(context, id).await
    }

    async fn end_once(
        &self,
        context: &Context,
        id: TaskId,
        ending: Ending,
        reason: &str,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        let held = self.hold(&*unit, context, id).await?;
        held::refuse(held.run.as_ref(), &held.task)?;
        let command = match ending {
            Ending::Cancelled => goalwright_domain::task::TaskCommand::Cancel,
            Ending::Skipped => goalwright_domain::task::TaskCommand::Skip,
        };
        held.task.status().after(command)?;
        let Held { run, task, .. } = match (held.run, held.suspended) {
            (Some(run), Some(attempt)) => {
                self.end_attempts(&*unit, context, vec![(run, attempt)], ending, now).await?;
                self.hold(&*unit, context, id).await?
            }
            (run, suspended) => Held { run, suspended, task: held.task },
        };
        let person = unit
            .agents()
            .of_member(context.workspace(), context.principal.user_id)
            .await?
            .ok_or_else(|| Rejection::new("no_agent", "you have no human agent in this workspace"))?;
        let mut book = Book::default();
        book.enter(vec![task]);
        let task = book.task(id)?;
        let undo = match ending {
            Ending::Cancelled => task.cancel(person.id(), reason, now)?,
            Ending::Skipped => {
                let undo = task.skip(person.id(), reason, now)?;
                book.satisfies(id);
                undo
            }
        };
        let actor = context.actor();
        book.tell(&*self.ids, id, &actor, context.trace_id, now)?;
        book.compensate(undo, run, now);
        book.ready_dependents(&*unit, &*self.ids, now).await?;
        book.close(&*unit, &*self.ids, now).await?;
        Ok(unit.commit().await?)
    }

    /// Attempts that are suspended end as failed, for good: every attempt leaves its experience.
    pub(super) async fn end_attempts(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        suspended: Vec<(Run, Attempt)>,
        ending: Ending,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (kind, message) = match ending {
            Ending::Cancelled => ("Cancelled", "the task was cancelled while it waited"),
            Ending::Skipped => ("Skipped", "the task was skipped while it waited"),
        };
        let error = ExecutionError::new(kind, message, &[]);
        let ended = suspended.into_iter().map(|(run, attempt)| Ended {
            unwritten: false,
            run: Run { mode: Mode::Manual, ..run },
            attempt,
            report: Report::of(Outcome::GivenUp { error: error.clone() }),
            manual: true,
            actor: context.actor(),
        });
        conclude(unit, &*self.ids, &self.runner, ended.collect(), now).await
    }
}
