//! A call is made: noted before if it has an effect, and what came of it collected.

use std::path::PathBuf;
use std::time::Duration;

use goalwright_domain::Timestamp;
use goalwright_domain::execution::{Effect, ExecutionError, Outcome, ScriptRun, Suspension, Wait, WaitKind};
use goalwright_domain::experience::{Retrieval, audit_text, audit_value};
use goalwright_domain::task::RESULT_LIMIT;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;

use super::{Assignment, Kernel};
use crate::Error;
use crate::context::new_id;
use crate::ports::telemetry::TraceContext;
use crate::ports::tools::{Fate, Invocation, Reply, Script, ToolFailure};
use crate::ports::{CallStatus, Happening, ToolCall};
use crate::retrying::retrying;

/// A call that is to be made.
pub(super) struct Wanted<'a> {
    pub(super) tool: &'a str,
    pub(super) operation: &'a str,
    /// With every template resolved.
    pub(super) parameters: Value,
    /// What these parameters lead to.
    pub(super) effect: Effect,
    pub(super) sandbox: PathBuf,
    /// By which whoever is called knows it again.
    pub(super) key: String,
}

/// A call that was made.
pub(super) struct Made {
    pub(super) call: ToolCall,
    pub(super) outcome: Outcome,
    pub(super) files_written: Vec<String>,
    pub(super) artifacts: Vec<Uuid>,
    pub(super) scripts: Vec<ScriptRun>,
    pub(super) retrieval: Option<Retrieval>,
    /// From when to when.
    pub(super) called: (Timestamp, Timestamp),
    /// It was noted before it was made.
    pub(super) journaled: bool,
}

impl Kernel {
    /// Makes a call: notes what it is about to do if that has an effect, does it in time, and collects what came of it. The
    /// end of what was noted is for the caller to write, with what else is known by then.
    pub(super) async fn make(
        &self,
        assignment: &Assignment,
        wanted: Wanted<'_>,
        cancel: &CancellationToken,
    ) -> Result<Made, Error> {
        let Wanted { tool, operation, parameters, effect, sandbox, key } = wanted;
        let now = self.clock().now();
        let mut artifacts = Vec::new();
        let copy = self.audit_copy(assignment, &parameters, &mut artifacts).await;
        let mut call = self.new_call(assignment, (tool, operation), effect, copy, now);
        call.idempotency_key = key;
        let journaled = effect != Effect::None;
        if journaled {
            self.intend(assignment, &call).await?;
        }
        let invocation = Invocation {
            tool: tool.to_owned(),
            operation: operation.to_owned(),
            parameters,
            workspace: assignment.run.workspace_id,
            task: Some(assignment.task.id),
            sandbox,
            idempotency_key: call.idempotency_key.clone(),
            trace: TraceContext::of(call.trace_id, &assignment.lease, self.telemetry()),
            now: now.utc(),
            cancel: cancel.clone(),
        };
        let name = format!("`{tool}.{operation}`");
        let span = self.span_of(assignment, &call);
        let Touched { outcome, files_written, retrieval, script, fate } =
            match self.call_in_time(invocation, cancel).instrument(span.clone()).await {
                Some(answer) => outcome_of(answer, effect, &name, now),
                // Nobody knows whether a call took effect that did not even stop when it was told to.
                None => {
                    let silent = ToolFailure { fate: Fate::Unknown, ..self.too_long(&name) };
                    outcome_of(Err(silent), effect, &name, now)
                }
            };
        if let Outcome::Failed { error, .. } = &outcome {
            span.record("error.type", error.kind.as_str());
        }
        drop(span);
        let mut scripts = Vec::new();
        if let Some(script) = script {
            scripts.push(self.script_run(assignment, *script, now, &mut artifacts).await);
        }
        match &outcome {
            Outcome::Done { result, .. } => {
                call.status = CallStatus::Succeeded;
                call.result = Some(self.audit_copy(assignment, result, &mut artifacts).await);
            }
            Outcome::Suspended(suspension) => {
                call.status = CallStatus::Succeeded;
                call.result = Some(audit_value(&suspension.then));
            }
            Outcome::Failed { error, .. } => {
                call.status = CallStatus::Failed;
                call.error = Some(ExecutionError { message: audit_text(&error.message), ..error.clone() });
            }
            Outcome::GivenUp { .. } | Outcome::Released | Outcome::LeaseLost { .. } => {}
        }
        if fate == Fate::Unknown {
            call.status = CallStatus::Unknown;
        }
        let ended_at = self.clock().now();
        call.ended_at = Some(ended_at);
        self.telemetry().tell(Happening::Called(&call));
        Ok(Made {
            call,
            outcome,
            files_written,
            artifacts,
            scripts,
            retrieval,
            called: (now, ended_at),
            journaled,
        })
    }

    /// A call that is about to be made, with an audit copy of its parameters.
    pub(super) fn new_call(
        &self,
        assignment: &Assignment,
        (tool, operation): (&str, &str),
        effect: Effect,
        parameters: Value,
        now: Timestamp,
    ) -> ToolCall {
        ToolCall {
            id: new_id::<ToolCall>(self.ids()).uuid(),
            workspace_id: assignment.run.workspace_id,
            task_id: assignment.task.id,
            span_id: assignment.attempt.span_id,
            trace_id: assignment.run.trace_id,
            tool: tool.to_owned(),
            operation: operation.to_owned(),
            effect,
            idempotency_key: assignment.attempt.idempotency_key.clone(),
            parameters,
            status: CallStatus::Intended,
            result: None,
            error: None,
            started_at: now,
            ended_at: None,
        }
    }

    /// The intent is written before the effect, and only under a lease that holds.
    async fn intend(&self, assignment: &Assignment, call: &ToolCall) -> Result<(), Error> {
        let held = retrying(|| async {
            let unit = self.ports.transactions.begin().await?;
            let held = unit.executions().intend(&assignment.lease, call).await?;
            unit.commit().await?;
            Ok::<_, Error>(held)
        })
        .await?;
        if held {
            return Ok(());
        }
        Err(Error::Conflict {
            code: "lease_lost",
            message: "the lease was lost before the call was made".to_owned(),
        })
    }
}

fn ask_what_became_of(name: &str, failure: &ToolFailure) -> Outcome {
    let message = audit_text(&format!(
        "{name} ended without an answer ({failure}): whether it took effect is unknown, and it cannot be undone. \
         Find out, then complete the task with its result, or retry it"
    ));
    let wait = Wait { kind: WaitKind::Decision, until: None, message };
    Outcome::Suspended(Suspension { wait, then: Value::Null })
}

/// What a call led to, and what it touched.
pub(super) struct Touched {
    pub(super) outcome: Outcome,
    files_written: Vec<String>,
    retrieval: Option<Retrieval>,
    script: Option<Box<Script>>,
    fate: Fate,
}

impl Touched {
    const fn nothing(outcome: Outcome) -> Self {
        Self { outcome, files_written: Vec::new(), retrieval: None, script: None, fate: Fate::Failed }
    }
}

/// An unknown fate of what cannot be undone is a question to a person; anything else may be tried again.
pub(super) fn outcome_of(
    answer: Result<Reply, ToolFailure>,
    effect: Effect,
    name: &str,
    now: Timestamp,
) -> Touched {
    match answer {
        Ok(Reply::Done { result, files_written, retrieval, script }) => {
            let outcome = match storable(&result) {
                Ok(()) => Outcome::Done { result, summary: None, partial: false },
                Err(message) => Outcome::failed("ResultNotStorable", &message),
            };
            Touched { files_written, retrieval, script, ..Touched::nothing(outcome) }
        }
        Ok(Reply::Sleep { seconds, result }) => {
            let until = now + Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO);
            let wait =
                Wait { kind: WaitKind::Time, until: Some(until), message: format!("sleeps until {until}") };
            Touched::nothing(Outcome::Suspended(Suspension { wait, then: result }))
        }
        Err(failure) => {
            let outcome = if failure.fate == Fate::Unknown && effect == Effect::Irreversible {
                ask_what_became_of(name, &failure)
            } else {
                let ToolFailure { kind, message, sources, retryable, .. } = &failure;
                let error = ExecutionError::new(kind, message, sources);
                Outcome::Failed { error, retryable: *retryable }
            };
            let ToolFailure { files_written, script, fate, .. } = failure;
            Touched { files_written, script, fate, ..Touched::nothing(outcome) }
        }
    }
}

/// Both databases must be able to keep a result, and reading a task must stay possible.
pub(crate) fn storable(result: &Value) -> Result<(), String> {
    let text = result.to_string();
    if text.len() > RESULT_LIMIT {
        return Err(format!("the result has {} bytes; at most {RESULT_LIMIT} can be kept", text.len()));
    }
    if text.contains("\\u0000") && has_nul(result) {
        return Err("the result holds the character U+0000, which cannot be kept".to_owned());
    }
    Ok(())
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
