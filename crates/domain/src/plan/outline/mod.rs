//! The outline planner: a Markdown checklist read as a plan.
//!
//! The form is that of spec-kit's `tasks.md`: second-level headings are phases, checklist items are
//! tasks (`- [ ] T001 [P] [US1] Title (depends on T000)`), indented lines below a task describe it
//! or say what to run (`use: tool.operation {…}`). The text is read in one pass, ids are resolved,
//! and the order that phases and lists imply is added as long as it contradicts nothing that is
//! written out. Reading costs linear time on any text.

mod action;
mod clause;
mod document;
mod error;
pub(super) mod exported;
mod fields;
mod holes;
mod item;
mod key;
mod mask;
mod naming;
mod order;
mod phase;
mod reader;
mod reference;
mod refusal;
mod section;
mod source;
mod statement;
mod structure;
mod tasks;
mod written;

use std::collections::HashSet;

pub use error::OutlineError;
pub(super) use tasks::fitting;

use super::{Finding, Limits, Plan, PlannedDependency, Severity};
use key::KeyIndex;
use reader::read_lines;
use structure::Structure;
use written::Written;

/// What a text says, and what was noticed while reading it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// The plan. Its tasks have keys, unless an export says otherwise; its dependencies may still form a cycle if the text
    /// writes one out, which [`validate`](super::validate()) reports.
    pub plan: Plan,
    /// Warnings and choices, sorted by line.
    pub findings: Vec<Finding>,
}

/// Reads a Markdown plan.
///
/// # Errors
///
/// [`OutlineError`]: the text is larger than `limits` allow, or is no plan, or has mistakes that leave
/// its meaning open (`invalid_action`, `second_action`, `action_without_task`, `duplicate_id`,
/// `self_dependency`). All mistakes are reported at once.
pub fn read_outline(text: &str, limits: &Limits) -> Result<Outline, OutlineError> {
    if text.len() > limits.max_bytes {
        let (bytes, limit) = (text.len(), limits.max_bytes);
        return Err(OutlineError::TooLarge { bytes, limit });
    }
    refusal::refuse_foreign(text)?;
    let (front_title, lines) = source::split_front_matter(text);
    let mut document = read_lines(&lines);
    if document.items.is_empty() {
        return Err(refusal::explain(text, &lines, &document.headings));
    }
    let title = front_title.or(document.title.take());
    let (headings, bullets) = (document.headings, document.statements);
    let mut findings = document.findings;
    let mut chosen = tasks::choose(document.items, &headings, &mut findings);
    if chosen.tasks.len() > limits.max_tasks {
        let (tasks, limit) = (chosen.tasks.len(), limits.max_tasks);
        return Err(OutlineError::TooManyTasks { tasks, limit });
    }
    let mut dependencies = written_out(&chosen, limits, &mut findings)?;
    refuse_errors(&mut findings)?;

    let of_tasks = section::phase_headings(&headings, &chosen.headings);
    let phases = phase::phases(&headings, &of_tasks);
    tasks::number_phases(&mut chosen.tasks, &of_tasks);
    let stated = statement::read(&bullets, &phases, &mut findings);
    let waits_for = order::phases_waited_for(&phases, &stated, &mut findings);
    let structure = Structure::new(&chosen.tasks, &phases, &dependencies);
    dependencies.extend(structure.build(&waits_for, limits, &mut findings)?);
    dependencies.sort_unstable_by_key(|edge| (edge.from_index, edge.to_index));

    findings.sort_by_key(|finding| finding.line);
    let plan = Plan { title, goal: None, tasks: chosen.tasks, dependencies };
    Ok(Outline { plan, findings })
}

/// Explicit and inferred dependencies. A self-dependency is a finding, a cycle is none yet.
fn written_out(
    chosen: &tasks::Chosen,
    limits: &Limits,
    findings: &mut Vec<Finding>,
) -> Result<Vec<PlannedDependency>, OutlineError> {
    let names: Vec<String> = chosen.tasks.iter().filter_map(|task| task.key.clone()).collect();
    let keys = KeyIndex::new(names.iter().map(String::as_str));
    let mut written = Written { keys: &keys, names: &names, findings, edges: Vec::new() };
    let edges = chosen.references.iter().map(|references| written.count(references)).sum();
    if edges > limits.max_edges {
        let limit = limits.max_edges;
        return Err(OutlineError::TooManyEdges { edges, limit, between: None });
    }
    for (index, task) in chosen.tasks.iter().enumerate() {
        let first = written.edges.len();
        written.add_explicit(index, &chosen.references[index]);
        if let Some(action) = &task.action {
            let known: HashSet<usize> = written.edges[first..].iter().map(|edge| edge.to_index).collect();
            written.add_inferred(index, action, &known);
        }
    }
    Ok(written.edges)
}

fn refuse_errors(findings: &mut Vec<Finding>) -> Result<(), OutlineError> {
    if findings.iter().all(|finding| finding.severity != Severity::Error) {
        return Ok(());
    }
    findings.retain(|finding| finding.severity == Severity::Error);
    findings.sort_by_key(|finding| finding.line);
    Err(OutlineError::Invalid(std::mem::take(findings)))
}
