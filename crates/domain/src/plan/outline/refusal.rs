//! What to say about a text that is no plan.

use super::OutlineError;
use super::foreign::{self, shortened};
use super::item::split_marker;
use super::key::Key;
use super::section::Heading;
use super::source::Line;

const EXPECTED: &str = "Markdown with checklist items such as `- [ ] T001 Title`";

/// Refuses what cannot be a text at all, or is a page of another kind, before it is read.
pub(super) fn refuse_foreign(text: &str) -> Result<(), OutlineError> {
    if let Some(foreign) = foreign::signature(text).or_else(|| foreign::no_text(text)) {
        return Err(not_a_plan(Some(foreign.line), foreign.found));
    }
    if let Some((line, start)) = first_text(text)
        && ["<!doctype", "<html", "<?xml"].iter().any(|tag| begins(start, tag))
    {
        return Err(not_a_plan(Some(line), format!("`{}` looks like HTML or XML", shortened(start))));
    }
    Ok(())
}

/// Explains a text in which no task was found.
pub(super) fn explain(text: &str, lines: &[Line<'_>], headings: &[Heading]) -> OutlineError {
    if first_text(text).is_none() {
        return not_a_plan(None, "the text is empty".to_owned());
    }
    if let Some(foreign) = foreign::text_without_tasks(text) {
        return not_a_plan(Some(foreign.line), foreign.found);
    }
    if let Some((line, item)) =
        lines.iter().find_map(|line| Some((line.number, item_without_box(line.text)?)))
    {
        return not_a_plan(Some(line), format!("`{}` has an id but no checkbox", shortened(item)));
    }
    let (read, headings) = (lines.last().map_or(0, |line| line.number), headings.len());
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    not_a_plan(
        None,
        format!(
            "read {read} line{} with {headings} heading{} but no checklist item",
            plural(read as usize),
            plural(headings)
        ),
    )
}

/// A bullet or a row of a table that begins with an id, in the manner of some other planner.
fn item_without_box(text: &str) -> Option<&str> {
    let body = text.trim();
    let inside = body.strip_prefix('|').or_else(|| split_marker(body))?;
    let inside = inside.trim_start().trim_start_matches('*');
    Key::scan(inside.as_bytes(), 0).map(|_| body)
}

fn first_text(text: &str) -> Option<(u32, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    (1..).zip(text.lines()).map(|(number, line)| (number, line.trim())).find(|(_, line)| !line.is_empty())
}

fn begins(text: &str, tag: &str) -> bool {
    text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag))
}

fn not_a_plan(line: Option<u32>, found: String) -> OutlineError {
    OutlineError::NotAPlan { line, found, expected: EXPECTED.to_owned() }
}
