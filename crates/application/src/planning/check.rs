//! What can be known about a plan's tool calls before any of them runs.

use std::collections::HashMap;

use goalwright_domain::Violation;
use goalwright_domain::plan::{Finding, Plan, PlannedAction, PlannedTask, Severity};
use goalwright_domain::template::{Reference, inspect};

use super::on_line;
use crate::ports::Tools;

/// Unknown tools, parameters that do not fit, references to tasks that are not in the plan or are done already, and
/// paths that a result cannot have. What is merely odd is added to `findings`.
pub(crate) fn actions(plan: &Plan, tools: &dyn Tools, findings: &mut Vec<Finding>) -> Vec<Violation> {
    let by_key: HashMap<&str, &PlannedTask> =
        plan.tasks.iter().filter_map(|task| task.key.as_deref().map(|key| (key, task))).collect();
    let mut violations = Vec::new();
    for (index, task) in plan.tasks.iter().enumerate() {
        let Some(action) = &task.action else { continue };
        let at = |path: &str| format!("tasks[{index}].use.{path}");
        for problem in tools.check(&action.tool, &action.operation, &action.parameters) {
            // Named in the words as well, since the command line shows nothing else.
            let named = match problem.path.strip_prefix("parameters.") {
                Some(name) if !problem.message.contains(name) => format!("`{name}`: {}", problem.message),
                _ => problem.message,
            };
            violations.push(Violation::new(at(&problem.path), problem.code, on_line(action.line, &named)));
        }
        let inspection = inspect(&action.parameters);
        for (path, reference) in inspection.references() {
            if let Some((code, message)) = reference_problem(reference, task, &by_key, tools) {
                violations.push(Violation::new(at(path), code, on_line(action.line, &message)));
            }
        }
        findings.extend(inspection.warnings.into_iter().map(|warning| Finding {
            severity: Severity::Warning,
            code: warning.code.into(),
            line: action.line,
            message: format!("{}: {}", warning.path, warning.message),
        }));
    }
    findings.sort_by_key(|finding| finding.line);
    violations
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
