use std::collections::BTreeSet;
use std::time::Duration;

use goalwright_domain::agent::AgentKind;
use goalwright_domain::execution::{
    Action, Effect, ExecutionError, Outcome, Recorded, ScriptOutput, ScriptRun, Suspension, Wait, WaitKind,
    command_copy,
};
use goalwright_domain::experience::{Artifact, Retrieval, audit_text, audit_value, whole_copy};
use goalwright_domain::scrub::scrub;
use goalwright_domain::task::{RESULT_LIMIT, TaskState};
use goalwright_domain::template::{self, Scope};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Assignment, Kernel, Report};
use crate::Error;
use crate::context::new_id;
use crate::ports::tools::{Fate, Invocation, Reply, Script, ToolFailure};
use crate::ports::{CallStatus, ToolCall};
use crate::retrying::retrying;

/// How long a tool may take to stop once it was told to.
const OBEY: Duration = Duration::from_secs(10);

impl Kernel {
    /// Does the work of an attempt: resolves its parameters, notes what it is about to do, does it, and collects
    /// what came of it. Whatever goes wrong in the work is an outcome.
    ///
    /// # Errors
    /// Only if storage does not answer or the lease is lost while the work was being noted: then there is no outcome
    /// to settle, and the lease runs out.
    #[tracing::instrument(name = "execution.perform", skip_all, fields(task.slug = %assignment.task.slug, trace.id = %assignment.run.trace_id))]
    pub async fn perform(
        &self,
        assignment: &Assignment,
        cancel: &CancellationToken,
    ) -> Result<Report, Error> {
        if let Some(suspension) = &assignment.resumed
            && suspension.wait.kind == WaitKind::Time
        {
            return Ok(report(Outcome::Done {
                result: suspension.then.clone(),
                summary: None,
                partial: false,
            }));
        }
        match &assignment.task.action {
            Some(Action::Tool { tool, operation, parameters }) => {
                self.call(assignment, tool, operation, parameters, cancel).await
            }
            Some(Action::Human { instructions }) => Ok(report(for_person(instructions))),
            None if assignment.run.performer == AgentKind::Human => {
                let task = &assignment.task;
                let words = if task.description.is_empty() { &task.title } else { &task.description };
                Ok(report(for_person(words)))
            }
            None | Some(Action::Orchestrated { .. } | Action::External) => Ok(report(failed(
                "AgentUnavailable",
                "this process has nobody who can do this kind of work; assign the task to another agent",
            ))),
        }
    }

    async fn call(
        &self,
        assignment: &Assignment,
        tool: &str,
        operation: &str,
        parameters: &Value,
        cancel: &CancellationToken,
    ) -> Result<Report, Error> {
        let unavailable = || {
            let problem = self.ports.tools.check(tool, operation, parameters).into_iter().next();
            let message = problem.map_or_else(
                || format!("`{tool}.{operation}` is not registered here; see the list of tools"),
                |problem| problem.message,
            );
            Ok(report(failed("ToolUnavailable", &message)))
        };
        if self.ports.tools.find(tool, operation).is_none() {
            return unavailable();
        }
        let scope = self.scope(&assignment.task, parameters).await?;
        let parameters = match template::resolve(parameters, &scope, &template::Limits::default()) {
            Ok(parameters) => parameters,
            Err(error) => return Ok(report(failed("TemplateError", &error.to_string()))),
        };
        // Only now is it known what the call will do: the effect may depend on what a template became.
        let Some(effect) = self.ports.tools.effect_of(tool, operation, &parameters) else {
            return unavailable();
        };
        let workspace = assignment.run.workspace_id;
        let sandbox = match self.ports.sandboxes.folder(workspace, assignment.sandbox.as_deref()) {
            Ok(folder) => folder,
            Err(reason) => return Ok(report(failed("SandboxUnavailable", &reason))),
        };
        let now = self.clock().now();
        let mut artifacts = Vec::new();
        let mut call = ToolCall {
            id: new_id::<ToolCall>(self.ids()).uuid(),
            workspace_id: assignment.run.workspace_id,
            task_id: assignment.task.id,
            span_id: assignment.attempt.span_id,
            trace_id: assignment.run.trace_id,
            tool: tool.to_owned(),
            operation: operation.to_owned(),
            effect,
            idempotency_key: assignment.attempt.idempotency_key.clone(),
            parameters: self.audit_copy(assignment, &parameters, &mut artifacts).await,
            status: CallStatus::Intended,
            result: None,
            error: None,
            started_at: now,
            ended_at: None,
        };
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
            now: now.utc(),
            cancel: cancel.clone(),
        };
        let name = format!("`{tool}.{operation}`");
        let Touched { outcome, files_written, retrieval, script, fate } =
            match self.call_in_time(invocation, cancel).await {
                Some(answer) => outcome_of(answer, effect, &name, now),
                // Nobody knows whether a call took effect that did not even stop when it was told to.
                None => {
                    let silent = ToolFailure { fate: Fate::Unknown, ..self.too_long(&name) };
                    outcome_of(Err(silent), effect, &name, now)
                }
            };
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
        call.ended_at = Some(self.clock().now());
        if journaled {
            let recorded = match &outcome {
                Outcome::Done { result, .. } => Some(Recorded {
                    result: result.clone(),
                    files_written: files_written.clone(),
                    scripts: scripts.clone(),
                }),
                Outcome::Failed { .. }
                | Outcome::GivenUp { .. }
                | Outcome::Released
                | Outcome::Suspended(_)
                | Outcome::LeaseLost { .. } => None,
            };
            retrying(|| self.conclude_call(assignment, &call, recorded.as_ref())).await?;
            return Ok(Report { files_written, artifacts, scripts, retrieval, ..Report::of(outcome) });
        }
        Ok(Report { calls: vec![call], files_written, artifacts, scripts, retrieval, ..Report::of(outcome) })
    }

    /// The results that the parameters speak of. Only completed tasks of the same goal have any; a template that
    /// names another one fails with its name.
    async fn scope(&self, task: &TaskState, parameters: &Value) -> Result<Scope, Error> {
        let mut scope = Scope::new();
        let keys: BTreeSet<String> =
            template::inspect(parameters).holes.into_iter().flat_map(|hole| hole.roots).collect();
        if let Some(goal) = task.goal_id
            && !keys.is_empty()
        {
            let keys: Vec<String> = keys.into_iter().collect();
            for (key, result) in self.ports.queries.results(task.workspace_id, goal, &keys).await? {
                scope.bind_task(key, result);
            }
        }
        Ok(scope)
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

    /// The end of a call is written as soon as it is known, so that a crash before the settlement repeats nothing.
    async fn conclude_call(
        &self,
        assignment: &Assignment,
        call: &ToolCall,
        recorded: Option<&Recorded>,
    ) -> Result<(), Error> {
        let unit = self.ports.transactions.begin().await?;
        unit.executions().conclude(&assignment.lease, call, recorded).await?;
        Ok(unit.commit().await?)
    }

    /// The tool's answer; none if it neither answered in time nor stopped when it was told to.
    async fn call_in_time(
        &self,
        invocation: Invocation,
        cancel: &CancellationToken,
    ) -> Option<Result<Reply, ToolFailure>> {
        let name = format!("`{}.{}`", invocation.tool, invocation.operation);
        let stop = cancel.child_token();
        let mut call = self.ports.tools.call(Invocation { cancel: stop.clone(), ..invocation });
        tokio::select! {
            answer = &mut call => Some(answer),
            () = tokio::time::sleep(self.settings.deadline) => {
                // A tool that obeys is waited for, so that nothing is written after the failure was settled.
                stop.cancel();
                match tokio::time::timeout(OBEY, call).await {
                    Ok(Ok(reply)) => Some(Ok(reply)),
                    // What it left, and whether that is all, it knows best.
                    Ok(Err(failure)) => {
                        let ToolFailure { kind, message, retryable, .. } = self.too_long(&name);
                        Some(Err(ToolFailure { kind, message, retryable, ..failure }))
                    }
                    Err(_) => None,
                }
            }
        }
    }

    /// An audit copy of a value. One that is too large to stand in the record refers to the artifact that holds all of it;
    /// if that cannot be kept, the record says only what it was.
    async fn audit_copy(
        &self,
        assignment: &Assignment,
        value: &Value,
        artifacts: &mut Vec<uuid::Uuid>,
    ) -> Value {
        let mut copy = audit_value(value);
        let Some((text, media_type)) = whole_copy(value, &copy) else { return copy };
        if let Some(artifact) = self.keep(assignment, media_type, &text, artifacts).await {
            copy["artifact_id"] = Value::String(artifact.id.to_string());
            copy["size"] = artifact.size.into();
        }
        copy
    }

    /// What is kept of a script: audit copies of its command and its output, and the whole of what is too long for them.
    async fn script_run(
        &self,
        assignment: &Assignment,
        script: Script,
        started_at: goalwright_domain::Timestamp,
        artifacts: &mut Vec<uuid::Uuid>,
    ) -> ScriptRun {
        let (command_digest, command) = command_copy(&script.command);
        ScriptRun {
            id: new_id::<ScriptRun>(self.ids()).uuid(),
            workspace_id: assignment.run.workspace_id,
            task_id: assignment.task.id,
            span_id: assignment.attempt.span_id,
            trace_id: assignment.run.trace_id,
            command_digest,
            command,
            status: script.status,
            exit_code: script.exit_code,
            stdout: self.output_copy(assignment, &script.stdout, artifacts).await,
            stderr: self.output_copy(assignment, &script.stderr, artifacts).await,
            duration_ms: u64::try_from(script.duration.as_millis()).unwrap_or(u64::MAX),
            started_at,
        }
    }

    async fn output_copy(
        &self,
        assignment: &Assignment,
        text: &str,
        artifacts: &mut Vec<uuid::Uuid>,
    ) -> ScriptOutput {
        let mut copy = ScriptOutput::of(text);
        if ScriptOutput::is_cut(text) {
            let whole = scrub(text);
            let kept = self.keep(assignment, "text/plain; charset=utf-8", &whole, artifacts).await;
            copy.artifact_id = kept.map(|artifact| artifact.id);
        }
        copy
    }

    /// Keeps a text as an artifact; if there is no room for it, that is logged.
    async fn keep(
        &self,
        assignment: &Assignment,
        media_type: &str,
        text: &str,
        artifacts: &mut Vec<uuid::Uuid>,
    ) -> Option<Artifact> {
        let (workspace, span) = (assignment.run.workspace_id, assignment.attempt.span_id);
        let store = crate::artifacts::Artifacts::new(&self.ports);
        match store.keep(workspace, Some(span), media_type, text.as_bytes()).await {
            Ok(artifact) => {
                if !artifacts.contains(&artifact.id) {
                    artifacts.push(artifact.id);
                }
                Some(artifact)
            }
            Err(error) => {
                tracing::warn!(error = %error, cause = ?std::error::Error::source(&error), "an audit copy could not be kept as an artifact");
                None
            }
        }
    }

    fn too_long(&self, name: &str) -> ToolFailure {
        let message = format!("{name} took longer than {} s", self.settings.deadline.as_secs());
        ToolFailure { retryable: true, ..ToolFailure::new("TimedOut", message) }
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
struct Touched {
    outcome: Outcome,
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
fn outcome_of(
    answer: Result<Reply, ToolFailure>,
    effect: Effect,
    name: &str,
    now: goalwright_domain::Timestamp,
) -> Touched {
    match answer {
        Ok(Reply::Done { result, files_written, retrieval, script }) => {
            let outcome = match storable(&result) {
                Ok(()) => Outcome::Done { result, summary: None, partial: false },
                Err(message) => failed("ResultNotStorable", &message),
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

fn for_person(instructions: &str) -> Outcome {
    let wait = Wait { kind: WaitKind::Person, until: None, message: instructions.to_owned() };
    Outcome::Suspended(Suspension { wait, then: Value::Null })
}

fn failed(kind: &str, message: &str) -> Outcome {
    Outcome::Failed { error: ExecutionError::new(kind, message, &[]), retryable: false }
}

fn report(outcome: Outcome) -> Report {
    Report::of(outcome)
}
