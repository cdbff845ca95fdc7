//! The model calls a tool.

use goalwright_domain::canonical;
use goalwright_domain::execution::{CALLS_AT_ONCE, Effect, Left, Outcome, SAME_CALLS};
use goalwright_domain::experience::result_text;
use goalwright_domain::model::ToolCall;
use tokio_util::sync::CancellationToken;

use super::{Step, Work};
use crate::Error;
use crate::execution::perform::{Made, Wanted};
use crate::execution::{Assignment, Kernel};
use crate::ports::CallStatus;
use crate::retrying::retrying;

/// So many problems of parameters are told.
const PROBLEMS: usize = 20;

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
        let key = key_of(assignment, work, call);
        let inherited = work.inherited.contains(&call.id);
        if inherited
            && matches!(effect, Effect::Reversible | Effect::Irreversible)
            && let Some(text) = self.left_open(assignment, &key).await?
        {
            work.answer(call.id.clone(), text, true, Left::default());
            return Ok(Step::On);
        }
        let before = work.dialogue.repeated(call);
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
        if cancel.is_cancelled() && matches!(&made.outcome, Outcome::Failed { .. }) {
            // It was told to stop: whoever goes on makes it again, under the same key.
            self.note_end(assignment, work, made).await?;
            return Ok(Step::End(Outcome::Released));
        }
        let (text, is_error) = match &made.outcome {
            Outcome::Done { result, .. } => (result_text(result), false),
            Outcome::Failed { error, .. } => (format!("{}: {}", error.kind, error.message), true),
            outcome => {
                let outcome = outcome.clone();
                self.save(assignment, work).await?;
                self.note_end(assignment, work, made).await?;
                return Ok(Step::End(outcome));
            }
        };
        let left = Left {
            files_written: made.files_written.clone(),
            artifacts: made.artifacts.clone(),
            scripts: made.scripts.clone(),
            memories: made.retrieval.as_ref().map(|retrieval| retrieval.memories.clone()).unwrap_or_default(),
        };
        work.answer(call.id.clone(), text, is_error, left);
        if before + 1 >= SAME_CALLS && work.dialogue.repeated(call) >= SAME_CALLS {
            work.note(
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
        let effect = tools.effect_of(tool, operation, &call.arguments).ok_or_else(unknown)?;
        Ok((tool.to_owned(), operation.to_owned(), effect))
    }

    /// What to tell the model of a call that an earlier attempt began and did not see the end of; nothing if it never began.
    async fn left_open(&self, assignment: &Assignment, key: &str) -> Result<Option<String>, Error> {
        let status = retrying(|| async {
            let unit = self.ports.transactions.begin().await?;
            Ok::<_, Error>(unit.executions().earlier_call(assignment.run.id, key).await?)
        })
        .await?;
        Ok(match status {
            None => None,
            Some(CallStatus::Intended | CallStatus::Unknown) => Some(
                "The worker vanished while this call was under way: whether it took effect is not known. Find out before you \
                 make it again."
                    .to_owned(),
            ),
            Some(CallStatus::Succeeded) => Some(
                "The call took effect, but its answer was lost. Do not make it again; find out what you need in another way."
                    .to_owned(),
            ),
            Some(CallStatus::Failed) => {
                Some("The call failed, and its answer was lost. Make it again if you still need it.".to_owned())
            }
        })
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
            let (from, said) = (work.written, work.unwritten());
            let held = unit.executions().say(&assignment.lease, from, said, self.clock().now()).await?;
            unit.commit().await?;
            Ok::<_, Error>(held)
        })
        .await?;
        work.is_written(held)
    }
}

/// The same for the same call of the run, whichever attempt makes it.
fn key_of(assignment: &Assignment, work: &Work, call: &ToolCall) -> String {
    let (turn, place) = work.dialogue.place(call);
    canonical::sha256_hex(format!("{}:{turn}:{place}", assignment.run.id).as_bytes())
}
