use goalwright_domain::execution::{Attempt, Mode, Outcome, Run, RunId, RunStatus};
use goalwright_domain::experience::TEXT_LIMIT;
use goalwright_domain::task::{Task, TaskCommand, TaskId};
use goalwright_domain::{Rejection, Violation};
use serde_json::Value;

use super::Tasks;
use super::held::{self, Held};
use crate::execution::{Ended, Report, attempt_by_hand, conclude, storable};
use crate::ports::UnitOfWork;
use crate::read::TaskView;
use crate::retrying::retrying;
use crate::{Context, Error};

/// What a person says when completing a task.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Completion {
    /// The task's result.
    pub result: Value,
    /// What people read instead of the result.
    pub summary: Option<String>,
    /// Only a part of what was asked for was achieved.
    pub partial: bool,
    /// The files that were written, for the record.
    pub files_written: Vec<String>,
    /// What is offered as proof, for the record.
    pub evidence: Option<Value>,
}

/// The longest summary, in characters.
pub const SUMMARY_LIMIT: usize = 10_000;
/// So many files may be named.
pub const FILE_LIMIT: usize = 1_000;
/// The longest path of a file, in characters.
pub const PATH_LIMIT: usize = 1_000;
/// The largest evidence, in bytes of its JSON text: what is larger is not kept in the record.
pub const EVIDENCE_LIMIT: usize = TEXT_LIMIT;

impl Completion {
    /// Refuses what cannot be kept.
    pub(super) fn check(&self) -> Result<(), Error> {
        let mut violations = Vec::new();
        if let Err(message) = storable(&self.result) {
            violations.push(Violation::new("result", "not_storable", message));
        }
        let summary = self.summary.as_deref().unwrap_or_default();
        if !Violation::of_text("summary", summary, SUMMARY_LIMIT).is_empty() {
            let message = "at most 10,000 characters, without U+0000";
            violations.push(Violation::new("summary", "invalid_text", message));
        }
        if self.files_written.len() > FILE_LIMIT {
            let message = format!("at most {FILE_LIMIT} files");
            violations.push(Violation::new("io.files_written", "too_many", message));
        }
        for (index, file) in self.files_written.iter().enumerate() {
            let path = format!("io.files_written[{index}]");
            if file.trim().is_empty() {
                violations.push(Violation::new(path.clone(), "empty", "a file has a path"));
            }
            violations.extend(Violation::of_text(&path, file, PATH_LIMIT));
        }
        let evidence = self.evidence.as_ref().map_or(0, |evidence| evidence.to_string().len());
        if evidence > EVIDENCE_LIMIT {
            let message = format!("{evidence} bytes; at most {EVIDENCE_LIMIT} can be kept");
            violations.push(Violation::new("evidence", "too_large", message));
        }
        if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
    }

    /// As it is settled.
    pub(super) fn report(&self) -> Report {
        let outcome = Outcome::Done {
            result: self.result.clone(),
            summary: self.summary.clone(),
            partial: self.partial,
        };
        let (files_written, evidence) = (self.files_written.clone(), self.evidence.clone());
        Report { files_written, evidence, ..Report::of(outcome) }
    }
}

impl Tasks {
    /// A person says that the task is done. It ends the attempt that waits for them, or makes one; either way it is a
    /// manual execution with its experience. Of a task that is over, it is a later run that waits for them.
    ///
    /// # Errors
    /// `NotFound`; `Invalid`; `Rejected`: `task_leased` while a worker holds it, `dependencies_open`,
    /// `invalid_transition` if it is over.
    #[tracing::instrument(name = "task.complete", skip_all, fields(task.id = %id))]
    pub async fn complete(
        &self,
        context: &Context,
        id: TaskId,
        completion: &Completion,
    ) -> Result<TaskView, Error> {
        context.act_by_hand()?;
        completion.check()?;
        retrying(|| self.complete_once(context, id, completion)).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        self.get(context, id).await
    }

    async fn complete_once(
        &self,
        context: &Context,
        id: TaskId,
        completion: &Completion,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        let beside = waits_beside(&*unit, id).await?;
        let Held { run, task, suspended } = self.hold(&*unit, context, id).await?;
        held::refuse(run.as_ref(), &task)?;
        let beside = beside.filter(|_| run.is_none() && task.status().after(TaskCommand::Complete).is_err());
        let (run, attempt) = match (run, suspended, beside) {
            // The task itself is over; a later run of it is what waits for somebody.
            (None, None, Some(beside)) => beside,
            (run, suspended, _) => {
                refuse_unless_done(&task)?;
                match (run, suspended) {
                    (Some(run), Some(attempt)) => (run, attempt),
                    (run, _) => {
                        attempt_by_hand(&*unit, &*self.ids, &self.runner, context, &task, run, now).await?
                    }
                }
            }
        };
        // Whoever claimed it, the work was a person's.
        let ended = Ended {
            unwritten: false,
            run: Run { mode: Mode::Manual, ..run },
            attempt,
            report: completion.report(),
            manual: true,
            actor: context.actor(),
        };
        conclude(&*unit, &*self.ids, &self.runner, vec![ended], now).await?;
        Ok(unit.commit().await?)
    }
}

/// The oldest run of the task that does not drive it and waits for a person, with its attempt, both locked.
async fn waits_beside(unit: &dyn UnitOfWork, id: TaskId) -> Result<Option<(Run, Attempt)>, Error> {
    let open = unit.executions().open_runs_of(&[id]).await?;
    let waiting: Vec<RunId> = open
        .iter()
        .filter(|run| !run.drives_task && run.status == RunStatus::Waiting && run.available_at.is_none())
        .map(|run| run.id)
        .collect();
    if waiting.is_empty() {
        return Ok(None);
    }
    let mut runs = unit.executions().lock_runs(&waiting).await?;
    let attempts = unit.executions().lock_suspended(&waiting).await?;
    runs.sort_unstable_by_key(|run| (run.scheduled_at, run.id));
    Ok(runs.into_iter().find_map(|run| {
        let attempt = attempts.iter().find(|attempt| attempt.run_id == run.id)?.clone();
        Some((run, attempt))
    }))
}

/// Refused before an attempt is made for it; the domain would refuse it as well.
fn refuse_unless_done(task: &Task) -> Result<(), Rejection> {
    task.status().after(TaskCommand::Complete)?;
    if task.open_dependencies() > 0 {
        let message =
            format!("the task still waits for {} others; complete them first", task.open_dependencies());
        return Err(Rejection::new("dependencies_open", message));
    }
    Ok(())
}
