//! One line of a checklist: `- [x] T001 [P] [US1] Title`.

use super::key::Key;
use super::state::State;

/// What stands in brackets behind these belongs to the title.
const MOST_LABELS: usize = 32;
/// Signs between a name and the title that belong to neither.
const ENDS_OF_NAME: [char; 7] = [':', '.', ',', '：', '，', '、', '．'];

/// What the line of a task says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checkbox {
    pub(super) state: State,
    pub(super) id: Option<String>,
    pub(super) labels: Vec<String>,
    pub(super) parallel: bool,
    pub(super) title: String,
}

impl Checkbox {
    /// Reads a line from which the indentation was removed; `None` if it is no checklist item.
    pub(super) fn parse(body: &str) -> Option<Self> {
        let (mark, rest) = split_box(split_marker(body)?)?;
        Some(Self::named(State::of_mark(mark), rest))
    }

    /// Reads what stands behind the box, or in a heading: id and labels in any order, then the title.
    pub(super) fn named(state: State, text: &str) -> Self {
        let mut words = Words { rest: text, bold: false };
        let mut labels = Vec::new();
        let mut parallel = false;
        let mut id = None;
        loop {
            if id.is_none()
                && let Some(found) = words.take_id()
            {
                id = Some(found);
            } else if labels.len() < MOST_LABELS
                && let Some(label) = words.take_label()
            {
                if label.eq_ignore_ascii_case("P") {
                    parallel = true;
                } else if !labels.iter().any(|other| other == label) {
                    labels.push(label.to_owned());
                }
            } else {
                break;
            }
        }
        Self { state, id, labels, parallel, title: words.into_title() }
    }
}

/// Removes a list marker (`-`, `*`, `+`, `1.`, `1)`) and the blanks behind it.
pub(super) fn split_marker(body: &str) -> Option<&str> {
    let digits = body.bytes().take(10).take_while(u8::is_ascii_digit).count();
    let rest = match digits {
        0 => body.strip_prefix(['-', '*', '+'])?,
        1..=9 => body[digits..].strip_prefix(['.', ')'])?,
        _ => return None,
    };
    rest.starts_with([' ', '\t']).then(|| rest.trim_start())
}

/// `[ ]`, `[x]`, `[]`, `[~]`: a box holds at most one character beside blanks.
pub(super) fn split_box(text: &str) -> Option<(char, &str)> {
    let inside = text.strip_prefix('[')?;
    let close = inside.char_indices().take(4).find(|&(_, character)| character == ']')?.0;
    let mut marks = inside[..close].trim().chars();
    let mark = marks.next().unwrap_or(' ');
    let is_mark = mark == ' ' || matches!(mark, 'x' | 'X') || !mark.is_alphanumeric();
    let rest = &inside[close + 1..];
    let is_box = marks.next().is_none() && is_mark && (rest.is_empty() || rest.starts_with([' ', '\t']));
    is_box.then(|| (mark, rest.trim_start()))
}

struct Words<'a> {
    rest: &'a str,
    /// Whether a `**` that opened before the id is still to be closed.
    bold: bool,
}

impl<'a> Words<'a> {
    /// `T001`, `T001:`, `**T001**`, `[T001]`, `` `T001` ``; gives the id as written.
    fn take_id(&mut self) -> Option<String> {
        if let Some((open, close)) =
            [("[", "]"), ("`", "`"), ("【", "】")].into_iter().find(|pair| self.rest.starts_with(pair.0))
        {
            let inside = &self.rest[open.len()..];
            let (_, end) = Key::scan(inside.as_bytes(), 0)?;
            let rest = inside[end..].strip_prefix(close)?;
            if rest.starts_with('(') {
                return None;
            }
            self.rest = rest.trim_start_matches(ENDS_OF_NAME).trim_start();
            return Some(inside[..end].to_owned());
        }
        let (inside, bold) = match self.rest.strip_prefix("**") {
            Some(inside) => (inside, true),
            None => (self.rest, self.bold),
        };
        let (_, end) = Key::scan(inside.as_bytes(), 0)?;
        let rest = &inside[end..];
        let ends = rest.is_empty() || rest.starts_with([' ', '\t', '*', '[', '【', '（', '—', '–']);
        if !(ends || rest.starts_with(ENDS_OF_NAME)) {
            return None;
        }
        self.bold = bold;
        self.rest = rest;
        self.close_bold();
        self.rest = self.rest.trim_start_matches(ENDS_OF_NAME).trim_start();
        Some(inside[..end].to_owned())
    }

    /// Removes the `**` that closes what opened before the id, and what sets the name apart.
    fn close_bold(&mut self) {
        if !self.bold {
            return;
        }
        let rest = self.rest.trim_start().trim_start_matches(ENDS_OF_NAME);
        if let Some(behind) = rest.strip_prefix("**") {
            self.rest = behind.trim_start_matches(ENDS_OF_NAME).trim_start();
            self.bold = false;
        }
    }

    /// `[P]`, `**[P]**`, `[US1]`, `[US-ADMIN-01]`, `【US1】`; a link `[text](address)` is part of the title.
    fn take_label(&mut self) -> Option<&'a str> {
        const LONGEST: usize = 40;
        let (text, bold) = match self.rest.strip_prefix("**") {
            Some(text) if !self.bold => (text, true),
            _ => (self.rest, false),
        };
        let (inside, closing) = match text.strip_prefix('【') {
            Some(inside) => (inside, '】'),
            None => (text.strip_prefix('[')?, ']'),
        };
        let close = inside.char_indices().take(LONGEST).find(|&(_, character)| character == closing)?.0;
        let label = &inside[..close];
        let fits = |character: char| character.is_alphanumeric() || "-_./ ".contains(character);
        let rest = &inside[close + closing.len_utf8()..];
        if label.trim().is_empty() || !label.chars().all(fits) || rest.starts_with('(') {
            return None;
        }
        let rest = if bold { rest.strip_prefix("**")? } else { rest };
        self.rest = rest.trim_start_matches(ENDS_OF_NAME).trim_start();
        self.close_bold();
        Some(label.trim())
    }

    fn into_title(self) -> String {
        // `**T001** - Title`, `T001 — Title`: the dash belongs to neither.
        let dash = ["-", "–", "—", "——"].iter().rev().find_map(|dash| {
            let rest = self.rest.strip_prefix(dash)?;
            (*dash != "-" || rest.starts_with(' ')).then_some(rest)
        });
        let title = dash.unwrap_or(self.rest).trim();
        if self.bold { title.replacen("**", "", 1) } else { title.to_owned() }
    }
}
