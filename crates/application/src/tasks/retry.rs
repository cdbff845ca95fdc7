use goalwright_domain::agent::AgentKind;
use goalwright_domain::execution::{ExecutionError, Outcome, Run, WaitKind};
use goalwright_domain::task::{Task, TaskCommand, TaskId};
use goalwright_domain::{Rejection, Violation};

use super::Tasks;
use super::held::{self, Held};
use crate::execution::{Book, Ended, Report, conclude};
use crate::read::TaskView;
use crate::retrying::retrying;
use crate::{Context, Error};

impl Tasks {
    /// A person wants another try of a task that failed, or that waits for a decision: its run goes on with its next
    /// attempt, under the same trace, and has all its attempts again.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a reason of more than 1,000 characters; `Rejected`: `task_leased`, `not_waiting` if it waits
    /// for a person's work or for its time, `invalid_transition` unless it failed or waits, `dependencies_open`, `goal_not_active`,
    /// `no_agent`.
    #[tracing::instrument(name = "task.retry", skip_all, fields(task.id = %id))]
    pub async fn retry(&self, context: &Context, id: TaskId, reason: &str) -> Result<TaskView, Error> {
        let violations = Violation::of_text("reason", reason, 1_000);
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        retrying(|| self.retry_once(context, id, reason)).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        self.get(context, id).await
    }

    async fn retry_once(&self, context: &Context, id: TaskId, reason: &str) -> Result<(), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        let held = self.hold(&*unit, context, id).await?;
        held::refuse(held.run.as_ref(), &held.task)?;
        held.task.status().after(TaskCommand::Retry)?;
        refuse_unless_undecided(&held.task, held.run.as_ref())?;
        let actor = context.actor();
        let Held { task, .. } = match (held.run, held.suspended) {
            (Some(run), Some(attempt)) => {
                // Nobody knows what became of it; what follows is another attempt.
                let error = ExecutionError::new(SUPERSEDED, "a person had it tried again", &[]);
                let report = Report::of(Outcome::GivenUp { error });
                let ended =
                    Ended { run, attempt, report, manual: true, actor: actor.clone(), unwritten: false };
                conclude(&*unit, &*self.ids, &self.runner, vec![ended], now).await?;
                self.hold(&*unit, context, id).await?
            }
            (run, suspended) => Held { run, suspended, task: held.task },
        };
        let run = unit.executions().last_driving(id).await?;
        let mut book = Book::default();
        book.enter(vec![task]);
        book.revive(&*unit, &*self.ids, (id, &actor, reason), run, now).await?;
        book.close(&*unit, &*self.ids, now).await?;
        Ok(unit.commit().await?)
    }
}

/// The class of the error of an attempt that a person had tried again.
const SUPERSEDED: &str = "Superseded";

/// What waits for a person's work, or for a moment, goes on by itself when that comes.
fn refuse_unless_undecided(task: &Task, run: Option<&Run>) -> Result<(), Rejection> {
    // A model chose to wait; whoever does not want to wait has it look again.
    let by_model = run.is_some_and(|run| run.performer == AgentKind::Llm);
    match task.state().waiting.as_ref().map(|waiting| waiting.kind) {
        None | Some(WaitKind::Decision | WaitKind::Model | WaitKind::Budget) => Ok(()),
        Some(WaitKind::Person) => {
            Err(Rejection::new("not_waiting", "the task waits for a person's work, not for a decision"))
        }
        Some(WaitKind::Time) if by_model => Ok(()),
        Some(WaitKind::Time) => {
            Err(Rejection::new("not_waiting", "the task waits for a moment, not for a decision"))
        }
    }
}
