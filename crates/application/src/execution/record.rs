//! What is written of ended attempts: their calls, their experiences, and the rows themselves.

use std::collections::{BTreeMap, HashMap};

use goalwright_domain::Timestamp;
use goalwright_domain::agent::AgentKind;
use goalwright_domain::execution::{Decision, Entry, ExecutionError, Outcome, RunId, RunStatus, SpanId};
use goalwright_domain::experience::{
    Execution, Experience, Io, Runner, result_text, short, task_execution, without_secrets,
};
use goalwright_domain::task::{Task, TaskId};

use super::orchestrate::of_entries;
use super::{Ended, Report};
use crate::Error;
use crate::ports::{Ids, UnitOfWork};

/// Writes calls, experiences, attempts and runs.
pub(super) async fn write_executions(
    unit: &dyn UnitOfWork,
    ids: &dyn Ids,
    runner: &Runner,
    tasks: &BTreeMap<TaskId, Task>,
    mut decided: Vec<(Ended, Decision)>,
    now: Timestamp,
) -> Result<(), Error> {
    recall(unit, &mut decided).await?;
    let calls: Vec<_> =
        decided.iter_mut().flat_map(|(ended, _)| std::mem::take(&mut ended.report.calls)).collect();
    let scripts: Vec<_> = decided.iter().flat_map(|(ended, _)| ended.report.scripts.clone()).collect();
    let mut call_ids: HashMap<SpanId, Vec<String>> = HashMap::new();
    for call in &calls {
        call_ids.entry(call.span_id).or_default().push(call.id.to_string());
    }
    // An attempt either wrote its call before it made it, or brings it along; a model makes calls of both kinds.
    let over = decided.iter().filter(|(ended, _)| ended.attempt.status.is_over());
    let over: Vec<SpanId> = over
        .filter(|(ended, _)| {
            ended.run.performer == AgentKind::Llm || !call_ids.contains_key(&ended.attempt.span_id)
        })
        .map(|(ended, _)| ended.attempt.span_id)
        .collect();
    let over_tasks: Vec<TaskId> = decided.iter().map(|(ended, _)| ended.run.task_id).collect();
    for (span, id) in unit.executions().call_ids(&over).await? {
        call_ids.entry(span).or_default().push(id.to_string());
    }
    let mut causes: HashMap<TaskId, Vec<String>> = HashMap::new();
    for (task, experience) in unit.executions().causes(&over_tasks).await? {
        causes.entry(task).or_default().push(experience);
    }

    let mut experiences: Vec<Experience> = Vec::new();
    for (ended, decision) in decided.iter().filter(|(ended, _)| ended.attempt.status.is_over()) {
        let Some(task) = tasks.get(&ended.run.task_id) else { continue };
        let goal = task.state().goal_id.map(|goal| goal.to_string());
        let earlier = causes.get(&ended.run.task_id).cloned().unwrap_or_default();
        experiences.push(task_execution(Execution {
            task: task.state(),
            config_digest: task.config_digest(),
            run: &ended.run,
            attempt: &ended.attempt,
            text: text_of(&ended.report.outcome, decision.attempt.error.as_ref()),
            io: Io {
                files_written: ended.report.files_written.clone(),
                tool_calls: call_ids.remove(&ended.attempt.span_id).unwrap_or_default(),
                artifact_ids: ended.report.artifacts.iter().map(ToString::to_string).collect(),
                script_runs: ended.report.scripts.iter().map(|script| script.id.to_string()).collect(),
            },
            retrieval: ended.report.retrieval.clone().unwrap_or_default(),
            causes: goal.into_iter().chain(earlier).collect(),
            runner,
            manual: ended.manual,
            short: &short(ids.random()),
        }));
    }
    let ended = dialogues_that_end(&decided);
    if !ended.is_empty() {
        unit.executions().end_dialogues(&ended).await?;
    }
    let mut written = unit.experiences().append(&experiences).await?.into_iter();
    let (mut new, mut attempts, mut runs) = (Vec::new(), Vec::new(), Vec::new());
    for (mut ended, _) in decided {
        if ended.attempt.status.is_over() {
            ended.attempt.experience_id = written.next();
        }
        if ended.unwritten { &mut new } else { &mut attempts }.push(ended.attempt);
        ended.run.updated_at = now;
        runs.push(ended.run);
    }
    unit.executions().insert_calls(&calls).await?;
    if !scripts.is_empty() {
        unit.executions().insert_scripts(&scripts).await?;
    }
    unit.executions().insert_attempts(&new).await?;
    unit.executions().save_attempts(&attempts).await?;
    unit.executions().save_runs(&runs).await?;
    Ok(())
}

/// The dialogues that led to a result. One that did not goes on when somebody has its task tried again.
fn dialogues_that_end(decided: &[(Ended, Decision)]) -> Vec<RunId> {
    decided
        .iter()
        .filter(|(ended, _)| ended.run.performer == AgentKind::Llm)
        .filter(|(ended, _)| matches!(ended.run.status, RunStatus::Succeeded | RunStatus::Cancelled))
        .map(|(ended, _)| ended.run.id)
        .collect()
}

/// What an attempt of a model touched that somebody else ended, because its worker vanished or because it waited: its dialogue
/// knows.
async fn recall(unit: &dyn UnitOfWork, decided: &mut [(Ended, Decision)]) -> Result<(), Error> {
    let by_others = decided.iter_mut().filter(|(ended, _)| {
        let lost = matches!(ended.report.outcome, Outcome::LeaseLost { .. } | Outcome::GivenUp { .. });
        ended.run.performer == AgentKind::Llm && ended.attempt.status.is_over() && (lost || ended.manual)
    });
    for (ended, _) in by_others {
        let said = unit.executions().dialogue(ended.run.id).await?;
        let own = said.iter().filter(|(span, entry)| {
            // All of its attempts are given what it began with.
            *span == ended.attempt.span_id || matches!(entry, Entry::Opening(_))
        });
        let Report { files_written, artifacts, scripts, retrieval, .. } =
            of_entries(own.map(|(_, entry)| entry));
        ended.report.files_written.extend(files_written);
        ended.report.artifacts.extend(artifacts);
        ended.report.scripts.extend(scripts);
        if ended.report.retrieval.is_none() {
            ended.report.retrieval = retrieval;
        }
    }
    Ok(())
}

fn text_of(outcome: &Outcome, error: Option<&ExecutionError>) -> String {
    match outcome {
        Outcome::Done { summary: Some(summary), .. } => summary.clone(),
        Outcome::Done { result, .. } => result_text(&without_secrets(result)),
        Outcome::Failed { .. }
        | Outcome::GivenUp { .. }
        | Outcome::Released
        | Outcome::Suspended(_)
        | Outcome::LeaseLost { .. } => error.map(|error| error.message.clone()).unwrap_or_default(),
    }
}
