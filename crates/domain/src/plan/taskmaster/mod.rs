//! Task Master's `tasks.json`, in the forms it has had: tags at the root, a `tasks` list at the root
//! with or without `meta`, or the bare list.
//!
//! Tasks and subtasks become tasks of one plan, a parent before its parts. A subtask's key is that of
//! its parent, a point and its own id (`1.2`), unless it is written in full. With several tags, the keys
//! of all but the main one (`master`, else the first) begin with the tag and a colon.
//!
//! `dependencies` are explicit edges. Structural ones say that a task is finished when its parts are,
//! and that a part waits for what its parent waits for, unless that contradicts what is written out.

mod field;
mod foreign;
mod node;
mod reference;
mod root;
mod structure;
mod words;

use crate::plan::{Finding, Limits, Outline, OutlineError, Plan, Severity};

/// Reads a `tasks.json`.
///
/// # Errors
///
/// As [`read_plan`](crate::plan::read_plan()) states them.
pub(super) fn read_tasks(text: &str, limits: &Limits) -> Result<Outline, OutlineError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let node = node::parse(text).map_err(|error| foreign::unreadable(text, &error))?;
    let root = root::read(&node)?;
    let mut findings = root.findings;
    let entries = field::read_all(&root.tags, &mut findings);
    if entries.len() > limits.max_tasks {
        let (tasks, limit) = (entries.len(), limits.max_tasks);
        return Err(OutlineError::TooManyTasks { tasks, limit });
    }
    let mut dependencies = reference::resolve(&entries, &mut findings);
    refuse_errors(&mut findings)?;
    if entries.is_empty() {
        return Err(foreign::refuse(&node, "the file has no tasks".to_owned()));
    }
    structure::check_size(&entries, &dependencies, limits)?;
    structure::add(&entries, &mut dependencies, &mut findings);
    dependencies.sort_unstable_by_key(|edge| (edge.from_index, edge.to_index));
    findings.sort_by_key(|finding| finding.line);
    let tasks = entries.into_iter().map(|entry| entry.task).collect();
    Ok(Outline { plan: Plan { title: root.title, goal: None, tasks, dependencies }, findings })
}

fn refuse_errors(findings: &mut Vec<Finding>) -> Result<(), OutlineError> {
    if findings.iter().all(|finding| finding.severity != Severity::Error) {
        return Ok(());
    }
    findings.retain(|finding| finding.severity == Severity::Error);
    findings.sort_by_key(|finding| finding.line);
    Err(OutlineError::Invalid(std::mem::take(findings)))
}
