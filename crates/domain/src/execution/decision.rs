//! What an ended attempt means for its run and its task.

use serde_json::Value;

use super::run::RunNext;
use super::{
    AttemptStatus, ExecutionError, OnExhausted, RetryPolicy, Run, RunStatus, STRIKE_LIMIT, Suspension, Wait,
    WaitKind,
};

/// How performing ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// With a result.
    Done {
        /// The task's result.
        result: Value,
        /// What people read instead of the result, if somebody wrote it.
        summary: Option<String>,
        /// Only a part of what was asked for was achieved.
        partial: bool,
    },
    /// With an error.
    Failed {
        /// What went wrong.
        error: ExecutionError,
        /// Whether trying again can help.
        retryable: bool,
    },
    /// A person says that it fails, whatever else could be tried.
    GivenUp {
        /// Why.
        error: ExecutionError,
    },
    /// Its worker gave it back without having done it.
    Released,
    /// Not yet: it waits without a lease.
    Suspended(Suspension),
    /// The worker vanished: its lease ran out.
    LeaseLost {
        /// An irreversible call was begun and nobody knows whether it took place.
        unknown_effect: Option<String>,
    },
}

impl Outcome {
    /// It failed in a way that trying again does not help.
    pub fn failed(kind: &str, message: &str) -> Self {
        Self::Failed { error: ExecutionError::new(kind, message, &[]), retryable: false }
    }
}

/// How the attempt itself ends.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptEnd {
    /// Its status from here on.
    pub status: AttemptStatus,
    /// Present exactly when it failed.
    pub error: Option<ExecutionError>,
    /// Present exactly when it is suspended.
    pub suspension: Option<Suspension>,
}

/// What the task does, if this run drives it.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskStep {
    /// It has its result.
    Complete(Value),
    /// It has failed for good.
    Fail(ExecutionError),
    /// It is ready again, for another attempt.
    Requeue(ExecutionError),
    /// It waits, after this failure if there was one.
    Wait(Wait, Option<ExecutionError>),
}

/// The three consequences of an outcome, decided together so that they cannot disagree.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// For the attempt.
    pub attempt: AttemptEnd,
    /// For the run.
    pub run: RunNext,
    /// For the task.
    pub task: TaskStep,
    /// Leases lost so far, this one included.
    pub strikes: u32,
    /// Attempts that do not count, this one included.
    pub excused: u32,
}

/// Decides what `outcome` of the latest attempt of `run` leads to. `chance` in `[0, 1)` spreads the back-off.
///
/// A lost lease is no failure of the work, so it does not use up `policy.max_attempts`; after [`STRIKE_LIMIT`] of
/// them a person decides. So does a lost lease after an irreversible call whose outcome nobody knows. What is given
/// back does not use up attempts either.
///
/// Nobody is asked about a run beside its task: nothing waits for it, and the task has no place for the question. Where a
/// person would decide, it has failed, and can be asked for again.
pub fn decide(run: &Run, outcome: Outcome, policy: &RetryPolicy, chance: f64) -> Decision {
    match outcome {
        Outcome::Done { result, partial, .. } => Decision {
            attempt: AttemptEnd {
                status: if partial { AttemptStatus::Partial } else { AttemptStatus::Succeeded },
                error: None,
                suspension: None,
            },
            run: RunNext::Over(RunStatus::Succeeded),
            task: TaskStep::Complete(result),
            strikes: run.strikes,
            excused: run.excused,
        },
        Outcome::Suspended(suspension) => Decision {
            run: RunNext::Waiting { until: suspension.wait.until },
            task: TaskStep::Wait(suspension.wait.clone(), None),
            attempt: AttemptEnd {
                status: AttemptStatus::Suspended,
                error: None,
                suspension: Some(suspension),
            },
            strikes: run.strikes,
            excused: run.excused,
        },
        Outcome::Failed { error, retryable } => {
            let failures = run.attempts.saturating_sub(run.strikes).saturating_sub(run.excused);
            let can_help = policy.can_help(&error.kind, retryable);
            let (next, task) = if can_help && failures < policy.max_attempts {
                let after = policy.delay(failures, chance);
                (RunNext::Queued { after }, TaskStep::Requeue(error.clone()))
            } else {
                match policy.on_exhausted {
                    _ if !run.drives_task => {
                        (RunNext::Over(RunStatus::Failed), TaskStep::Fail(error.clone()))
                    }
                    OnExhausted::Fail => (RunNext::Over(RunStatus::Failed), TaskStep::Fail(error.clone())),
                    OnExhausted::Pause => {
                        let wait = ask(exhausted(&error, failures, can_help));
                        (RunNext::Waiting { until: None }, TaskStep::Wait(wait, Some(error.clone())))
                    }
                }
            };
            let (strikes, excused) = (run.strikes, run.excused);
            Decision { attempt: failed(error), run: next, task, strikes, excused }
        }
        Outcome::GivenUp { error } => Decision {
            attempt: failed(error.clone()),
            run: RunNext::Over(RunStatus::Failed),
            task: TaskStep::Fail(error),
            strikes: run.strikes,
            excused: run.excused,
        },
        Outcome::Released => {
            let error = ExecutionError::new("Released", "the worker gave the task back", &[]);
            Decision {
                attempt: failed(error.clone()),
                run: RunNext::Queued { after: std::time::Duration::ZERO },
                task: TaskStep::Requeue(error),
                strikes: run.strikes,
                excused: run.excused + 1,
            }
        }
        Outcome::LeaseLost { unknown_effect } => {
            let error = ExecutionError::new("LeaseLost", lost_message(unknown_effect.as_deref()), &[]);
            let strikes = run.strikes + 1;
            let question = match unknown_effect {
                Some(call) => Some(format!(
                    "{call} was begun and its worker vanished: whether it took effect is unknown, and it cannot be undone. \
                     Find out, then complete the task with its result, or retry it"
                )),
                None if strikes >= STRIKE_LIMIT => Some(format!(
                    "{strikes} workers vanished while they held this task (strike_limit); find out why, then retry or complete it"
                )),
                None => None,
            };
            let (next, task) = match question {
                Some(message) => {
                    (RunNext::Waiting { until: None }, TaskStep::Wait(ask(message), Some(error.clone())))
                }
                None => {
                    (RunNext::Queued { after: std::time::Duration::ZERO }, TaskStep::Requeue(error.clone()))
                }
            };
            let asks = matches!(next, RunNext::Waiting { .. });
            let next = if asks && !run.drives_task { RunNext::Over(RunStatus::Failed) } else { next };
            Decision { attempt: failed(error), run: next, task, strikes, excused: run.excused }
        }
    }
}

fn failed(error: ExecutionError) -> AttemptEnd {
    AttemptEnd { status: AttemptStatus::Failed, error: Some(error), suspension: None }
}

fn ask(message: String) -> Wait {
    Wait { kind: WaitKind::Decision, until: None, message }
}

/// The question after the last attempt of a task that is to pause.
fn exhausted(error: &ExecutionError, failures: u32, can_help: bool) -> String {
    // A message may be long; the task has it as its error.
    let what: String = error.message.chars().take(500).collect();
    let why = match (can_help, failures) {
        (true, 1) => "its only attempt failed".to_owned(),
        (true, _) => format!("{failures} attempts failed"),
        (false, _) => "trying again as it is cannot help".to_owned(),
    };
    format!("{why}: {}: {what}. Retry it, change it and retry it, complete it, or let it fail", error.kind)
}

fn lost_message(unknown_effect: Option<&str>) -> String {
    match unknown_effect {
        Some(call) => {
            format!("the worker's lease expired before it reported; the outcome of {call} is unknown")
        }
        None => "the worker's lease expired before it reported".to_owned(),
    }
}
