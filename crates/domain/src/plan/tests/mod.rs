//! Tests of the plan room as its users see it.

mod drawn;
mod edited;
mod expansion;
mod export;
mod fixtures;
mod graph;
mod guide;
mod notations;
mod outline;
mod peculiar;
mod properties;
mod refusals;
mod same_file;
mod scripts;
mod statements;
mod structure;
mod taskmaster;
mod update;
mod validation;

use crate::plan::{Limits, Origin, Outline, OutlineError, Plan, read_outline};

/// Reads a plan that has to be readable.
fn read(text: &str) -> Outline {
    read_outline(text, &Limits::IMPORT).expect("the text is a plan")
}

/// Why a text is refused.
fn refusal(text: &str) -> OutlineError {
    read_outline(text, &Limits::IMPORT).expect_err("the text is refused")
}

/// Edges of one origin as `T003<T001`: T003 waits for T001.
fn edges(plan: &Plan, origin: Origin) -> String {
    let of_origin = plan.dependencies.iter().filter(|edge| edge.origin == origin);
    let edges: Vec<String> = of_origin
        .map(|edge| format!("{}<{}", plan.name_of(edge.from_index), plan.name_of(edge.to_index)))
        .collect();
    edges.join(" ")
}

/// Codes and lines of the findings, `unknown_dependency@3`.
fn findings(outline: &Outline) -> String {
    codes(&outline.findings)
}

fn codes(findings: &[crate::plan::Finding]) -> String {
    let codes: Vec<String> =
        findings.iter().map(|finding| format!("{}@{}", finding.code, finding.line.unwrap_or(0))).collect();
    codes.join(" ")
}
