//! How a dialogue ends.

use std::time::Duration;

use goalwright_domain::Timestamp;
use goalwright_domain::execution::{
    Entry, ExecutionError, Exhausted, Left, Outcome, REPAIRS, SAME_CALLS, Suspension, Wait, WaitKind,
};
use goalwright_domain::experience::without_secrets;
use goalwright_domain::model::{Cause, ModelName, ToolCall, Usd, json_among, kept_words};
use goalwright_domain::scrub::scrub;
use serde_json::{Value, json};

use super::{Step, Work, schema};
use crate::Error;
use crate::execution::{Assignment, Kernel, storable};
use crate::models::{NoAnswer, Unanswered};
use crate::usage::{Refusal, Shortage};

/// Where there is no model, that is looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_secs(5 * 60);
/// The most characters of words that are told as an error.
const TOLD: usize = 2_000;

impl Work {
    /// The model says that it is done: its result is taken if it is of the form that was asked for, else it is sent back.
    pub(super) fn finish(&mut self, call: &ToolCall) -> Step {
        let arguments = &call.arguments;
        let result = arguments["result"].clone();
        let mut problems = Vec::new();
        if !arguments.is_object() || (result.is_null() && arguments.get("result").is_none()) {
            problems.push("the result is missing".to_owned());
        } else {
            problems.extend(schema::problems(self.form.as_ref(), &result));
            problems.extend(storable(&result).err());
        }
        if problems.is_empty() {
            let summary = arguments["summary"].as_str().map(|words| kept_words(words.trim(), usize::MAX));
            return Step::End(Outcome::Done {
                result,
                summary: summary.filter(|words| !words.is_empty()),
                partial: arguments["outcome"] == "partial",
            });
        }
        let text = format!(
            "The result cannot be used. All of this is wrong with it:\n- {}\nCall `finish` again with the whole result.",
            problems.join("\n- ")
        );
        self.answer(call.id.clone(), text, true, Left::default());
        Step::On
    }

    /// The model ended with words. They are the result where nothing else is asked for.
    pub(super) fn end_with_words(&mut self, words: &str) -> Step {
        let words = words.trim();
        let result = match &self.form {
            None if words.is_empty() => None,
            None => Some(Value::String(kept_words(words, usize::MAX))),
            Some(_) => json_in(words).filter(|value| schema::problems(self.form.as_ref(), value).is_empty()),
        };
        match result.filter(|result| storable(result).is_ok()) {
            Some(result) => Step::End(Outcome::Done { result, summary: None, partial: false }),
            None => {
                self.remark(
                    "This ends nothing. Go on with the task; when it is done, call `finish` with its result in the form that \
                     is asked for, and if it cannot be done, call `give_up`."
                        .to_owned(),
                );
                Step::On
            }
        }
    }

    /// It failed for good. Whoever has it tried again goes on behind this, and knows.
    pub(super) fn stop(&mut self, error: &ExecutionError) {
        if self.dialogue.is_empty() {
            return;
        }
        for call in self.open_calls() {
            self.answer(call.id, "not carried out".to_owned(), true, Left::default());
        }
        let text = format!(
            "The task was stopped here: {}: {}. It is tried again now, and something may have been changed for that. Go on.",
            error.kind, error.message
        );
        self.dialogue.push(Entry::Stopped { text });
    }

    /// The answer reached its limit: nothing that it calls is whole for certain.
    pub(super) fn cut_off(&mut self) {
        for call in self.open_calls() {
            let text = "not carried out: your answer was cut off at the limit of its length".to_owned();
            self.answer(call.id, text, true, Left::default());
        }
        self.remark(
            "Your answer was cut off at the limit of its length, and nothing of it was carried out. Do it in smaller steps."
                .to_owned(),
        );
    }
}

impl Kernel {
    /// What was said is kept with the record of the attempt if it ends here, and in the dialogue if it goes on later.
    pub(super) async fn close(
        &self,
        assignment: &Assignment,
        work: &mut Work,
        outcome: &Outcome,
    ) -> Result<(), Error> {
        match outcome {
            Outcome::Suspended(_) => {
                self.save(assignment, work).await?;
                // The scripts are written with the end of the attempt, which knows them from the dialogue.
                work.report.scripts.clear();
                return Ok(());
            }
            Outcome::Released => return self.save(assignment, work).await,
            Outcome::Failed { error, retryable } => {
                if !retryable {
                    work.stop(error);
                }
                self.save(assignment, work).await?;
            }
            Outcome::Done { .. } | Outcome::GivenUp { .. } | Outcome::LeaseLost { .. } => {}
        }
        let text = transcript(work);
        let mut artifacts = std::mem::take(&mut work.report.artifacts);
        self.keep(assignment, "text/plain; charset=utf-8", &text, &mut artifacts).await;
        work.report.artifacts = artifacts;
        Ok(())
    }
}

/// An audit copy of what was said.
fn transcript(work: &Work) -> String {
    let mut entries = json!(work.dialogue.entries());
    for entry in entries.as_array_mut().into_iter().flatten() {
        // What is JSON inside of a text is looked into as well.
        let result =
            entry["result"]["text"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        if let Some(result) = result.filter(|result| result.is_object() || result.is_array()) {
            entry["result"]["text"] = result;
        }
    }
    let whole = json!({
        "model": work.model, "turns": work.dialogue.turns(), "usage": work.dialogue.usage(),
        "cost_usd": work.dialogue.cost().map(Usd::dollars), "entries": entries,
    });
    scrub(&serde_json::to_string_pretty(&without_secrets(&whole)).unwrap_or_default()).into_owned()
}

pub(super) fn given_up(arguments: &Value) -> Outcome {
    let reason = arguments["reason"].as_str().unwrap_or_default().trim();
    let reason = kept_words(reason, TOLD);
    Outcome::failed(
        "GaveUp",
        if reason.is_empty() { "the model gave up without saying why" } else { &reason },
    )
}

pub(super) fn exhausted(what: &Exhausted) -> Outcome {
    match what {
        Exhausted::Turns(most) => Outcome::failed(
            "TurnsExhausted",
            &format!(
                "the model was asked {most} times and did not finish; raise `llm.max_turns` of its agent, or make the task smaller"
            ),
        ),
        Exhausted::Tokens(most) => Outcome::failed(
            "TokensExhausted",
            &format!(
                "the model used {most} tokens and did not finish; raise `llm.max_tokens` of its agent, or make the task smaller"
            ),
        ),
        Exhausted::Cost(most) => Outcome::failed(
            "CostExhausted",
            &format!(
                "the next answer could cost more than the {most} that the run may; raise `llm.max_cost_usd` of its agent, or make the task smaller"
            ),
        ),
        Exhausted::Repairs { cut_off: true } => Outcome::failed(
            "AnswerTooLong",
            &format!(
                "the model's answer was cut off at its limit, also after it was told so {REPAIRS} times; make the task smaller, or have its result written to a file"
            ),
        ),
        Exhausted::Repairs { cut_off: false } => Outcome::failed(
            "ResultInvalid",
            &format!(
                "the model's result cannot be used, also after it was sent back {REPAIRS} times; the transcript among the artifacts has what was wrong"
            ),
        ),
        Exhausted::Loop { name } => Outcome::failed(
            "LoopStopped",
            &format!(
                "the model called `{name}` with the same parameters again after it had given the same answer {SAME_CALLS} times"
            ),
        ),
    }
}

pub(super) fn time_is_up(seconds: u64) -> Outcome {
    let message = format!("the attempt took longer than {seconds} s (`llm.max_seconds` of the agent)");
    Outcome::Failed { error: ExecutionError::new("TimedOut", message, &[]), retryable: true }
}

/// There is no answer: what passes by itself is waited for or tried again, the rest is not.
pub(super) fn unanswered(from: Unanswered, now: Timestamp) -> Outcome {
    let (kind, passes) = match &from.why {
        NoAnswer::CircuitOpen { retry_after, .. } => {
            return wait_until(WaitKind::Model, now + *retry_after, from.why.to_string());
        }
        NoAnswer::Failed(cause) => match cause {
            // Nobody has to do anything about the task: it goes on once there is a model.
            Cause::NotConfigured { .. } => {
                return wait_until(WaitKind::Model, now + LOOK_AGAIN, from.why.to_string());
            }
            Cause::Credentials { .. } => ("ModelCredentials", false),
            Cause::TooLong { .. } => ("ModelContextTooLong", false),
            Cause::Refused { .. } => ("ModelRefused", false),
            cause => ("ModelUnavailable", cause.is_passing()),
        },
    };
    Outcome::Failed {
        error: ExecutionError::new(kind, Error::from(from).to_string(), &[]),
        retryable: passes,
    }
}

pub(super) fn refused(category: Option<&str>) -> Outcome {
    let why = category.map_or_else(String::new, |words| format!(" ({})", kept_words(words, TOLD)));
    Outcome::failed(
        "ModelRefused",
        &format!(
            "the model does not want to do this{why}; say it in other words, or give it to somebody else"
        ),
    )
}

/// The budget leaves too little. What could never be paid fails.
pub(super) fn no_money(refusal: &Refusal, now: Timestamp) -> Outcome {
    match refusal.why {
        Shortage::TooDear => Outcome::failed("BudgetExhausted", &refusal.message()),
        Shortage::Promised | Shortage::Spent => {
            wait_until(WaitKind::Budget, now + refusal.retry_after, refusal.message())
        }
    }
}

/// What costs nobody knows how much cannot be kept below a limit.
pub(super) fn no_price(model: &ModelName) -> Outcome {
    Outcome::failed(
        "CostExhausted",
        &format!(
            "the agent has a limit of money and `{model}` has no known price; give it one with GOALWRIGHT_PRICES, or take `llm.max_cost_usd` away"
        ),
    )
}

/// It goes on by itself then.
fn wait_until(kind: WaitKind, until: Timestamp, message: String) -> Outcome {
    let wait = Wait { kind, until: Some(until), message };
    Outcome::Suspended(Suspension { wait, then: Value::Null })
}

/// The JSON of an answer that may have a fence or words around it.
fn json_in(words: &str) -> Option<Value> {
    if let Ok(value) = serde_json::from_str(words) {
        return Some(value);
    }
    let (value, behind) = json_among(words)?.ok()?;
    (!behind.contains(['{', '['])).then_some(value)
}
