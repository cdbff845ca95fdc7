//! Code spans that run over several lines.

use super::item::Checkbox;
use super::section::Heading;
use super::source::{Fence, Line, indentation};

/// How far a code span may run before it counts as a forgotten backtick.
const MOST_LINES: usize = 40;

/// How many lines behind the first one the code span takes that the first line opens and does not
/// close; 0 if there is none.
///
/// Markdown ends a span at a blank line or at a list marker. People write commit messages with both
/// into one all the same, and their lines look like list items. A heading, a fence or a task ends the
/// search: half a plan must not vanish behind a typing error.
pub(super) fn lines_of_open_span(lines: &[Line<'_>]) -> usize {
    let Some((first, behind)) = lines.split_first() else {
        return 0;
    };
    if !leaves_open(first.text) {
        return 0;
    }
    for (count, line) in (1..).zip(behind.iter().take(MOST_LINES)) {
        let body = line.text.trim();
        let ends = Heading::parse(body).is_some() && indentation(line.text) < 4
            || Fence::open(body, line.number).is_some()
            || Checkbox::parse(body).is_some_and(|found| found.id.is_some());
        if ends {
            return 0;
        }
        if let Some(at) = line.text.find('`') {
            // The closing backtick ends its line, or nearly so; else it opens a span of its own.
            let closes = single_backticks(line.text) % 2 == 1 && line.text[at + 1..].trim().len() <= 1;
            return if closes { count } else { 0 };
        }
    }
    0
}

fn leaves_open(text: &str) -> bool {
    text.contains('`') && !text.contains("``") && single_backticks(text) % 2 == 1
}

fn single_backticks(text: &str) -> usize {
    text.bytes().filter(|&byte| byte == b'`').count()
}
