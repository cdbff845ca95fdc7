//! Reading back what [`write_plan`](crate::plan::write_plan()) wrote, and what people changed in it.
//!
//! Such a file says `goalwright: 1` in its front matter. It states every dependency, so nothing is
//! added from the order of its lines. A title, key or description in double quotes is a JSON string.

mod block;
mod field;
mod head;
mod line;
mod plain;
mod resolve;
mod rules;

use super::source::Line;
use super::{Outline, OutlineError, refuse_errors};
use crate::plan::{Limits, Plan, PlannedGoal, PlannedTask};

use block::read_block;
use head::{Front, Head};

const EXPECTED: &str = "an exported plan with `goalwright: 1` in its front matter and a heading `## Tasks`";

/// Whether a text says that it is an exported plan.
pub(in crate::plan) fn is_exported(text: &str) -> bool {
    Front::read(&lines(text)).is_some_and(|(front, _)| front.version.is_some())
}

/// Reads an exported plan.
///
/// # Errors
///
/// As [`read_plan`](crate::plan::read_plan()) states them.
pub(in crate::plan) fn read_exported(text: &str, limits: &Limits) -> Result<Outline, OutlineError> {
    let lines = lines(text);
    let (front, rest) = Front::read(&lines).ok_or_else(|| not_a_plan(None, "the front matter is missing"))?;
    if front.version.as_deref() != Some("1") {
        let found = "the front matter names another version; update Goalwright, or export again";
        return Err(not_a_plan(Some(1), found));
    }
    let mut findings = front.findings.clone();
    let head = Head::read(rest, &front, &mut findings);
    let tasks = head.tasks.ok_or_else(|| not_a_plan(None, "there is no heading `## Tasks`"))?;
    let blocks = block::read_blocks(tasks, &mut findings);
    if blocks.len() > limits.max_tasks {
        let (tasks, limit) = (blocks.len(), limits.max_tasks);
        return Err(OutlineError::TooManyTasks { tasks, limit });
    }
    let (tasks, dependencies) = resolve::resolve(blocks, limits, &mut findings)?;
    refuse_errors(&mut findings)?;
    findings.sort_by_key(|finding| finding.line);
    Ok(Outline { plan: Plan { title: head.title, goal: head.goal, tasks, dependencies }, findings })
}

/// Whether these lines are read as this task, dependencies aside, and nothing about them is remarkable.
pub(in crate::plan) fn task_reads_back(text: &str, task: &PlannedTask) -> bool {
    let mut findings = Vec::new();
    let lines = lines(text);
    let Some((mut block, [])) = read_block(&lines, &mut findings) else {
        return false;
    };
    if let Some(action) = &mut block.task.action {
        action.line = task.action.as_ref().and_then(|action| action.line);
    }
    let same = PlannedTask { line: task.line, phase: task.phase, ..block.task } == *task;
    same && findings.is_empty() && block.references.is_empty() && block.waits.is_empty()
}

/// Whether a text without tasks is read as this title and goal.
pub(in crate::plan) fn head_reads_back(text: &str, title: Option<&str>, goal: Option<&PlannedGoal>) -> bool {
    let mut findings = Vec::new();
    let lines = lines(text);
    Front::read(&lines).is_some_and(|(front, rest)| {
        let head = Head::read(rest, &front, &mut findings);
        let same = head.title.as_deref() == title && head.goal.as_ref() == goal;
        same && findings.is_empty() && front.findings.is_empty()
    })
}

/// The lines of a text, numbered. A carriage return before the line break is no part of a line.
fn lines(text: &str) -> Vec<Line<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().zip(1..).map(|(text, number)| Line { number, text }).collect()
}

fn not_a_plan(line: Option<u32>, found: &str) -> OutlineError {
    OutlineError::NotAPlan { line, found: found.to_owned(), expected: EXPECTED.to_owned() }
}
