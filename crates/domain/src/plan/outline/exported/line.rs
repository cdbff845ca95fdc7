//! The line of a task: `- [x] T001 [P] [US1] Title <!-- id: … -->`.

use super::field::json_at;
use super::plain::{Item, split_references};
use crate::plan::Finding;
use crate::plan::outline::reference::Reference;
use crate::task::TaskId;

/// What the line of a task says.
#[derive(Debug, PartialEq)]
pub(super) struct TaskLine {
    /// Box, labels and title.
    pub(super) item: Item,
    pub(super) id: Option<TaskId>,
    /// The number that other lines use for a task without key and id.
    pub(super) number: Option<u32>,
    /// From `(depends on T001)`.
    pub(super) references: Vec<Reference>,
    /// What a comment gives as id, and cannot be one.
    pub(super) bad_id: Option<String>,
}

impl TaskLine {
    /// Reads a line without indentation; `None` if it is no task.
    pub(super) fn parse(body: &str, line: u32) -> Option<Self> {
        let body = body.trim_end();
        let (key, body) = split_key(body);
        let mut found = Self::quoted(&body, line).or_else(|| Self::plain(&body, line))?;
        found.item.key = key.or(found.item.key);
        Some(found)
    }

    /// With a title in double quotes; behind it only comments and a dependency may stand.
    fn quoted(body: &str, line: u32) -> Option<Self> {
        let start = body.find('"')?;
        let (title, behind) = json_at(&body[start..])?;
        // The sign in place of the title shows whether the quotes begin it.
        let item = Item::parse(&format!("{}x", &body[..start]))?;
        if item.title != "x" {
            return None;
        }
        let (rest, notes) = without_comments(&body[start + behind..]);
        let (left, references) = split_references(&format!("x {}", rest.trim()), line);
        let is_whole = left.trim() == "x" && (rest.trim().is_empty() || !references.is_empty());
        is_whole.then(|| Self::new(Item { title, ..item }, references, notes))
    }

    fn plain(body: &str, line: u32) -> Option<Self> {
        let (text, notes) = without_comments(body);
        let item = Item::parse(text.trim_end())?;
        let (title, references) = split_references(&item.title, line);
        Some(Self::new(Item { title, ..item }, references, notes))
    }

    fn new(item: Item, references: Vec<Reference>, notes: Vec<String>) -> Self {
        let mut found = Self { item, id: None, number: None, references, bad_id: None };
        for note in notes {
            if let Some(id) = note.trim().strip_prefix("id:") {
                found.id = id.trim().parse().ok();
                found.bad_id = Some(id.trim().to_owned()).filter(|_| found.id.is_none());
            } else if let Some(number) = note.trim().strip_prefix("ref:") {
                found.number = number.trim().parse().ok();
            }
        }
        found
    }

    /// Remarks about the box and the comment.
    pub(super) fn report(&self, line: u32, findings: &mut Vec<Finding>) {
        findings.extend(self.item.finding(line));
        if let Some(id) = &self.bad_id {
            let id: String = id.chars().take(60).collect();
            let message = format!("`{id}` is no id of a task; the line counts as a new task");
            findings.push(Finding::warning("unreadable_id", line, message));
        }
    }
}

/// Takes `[#key]` out, which stands directly behind the box.
fn split_key(body: &str) -> (Option<String>, String) {
    let found = body.split_once(']').and_then(|(head, rest)| {
        let inside = rest.trim_start().strip_prefix("[#")?;
        let (key, behind) = inside.split_once(']')?;
        let fits = !key.is_empty() && key.trim() == key && head.contains('[') && !head.contains('"');
        fits.then(|| (key.to_owned(), format!("{head}]{}", spaced(behind))))
    });
    match found {
        Some((key, body)) => (Some(key), body),
        None => (None, body.to_owned()),
    }
}

/// What stands behind the box begins with a blank.
fn spaced(text: &str) -> String {
    if text.starts_with([' ', '\t']) { text.to_owned() } else { format!(" {text}") }
}

/// The text without its comments, and what they say.
fn without_comments(text: &str) -> (String, Vec<String>) {
    let mut kept = String::new();
    let mut notes = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("<!--") {
        let Some((note, after)) = behind.split_once("-->") else {
            break;
        };
        kept.push_str(before);
        notes.push(note.to_owned());
        rest = after;
    }
    kept.push_str(rest);
    (kept, notes)
}
