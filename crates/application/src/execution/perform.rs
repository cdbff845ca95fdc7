use std::collections::BTreeSet;

use goalwright_domain::Timestamp;
use goalwright_domain::agent::AgentKind;
use goalwright_domain::execution::{Action, Outcome, Recorded, Suspension, Wait, WaitKind};
use goalwright_domain::task::TaskState;
use goalwright_domain::template::{self, Scope};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::make::{Made, Wanted};
use super::readiness::{is_for_model, unavailable};
use super::{Assignment, Kernel, Report};
use crate::Error;
use crate::ports::ToolCall;
use crate::ports::telemetry::{Performed, span_id};
use crate::retrying::retrying;

impl Kernel {
    /// Does the work of an attempt: resolves its parameters, notes what it is about to do, does it, and collects
    /// what came of it. Whatever goes wrong in the work is an outcome.
    ///
    /// # Errors
    /// Only if storage does not answer or the lease is lost while the work was being noted: then there is no outcome
    /// to settle, and the lease runs out.
    // At the highest level, so that whatever is logged has the ids, however little that is.
    #[tracing::instrument(name = "execution.perform", level = "error", skip_all, fields(
        task.slug = %assignment.task.slug,
        trace_id = %assignment.run.trace_id.simple(),
        span_id = format_args!("{:016x}", span_id(assignment.attempt.span_id)),
    ))]
    pub async fn perform(
        &self,
        assignment: &Assignment,
        cancel: &CancellationToken,
    ) -> Result<Report, Error> {
        let begun_at = self.clock().now();
        let report = self.act(assignment, begun_at, cancel).await?;
        let without_call = Performed { claimed_at: assignment.claimed_at, begun_at, called: None };
        Ok(Report { performed: report.performed.or(Some(without_call)), ..report })
    }

    async fn act(
        &self,
        assignment: &Assignment,
        begun_at: Timestamp,
        cancel: &CancellationToken,
    ) -> Result<Report, Error> {
        let is_for_model = is_for_model(&assignment.task, assignment.run.performer);
        if let Some(suspension) = &assignment.resumed
            && suspension.wait.kind == WaitKind::Time
            && !is_for_model
        {
            return Ok(Report::of(Outcome::Done {
                result: suspension.then.clone(),
                summary: None,
                partial: false,
            }));
        }
        if assignment.resumed.is_none()
            && let Some(outcome) = self.in_the_way(assignment)
        {
            return Ok(Report::of(outcome));
        }
        if is_for_model {
            return self.orchestrate(assignment, begun_at, cancel).await;
        }
        match &assignment.task.action {
            Some(Action::Tool { tool, operation, parameters }) => {
                self.call(assignment, begun_at, (tool, operation), parameters, cancel).await
            }
            Some(Action::Human { instructions }) => Ok(Report::of(for_person(instructions))),
            None if assignment.run.performer == AgentKind::Human => {
                let task = &assignment.task;
                let words = if task.description.is_empty() { &task.title } else { &task.description };
                Ok(Report::of(for_person(words)))
            }
            None | Some(Action::Orchestrated { .. } | Action::External) => Ok(Report::of(Outcome::failed(
                "AgentUnavailable",
                "this process has nobody who can do this kind of work; assign the task to another agent",
            ))),
        }
    }

    async fn call(
        &self,
        assignment: &Assignment,
        begun_at: Timestamp,
        (tool, operation): (&str, &str),
        parameters: &Value,
        cancel: &CancellationToken,
    ) -> Result<Report, Error> {
        let scope = self.scope(&assignment.task, parameters).await?;
        let parameters = match template::resolve(parameters, &scope, &template::Limits::default()) {
            Ok(parameters) => parameters,
            Err(error) => return Ok(Report::of(Outcome::failed("TemplateError", &error.to_string()))),
        };
        // Only now is it known what the call will do: the effect may depend on what a template became.
        let Some(effect) = self.ports.tools.effect_of(tool, operation, &parameters) else {
            let message = unavailable(&*self.ports.tools, tool, operation);
            return Ok(Report::of(Outcome::failed("ToolUnavailable", &message.unwrap_or_default())));
        };
        let workspace = assignment.run.workspace_id;
        let sandbox = match self.ports.sandboxes.folder(workspace, assignment.sandbox.as_deref()) {
            Ok(folder) => folder,
            Err(reason) => return Ok(Report::of(Outcome::failed("SandboxUnavailable", &reason))),
        };
        let wanted = Wanted {
            tool,
            operation,
            parameters,
            effect,
            sandbox,
            key: assignment.attempt.idempotency_key.clone(),
        };
        let made = self.make(assignment, wanted, cancel).await?;
        let Made { call, outcome, files_written, artifacts, scripts, retrieval, called, journaled } = made;
        let performed = Some(Performed { claimed_at: assignment.claimed_at, begun_at, called: Some(called) });
        let mut calls = Vec::new();
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
        } else {
            calls.push(call);
        }
        Ok(Report { calls, files_written, artifacts, scripts, retrieval, performed, ..Report::of(outcome) })
    }

    /// The results that the parameters speak of. Only completed tasks of the same goal have any; a template that
    /// names another one fails with its name.
    pub(super) async fn scope(&self, task: &TaskState, parameters: &Value) -> Result<Scope, Error> {
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
}

fn for_person(instructions: &str) -> Outcome {
    let wait = Wait { kind: WaitKind::Person, until: None, message: instructions.to_owned() };
    Outcome::Suspended(Suspension { wait, then: Value::Null })
}
