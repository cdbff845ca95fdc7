//! The outline planner: a Markdown checklist read as a plan.
//!
//! The form is that of spec-kit's `tasks.md`: second-level headings are phases, checklist items are
//! tasks (`- [ ] T001 [P] [US1] Title (depends on T000)`), indented lines below a task describe it
//! or say what to run (`use: tool.operation {…}`). A heading that begins with an id is a task as well
//! (`### T002 [P]: ✅ Title`), and all up to the next heading describes it.
//!
//! Who waits for whom is read from titles, sub-lines, and lines of no task that name both sides:
//! phrases in several languages, arrows, tables. Notes, examples, summaries, strategies and code
//! state nothing. The text is read in one pass, ids are resolved, the order that phases and lists
//! imply is added as long as it contradicts nothing that is written out, and tasks that name the same
//! file follow each other where nothing else orders them. Reading costs linear time on any text.

mod action;
mod clause;
mod code_span;
mod document;
mod error;
pub(super) mod exported;
mod fields;
mod files;
mod foreign;
mod heading_task;
mod holes;
mod item;
mod key;
mod lists;
mod mask;
mod naming;
mod order;
mod phase;
mod phrases;
mod purpose;
mod reader;
mod reference;
mod refusal;
mod relation;
mod repetition;
mod roles;
mod same_file;
mod section;
mod sentence;
mod source;
mod state;
mod statement;
mod structure;
mod table;
mod tasks;
mod unspaced;
mod wording;
mod written;

pub use error::OutlineError;
pub(super) use tasks::fitting;

use super::{Finding, Limits, Plan, PlannedDependency, Severity};
use key::KeyIndex;
use reader::read_lines;
use relation::Relation;
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
    let mut dependencies = written_out(&chosen, &document.relations, limits, &mut findings)?;
    refuse_errors(&mut findings)?;

    let of_tasks = section::phase_headings(&headings, &chosen.headings);
    let phases = phase::phases(&headings, &of_tasks);
    tasks::number_phases(&mut chosen.tasks, &of_tasks);
    let stated = statement::read(&bullets, &phases, &mut findings);
    let waits_for = order::phases_waited_for(&phases, &stated, &mut findings);
    let structure = Structure::new(&chosen.tasks, &phases, &dependencies);
    dependencies.extend(structure.build(&waits_for, limits, &mut findings)?);
    let spare = limits.max_edges.saturating_sub(dependencies.len());
    same_file::infer(&chosen.tasks, &mut dependencies, spare, &mut findings);
    dependencies.sort_unstable_by_key(|edge| (edge.from_index, edge.to_index));

    findings.sort_by_key(|finding| finding.line);
    let plan = Plan { title, goal: None, tasks: chosen.tasks, dependencies };
    Ok(Outline { plan, findings })
}

/// Explicit and inferred dependencies. A self-dependency is a finding, a cycle is none yet.
fn written_out(
    chosen: &tasks::Chosen,
    relations: &[(Relation, u32)],
    limits: &Limits,
    findings: &mut Vec<Finding>,
) -> Result<Vec<PlannedDependency>, OutlineError> {
    let names: Vec<String> = chosen.tasks.iter().filter_map(|task| task.key.clone()).collect();
    let keys = KeyIndex::new(names.iter().map(String::as_str));
    let mut written = Written { keys: &keys, names: &names, findings, edges: Vec::new() };
    let edges = chosen.references.iter().map(|references| written.count(references)).sum();
    let too_many = |edges| OutlineError::TooManyEdges { edges, limit: limits.max_edges, between: None };
    if edges > limits.max_edges {
        return Err(too_many(edges));
    }
    for (index, references) in chosen.references.iter().enumerate() {
        written.add_explicit(index, references);
    }
    // Lines repeat each other in such sections; only what is left of them counts.
    let most = limits.max_edges.saturating_mul(4);
    let pairs = written.related(relations, &chosen.blocks, most).map_err(too_many)?;
    written.add_related(pairs);
    if written.edges.len() > limits.max_edges {
        return Err(too_many(written.edges.len()));
    }
    written.report_contradictions();
    written.add_inferred(&chosen.tasks);
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
