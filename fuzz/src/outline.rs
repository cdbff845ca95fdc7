//! The reader of Markdown plans.

use std::collections::HashSet;

use goalwright_domain::plan::{
    Finding, Limits, Origin, Outline, OutlineError, Plan, Severity, plan_hash, read_outline, validate,
};

use crate::{cost, is_code};

/// Reads the text, and checks what was made of it.
///
/// # Panics
/// If a law is broken.
pub fn check(text: &str) {
    let read = cost::bounded(text.len(), || read_outline(text, &Limits::IMPORT));
    assert_eq!(read, read_outline(text, &Limits::IMPORT), "the same text is read in the same way");
    check_read(text, &read);
    if let Ok(outline) = read {
        let tasks = outline.plan.tasks;
        assert!(!tasks.is_empty(), "a text without tasks is refused");
        assert!(tasks.iter().all(|task| task.key.is_some()), "every task has a key");
    }
}

/// What holds for whatever a reader of plans makes of a text.
///
/// # Panics
/// If it does not.
pub fn check_read(text: &str, read: &Result<Outline, OutlineError>) {
    let lines = u32::try_from(text.split('\n').count()).unwrap_or(u32::MAX);
    match read {
        Ok(Outline { plan, findings }) => {
            check_findings(findings, lines);
            let accepted = findings.iter().all(|finding| finding.severity != Severity::Error);
            assert!(accepted, "a plan that was taken has no errors: {findings:?}");
            check_tasks(plan, lines);
            check_edges(plan, lines);
            check_plan(plan);
        }
        Err(error) => check_refusal(error, lines),
    }
}

fn check_findings(findings: &[Finding], lines: u32) {
    assert!(findings.is_sorted_by_key(|finding| finding.line), "findings are sorted by line: {findings:?}");
    for finding in findings {
        check_line(finding.line, lines);
        assert!(is_code(&finding.code), "{finding:?}");
        assert!(!finding.message.trim().is_empty(), "{finding:?}");
    }
}

fn check_line(line: Option<u32>, lines: u32) {
    let inside = line.is_none_or(|line| (1..=lines).contains(&line));
    assert!(inside, "line {line:?} of a text of {lines} lines");
}

fn check_tasks(plan: &Plan, lines: u32) {
    assert!(plan.tasks.len() <= Limits::IMPORT.max_tasks, "{} tasks", plan.tasks.len());
    let mut keys = HashSet::new();
    let mut phases = 0;
    for task in &plan.tasks {
        assert!(task.key.as_ref().is_none_or(|key| keys.insert(key)), "{:?} is there twice", task.key);
        assert!(task.line.is_some(), "{task:?} stands on a line");
        check_line(task.line, lines);
        check_line(task.action.as_ref().and_then(|action| action.line), lines);
        if let Some(phase) = task.phase {
            assert!(phase <= phases, "phases are counted without gaps: {phase} after {phases} phases");
            phases = phases.max(phase + 1);
        }
    }
}

fn check_edges(plan: &Plan, lines: u32) {
    assert!(plan.dependencies.len() <= Limits::IMPORT.max_edges, "{} edges", plan.dependencies.len());
    let ends: Vec<(usize, usize)> =
        plan.dependencies.iter().map(|edge| (edge.from_index, edge.to_index)).collect();
    assert!(ends.is_sorted_by(|a, b| a < b), "edges are sorted, and each is there once: {ends:?}");
    for edge in &plan.dependencies {
        assert!(edge.from_index < plan.tasks.len() && edge.to_index < plan.tasks.len(), "{edge:?}");
        assert_ne!(edge.from_index, edge.to_index, "no task waits for itself");
        assert!(
            edge.origin != Origin::Explicit || edge.line.is_some(),
            "who wrote an edge out wrote it somewhere"
        );
        check_line(edge.line, lines);
    }
}

fn check_plan(plan: &Plan) {
    // A text may write a cycle out, and titles of any length; what else `validate` refuses, a reader refuses first.
    let problems = validate(plan, &Limits::IMPORT).err().unwrap_or_default();
    let (cycles, others): (Vec<_>, Vec<_>) =
        problems.into_iter().partition(|problem| problem.code == "dependency_cycle");
    let of_titles = others.iter().all(|problem| matches!(problem.code, "empty_title" | "title_too_long"));
    assert!(of_titles, "{others:?}");
    let mut written_out = plan.clone();
    written_out.dependencies.retain(|edge| edge.origin != Origin::Structural);
    let written = validate(&written_out, &Limits::IMPORT).err().unwrap_or_default();
    let circular = written.iter().any(|problem| problem.code == "dependency_cycle");
    assert!(cycles.is_empty() || circular, "what the order implies makes no cycle: {cycles:?}");

    let json = serde_json::to_value(plan).expect("a plan is JSON");
    let again: Plan = serde_json::from_value(json.clone()).expect("the JSON of a plan is a plan");
    assert_eq!(serde_json::to_value(&again).ok(), Some(json), "a plan that was stored is the same plan");
    assert_eq!(plan_hash(&again), plan_hash(plan));
}

fn check_refusal(error: &OutlineError, lines: u32) {
    assert!(is_code(error.code()), "{error:?}");
    assert!(!error.to_string().trim().is_empty(), "{error:?}");
    match error {
        OutlineError::NotAPlan { line, expected, .. } => {
            check_line(*line, lines);
            assert!(!expected.trim().is_empty(), "a refusal says what is expected");
        }
        OutlineError::Invalid(findings) => {
            assert!(!findings.is_empty(), "an invalid plan has mistakes");
            check_findings(findings, lines);
            assert!(findings.iter().all(|finding| finding.severity == Severity::Error), "{findings:?}");
        }
        OutlineError::TooLarge { bytes: size, limit }
        | OutlineError::TooManyTasks { tasks: size, limit }
        | OutlineError::TooManyEdges { edges: size, limit, .. } => assert!(size > limit, "{size} of {limit}"),
    }
}
