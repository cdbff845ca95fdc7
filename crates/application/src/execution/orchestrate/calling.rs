//! The model calls a tool.

use goalwright_domain::canonical;
use goalwright_domain::execution::{CALLS_AT_ONCE, Effect, Left, Outcome, SAME_CALLS, WaitKind};
use goalwright_domain::experience::result_text;
use goalwright_domain::model::ToolCall;
use tokio_util::sync::CancellationToken;

use super::{Step, Work};
use crate::Error;
use crate::execution::make::{Made, Wanted};
use crate::execution::{Assignment, Kernel};
use crate::ports::CallStatus;
use crate::retrying::retrying;

/// So many problems of parameters are told.
const PROBLEMS: usize = 20;
/// The longest a model may sleep, in seconds: nobody can see that it does not sleep for ever.
const LONGEST_SLEEP: f64 = 86_400.0;
/// What a model is told of a call whose end nobody saw.
const UNKNOWN: &str = "Whether this call took effect is not known: it ended without an answer. Find out before you make it again.";

impl Kernel {
    /// Carries a call out, and tells the model what came of it. What the model does wrong it is told, and may do better.
    pub(super) async fn call_for_model(
        &self,
        assignment: &Assignment,
        work: &mut Work,
        call: &ToolCall,
        cancel: &CancellationToken,
    ) -> Result<Step, Error> {
        if work.time_left(self.clock().now()).is_zero() {
            return Ok(Step::End(super::ending::time_is_up(work.profile.max_seconds)));
        }
        let (tool, operation, effect) = match self.understood(work, call) {
            Ok(understood) => understood,
            Err(problem) => {
                work.answer(call.id.clone(), problem, true, Left::default());
                return Ok(Step::On);
            }
        };
        if work.dialogue.is_spam(call) {
            let text = "not carried out: this very call was made several times in this answer, and gave the same each time";
            work.answer(call.id.clone(), text.to_owned(), true, Left::default());
            return Ok(Step::On);
        }
        let key = key_of(work, call);
        if work.inherited.contains(&call.id)
            && let Some(text) = self.left_open(assignment, effect, &key).await?
        {
            work.answer(call.id.clone(), text, true, Left::default());
            return Ok(Step::On);
        }
        // What was answered and decided before is written before anything is touched.
        if effect != Effect::None {
            self.save(assignment, work).await?;
        }
        let wanted = Wanted {
            tool: &tool,
            operation: &operation,
            parameters: call.arguments.clone(),
            effect,
            sandbox: work.sandbox.clone(),
            key,
        };
        let made = self.make(assignment, wanted, cancel).await?;
        let left = Left {
            files_written: made.files_written.clone(),
            artifacts: made.artifacts.clone(),
            scripts: made.scripts.clone(),
            memories: made.retrieval.as_ref().map(|retrieval| retrieval.memories.clone()).unwrap_or_default(),
        };
        if cancel.is_cancelled() && matches!(&made.outcome, Outcome::Failed { .. }) {
            // It was told to stop: whoever goes on makes it again, under the same key.
            super::add(&mut work.report, &left);
            self.note_end(assignment, work, made).await?;
            return Ok(Step::End(Outcome::Released));
        }
        let (text, is_error) = match &made.outcome {
            Outcome::Done { result, .. } => (result_text(result), false),
            Outcome::Failed { error, .. } => (format!("{}: {}", error.kind, error.message), true),
            Outcome::Suspended(suspension) if suspension.wait.kind == WaitKind::Decision => {
                // A person decides; if they have it tried again, the model knows what nobody knows.
                let outcome = made.outcome.clone();
                work.answer(call.id.clone(), UNKNOWN.to_owned(), true, left);
                self.note_end(assignment, work, made).await?;
                return Ok(Step::End(outcome));
            }
            outcome => {
                let outcome = outcome.clone();
                self.note_end(assignment, work, made).await?;
                self.save(assignment, work).await?;
                return Ok(Step::End(outcome));
            }
        };
        work.answer(call.id.clone(), text, is_error, left);
        if work.dialogue.repeated(call) >= SAME_CALLS {
            work.dialogue.note(
                "This very call has given this very answer several times now. Do something else: if it is made once more, the \
                 task is stopped.",
            );
        }
        self.note_end(assignment, work, made).await?;
        Ok(Step::On)
    }

    /// The operation that is meant, and what the call would do; else what is wrong with it, for the model.
    fn understood(&self, work: &Work, call: &ToolCall) -> Result<(String, String, Effect), String> {
        let (_, place) = work.dialogue.place(call);
        if place >= CALLS_AT_ONCE {
            return Err(format!("not carried out: at most {CALLS_AT_ONCE} calls in one turn"));
        }
        let unknown = || format!("there is no tool `{}`; there are: {}", call.name, work.toolbox.names());
        let (tool, operation) = work.toolbox.find(&call.name).ok_or_else(unknown)?;
        if !call.arguments.is_object() {
            return Err(
                "the arguments are no JSON object; call it again with arguments of its schema".to_owned()
            );
        }
        let tools = &self.ports.tools;
        let problems = tools.check(tool, operation, &call.arguments);
        if !problems.is_empty() {
            let told: Vec<String> = problems
                .iter()
                .take(PROBLEMS)
                .map(|problem| {
                    let path = problem.path.strip_prefix("parameters.").unwrap_or(&problem.path);
                    format!("{path}: {}", problem.message)
                })
                .collect();
            return Err(format!("not carried out; all of this is wrong with it:\n- {}", told.join("\n- ")));
        }
        if (tool, operation) == ("time", "sleep")
            && call.arguments["seconds"].as_f64().is_some_and(|seconds| seconds > LONGEST_SLEEP)
        {
            return Err("not carried out: sleep for at most a day, then look again".to_owned());
        }
        let effect = tools.effect_of(tool, operation, &call.arguments).ok_or_else(unknown)?;
        Ok((tool.to_owned(), operation.to_owned(), effect))
    }

    /// What to tell the model of a call that an earlier attempt began and did not see the end of; nothing if it never began.
    async fn left_open(
        &self,
        assignment: &Assignment,
        effect: Effect,
        key: &str,
    ) -> Result<Option<String>, Error> {
        let status = retrying(|| async {
            let unit = self.ports.transactions.begin().await?;
            Ok::<_, Error>(unit.executions().earlier_call(assignment.run.id, key).await?)
        })
        .await?;
        let repeatable = matches!(effect, Effect::None | Effect::Idempotent);
        let text = match status {
            // Doing it again is as good as having done it.
            None | Some(CallStatus::Intended | CallStatus::Unknown | CallStatus::Failed) if repeatable => {
                return Ok(None);
            }
            None => return Ok(None),
            Some(CallStatus::Intended | CallStatus::Unknown) => UNKNOWN,
            Some(CallStatus::Succeeded) if effect == Effect::None => {
                "This was interrupted, since somebody had the task tried again. Make it again if you still need it."
            }
            Some(CallStatus::Succeeded) => {
                "The call took effect, but its answer was lost. Do not make it again; find out what you need in another way."
            }
            Some(CallStatus::Failed) => {
                "The call failed, and its answer was lost. Make it again if you still need it."
            }
        };
        Ok(Some(text.to_owned()))
    }

    /// The end of a call, with what is said of it, in one unit if the call was announced; else both are written with what
    /// comes next.
    async fn note_end(&self, assignment: &Assignment, work: &mut Work, made: Made) -> Result<(), Error> {
        let Made { call, journaled, .. } = made;
        if !journaled {
            work.report.calls.push(call);
            return Ok(());
        }
        let held = retrying(|| async {
            let unit = self.ports.transactions.begin().await?;
            unit.executions().conclude(&assignment.lease, &call, None).await?;
            let held = work.write(&*unit, &assignment.lease, self.clock().now()).await?;
            unit.commit().await?;
            Ok::<_, Error>(held)
        })
        .await?;
        work.is_written(held)
    }
}

/// The same for the same call of the dialogue, whichever attempt makes it.
fn key_of(work: &Work, call: &ToolCall) -> String {
    let (turn, place) = work.dialogue.place(call);
    let dialogue = work.dialogue.opening().map(|opening| opening.id).unwrap_or_default();
    canonical::sha256_hex(format!("{dialogue}:{turn}:{place}").as_bytes())
}
