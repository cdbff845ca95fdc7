//! What an ended attempt means for its run and its task.

use serde_json::Value;

use super::run::RunNext;
use super::{
    AttemptStatus, ExecutionError, RetryPolicy, Run, RunStatus, STRIKE_LIMIT, Suspension, Wait, WaitKind,
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
    /// Not yet: it waits without a lease.
    Suspended(Suspension),
    /// The worker vanished: its lease ran out.
    LeaseLost {
        /// An irreversible call was begun and nobody knows whether it took place.
        unknown_effect: Option<String>,
    },
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
    /// It waits.
    Wait(Wait),
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
}

/// Decides what `outcome` of the latest attempt of `run` leads to. `chance` in `[0, 1)` spreads the back-off.
///
/// A lost lease is no failure of the work, so it does not use up `policy.max_attempts`; after [`STRIKE_LIMIT`] of
/// them a person decides. So does a lost lease after an irreversible call whose outcome nobody knows.
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
        },
        Outcome::Suspended(suspension) => Decision {
            run: RunNext::Waiting { until: suspension.wait.until },
            task: TaskStep::Wait(suspension.wait.clone()),
            attempt: AttemptEnd {
                status: AttemptStatus::Suspended,
                error: None,
                suspension: Some(suspension),
            },
            strikes: run.strikes,
        },
        Outcome::Failed { error, retryable } => {
            let failures = run.attempts.saturating_sub(run.strikes);
            let (next, task) = if retryable && failures < policy.max_attempts {
                let after = policy.delay(failures, chance);
                (RunNext::Queued { after }, TaskStep::Requeue(error.clone()))
            } else {
                (RunNext::Over(RunStatus::Failed), TaskStep::Fail(error.clone()))
            };
            Decision { attempt: failed(error), run: next, task, strikes: run.strikes }
        }
        Outcome::LeaseLost { unknown_effect } => {
            let error = ExecutionError::new("LeaseLost", lost_message(unknown_effect.as_deref()), &[]);
            let strikes = run.strikes + 1;
            let question = match unknown_effect {
                Some(call) => Some(format!(
                    "{call} was begun and its worker vanished: whether it took effect is unknown, and it cannot be undone. \
                     Find out, then complete the task with its result"
                )),
                None if strikes >= STRIKE_LIMIT => Some(format!(
                    "{strikes} workers vanished while they held this task (strike_limit); find out why, then complete it"
                )),
                None => None,
            };
            let (next, task) = match question {
                Some(message) => (
                    RunNext::Waiting { until: None },
                    TaskStep::Wait(Wait { kind: WaitKind::Decision, until: None, message }),
                ),
                None => {
                    (RunNext::Queued { after: std::time::Duration::ZERO }, TaskStep::Requeue(error.clone()))
                }
            };
            Decision { attempt: failed(error), run: next, task, strikes }
        }
    }
}

fn failed(error: ExecutionError) -> AttemptEnd {
    AttemptEnd { status: AttemptStatus::Failed, error: Some(error), suspension: None }
}

fn lost_message(unknown_effect: Option<&str>) -> String {
    match unknown_effect {
        Some(call) => {
            format!("the worker's lease expired before it reported; the outcome of {call} is unknown")
        }
        None => "the worker's lease expired before it reported".to_owned(),
    }
}
