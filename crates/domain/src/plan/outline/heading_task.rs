//! Tasks that are headings: `### T002 [P]: ✅ Title`.

use super::item::{Checkbox, split_box};
use super::state::{State, is_tick};

/// Reads the text of a heading that begins with an id, perhaps behind a box or the word “Task”.
pub(super) fn parse(text: &str) -> Option<Checkbox> {
    let (state, rest) = match split_box(text) {
        Some((mark, rest)) => (State::of_mark(mark), rest),
        None => (State::Open, text),
    };
    let is_ticked = rest.contains(is_tick);
    let rest = without_ticks(rest);
    let (rest, was_struck) = match rest.strip_prefix("~~") {
        Some(inside) => (inside.strip_suffix("~~").unwrap_or(inside), true),
        None => (rest, false),
    };
    let rest = rest.strip_prefix("Task ").or_else(|| rest.strip_prefix("TASK ")).unwrap_or(rest);
    let mut task = Checkbox::named(state, rest.trim_start());
    task.id.as_ref()?;
    let mark = split_box(&task.title).map(|(mark, rest)| (State::of_mark(mark), rest.to_owned()));
    if let Some((state, rest)) = mark {
        (task.state, task.title) = (state, rest);
    }
    task.title = without_ticks(&task.title).to_owned();
    if was_struck {
        task.state = State::Dropped;
    } else if is_ticked && task.state == State::Open {
        task.state = State::Done;
    }
    Some(task)
}

/// The text without check marks at its ends.
fn without_ticks(text: &str) -> &str {
    // A variation selector may follow a check mark.
    text.trim_matches(|sign: char| is_tick(sign) || sign == '\u{fe0f}' || sign.is_whitespace())
}
