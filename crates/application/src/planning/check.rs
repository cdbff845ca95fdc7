//! What can be known about a plan's tool calls before any of them runs.

use std::collections::{BTreeSet, HashMap};

use goalwright_domain::Violation;
use goalwright_domain::agent::Agent;
use goalwright_domain::plan::{Finding, Plan, PlannedAction, PlannedTask, Severity};
use goalwright_domain::task::GENERAL;
use goalwright_domain::template::{Reference, inspect};

use super::on_line;
use crate::ports::Tools;

/// Unknown tools, parameters that do not fit, references to tasks that are not in the plan or are done already, and
/// paths that a result cannot have. What is merely odd is added to `findings`.
pub(crate) fn actions(plan: &Plan, tools: &dyn Tools, findings: &mut Vec<Finding>) -> Vec<Violation> {
    let mut violations = calls(plan, tools, findings);
    violations.extend(references(plan, &[], tools));
    violations
}

/// The same, but of a plan that breaks a task further down, whose references are checked when its tasks have their names.
pub(crate) fn calls(plan: &Plan, tools: &dyn Tools, findings: &mut Vec<Finding>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (index, task) in plan.tasks.iter().enumerate() {
        let Some(action) = &task.action else { continue };
        for problem in tools.check(&action.tool, &action.operation, &action.parameters) {
            // Named in the words as well, since the command line shows nothing else.
            let named = match problem.path.strip_prefix("parameters.") {
                Some(name) if !problem.message.contains(name) => format!("`{name}`: {}", problem.message),
                _ => problem.message,
            };
            violations.push(Violation::new(
                at(index, &problem.path),
                problem.code,
                on_line(action.line, &named),
            ));
        }
        findings.extend(inspect(&action.parameters).warnings.into_iter().map(|warning| Finding {
            severity: Severity::Warning,
            code: warning.code.into(),
            line: action.line,
            message: format!("{}: {}", warning.path, warning.message),
        }));
    }
    findings.sort_by_key(|finding| finding.line);
    violations
}

/// Adds to the findings which types of work no active agent is meant for, each once: `unknown_task_type`. Whoever takes anything
/// does it, or nobody. Tasks that say how they are done need nobody who is meant for their type.
pub(crate) fn types(plan: &Plan, agents: &[Agent], findings: &mut Vec<Finding>) {
    let mut known: BTreeSet<&str> =
        agents.iter().flat_map(|agent| &agent.state().capabilities).map(String::as_str).collect();
    known.insert(GENERAL);
    let mut told = BTreeSet::new();
    for task in plan.tasks.iter().filter(|task| task.action().is_none() && !task.done && !task.dropped) {
        let Some(wanted) = task.task_type.as_deref().filter(|wanted| !wanted.is_empty()) else { continue };
        if known.contains(wanted) || !told.insert(wanted) {
            continue;
        }
        let names = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let finding = Finding {
            severity: Severity::Warning,
            code: "unknown_task_type".into(),
            line: task.line,
            message: format!(
                "no active agent is meant for `{wanted}`, so the default agent does it, or nobody; the types that are known here \
                 are {names}"
            ),
        };
        // A proposal that is applied has it already.
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings.sort_by_key(|finding| finding.line);
}

/// What is wrong with what tasks of the plan read. Besides results of each other they may read those of `others`.
pub(crate) fn references(plan: &Plan, others: &[&PlannedTask], tools: &dyn Tools) -> Vec<Violation> {
    let readable = others.iter().copied().chain(&plan.tasks);
    let by_key: HashMap<&str, &PlannedTask> =
        readable.filter_map(|task| task.key.as_deref().map(|key| (key, task))).collect();
    let mut violations = Vec::new();
    for (index, task) in plan.tasks.iter().enumerate() {
        let Some(action) = &task.action else { continue };
        for (path, reference) in inspect(&action.parameters).references() {
            if let Some((code, message)) = reference_problem(reference, task, &by_key, tools) {
                violations.push(Violation::new(at(index, path), code, on_line(action.line, &message)));
            }
        }
    }
    violations
}

fn at(index: usize, path: &str) -> String {
    format!("tasks[{index}].use.{path}")
}

fn reference_problem(
    reference: &Reference,
    from: &PlannedTask,
    by_key: &HashMap<&str, &PlannedTask>,
    tools: &dyn Tools,
) -> Option<(&'static str, String)> {
    let root = &reference.root;
    let Some(task) = by_key.get(root.as_str()) else {
        return Some((
            "unknown_reference",
            format!("`{root}` is no task of this plan; results are read by the task's id"),
        ));
    };
    if from.key.as_deref() == Some(root) {
        return Some(("self_reference", format!("`{root}` reads its own result")));
    }
    if task.done && !from.done && !reference.guarded {
        let message = format!("`{root}` is ticked off in the plan, so it has no result that could be read");
        return Some(("no_result", message));
    }
    let PlannedAction { tool, operation, .. } = task.action.as_ref()?;
    if reference.guarded {
        return None;
    }
    tools
        .check_result_path(tool, operation, &reference.attributes)
        .map(|message| ("unknown_path", format!("`{root}`: {message}")))
}
