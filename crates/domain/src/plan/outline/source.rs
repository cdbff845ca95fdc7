//! The lines of a text, and which of them are Markdown that may say something.

use super::mask::without_code;

/// A line and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: u32,
    pub(super) text: &'a str,
}

/// Columns of white space in front of the text; a tab leads to the next multiple of four.
pub(super) fn indentation(text: &str) -> usize {
    let mut column = 0;
    for byte in text.bytes() {
        match byte {
            b' ' => column += 1,
            b'\t' => column += 4 - column % 4,
            _ => break,
        }
    }
    column
}

/// The text without up to `columns` columns of white space.
pub(super) fn outdented(text: &str, columns: usize) -> &str {
    let blanks = text.bytes().take(columns).take_while(|&byte| byte == b' ' || byte == b'\t').count();
    text[blanks..].trim_end()
}

/// Splits YAML front matter off: the title it gives, and the lines behind it.
pub(super) fn split_front_matter(text: &str) -> (Option<String>, Vec<Line<'_>>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines: Vec<Line<'_>> =
        text.lines().zip(1..).map(|(text, number)| Line { number, text }).collect();
    if lines.first().is_none_or(|line| line.text.trim_end() != "---") {
        return (None, lines);
    }
    let ends = |line: &Line<'_>| matches!(line.text.trim_end(), "---" | "...");
    let Some(end) = lines.iter().skip(1).position(ends) else {
        return (None, lines);
    };
    let title = lines[1..=end].iter().find_map(|line| line.text.strip_prefix("title:"));
    let title = title.map(|title| title.trim().trim_matches(['"', '\'']).trim().to_owned());
    lines.drain(..end + 2);
    (title.filter(|title| !title.is_empty()), lines)
}

/// A fenced code block that is open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fence {
    pub(super) line: u32,
    mark: u8,
    length: usize,
}

impl Fence {
    /// The fence that a line without indentation opens (CommonMark 4.5).
    pub(super) fn open(body: &str, line: u32) -> Option<Self> {
        let mark = *body.as_bytes().first().filter(|byte| matches!(byte, b'`' | b'~'))?;
        let length = body.bytes().take_while(|&byte| byte == mark).count();
        let is_fence = length >= 3 && (mark == b'~' || !body[length..].contains('`'));
        is_fence.then_some(Self { line, mark, length })
    }

    /// Whether a line without indentation closes it.
    pub(super) fn is_closed_by(&self, body: &str) -> bool {
        let length = body.bytes().take_while(|&byte| byte == self.mark).count();
        length >= self.length && body[length..].trim().is_empty()
    }
}

/// Takes HTML comments out of lines.
pub(super) struct Comments {
    open: bool,
    /// Line and byte of the last `-->`: a comment that opens behind it is never closed.
    last_end: (u32, usize),
}

impl Comments {
    /// For the lines of one text.
    pub(super) fn new(lines: &[Line<'_>]) -> Self {
        let end = |line: &Line<'_>| Some((line.number, line.text.rfind("-->")?));
        Self { open: false, last_end: lines.iter().rev().find_map(end).unwrap_or((0, 0)) }
    }

    /// Whether the next line begins inside a comment.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// What of a line is no comment; `None` if nothing changes. `<!--` in a code span is code, and
    /// one that is never closed is text: half a file must not vanish behind a typing error.
    pub(super) fn strip(&mut self, line: Line<'_>) -> Option<String> {
        if !self.open && !line.text.contains("<!--") {
            return None;
        }
        let masked = without_code(line.text);
        let mut kept = String::new();
        let mut at = 0;
        loop {
            if self.open {
                let Some(end) = line.text[at..].find("-->") else {
                    return Some(kept);
                };
                at += end + "-->".len();
                self.open = false;
            }
            let start = find(&masked, at, b"<!--");
            let Some(start) = start.filter(|&start| (line.number, start) < self.last_end) else {
                kept.push_str(&line.text[at..]);
                return Some(kept);
            };
            kept.push_str(&line.text[at..start]);
            at = start + "<!--".len();
            self.open = true;
        }
    }
}

fn find(bytes: &[u8], at: usize, pattern: &[u8]) -> Option<usize> {
    bytes[at..].windows(pattern.len()).position(|window| window == pattern).map(|found| found + at)
}
