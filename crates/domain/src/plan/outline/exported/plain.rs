//! What an exported plan has in common with any other: the notations of the outline reader.
//!
//! All that is used of that reader's notion of a task stands here.

use crate::plan::Finding;
use crate::plan::outline::clause;
use crate::plan::outline::item::Checkbox;
use crate::plan::outline::reference::Reference;

/// A checklist item.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// The character between the brackets; a blank if there is none.
    pub(super) mark: char,
    pub(super) key: Option<String>,
    pub(super) labels: Vec<String>,
    pub(super) parallel: bool,
    pub(super) title: String,
}

impl Item {
    /// Reads a line without indentation; `None` if it is no checklist item.
    pub(super) fn parse(body: &str) -> Option<Self> {
        let Checkbox { mark, id, labels, parallel, title } = Checkbox::parse(body)?;
        Some(Self { mark, key: id, labels, parallel, title })
    }

    /// Whether the box says that the task is finished.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.mark, 'x' | 'X')
    }

    /// Whether the box says that the task is not to be done any more.
    pub(super) fn is_dropped(&self) -> bool {
        self.mark == '-'
    }

    /// What to tell about its mark.
    pub(super) fn finding(&self, line: u32) -> Option<Finding> {
        let is_usual = self.is_done() || self.is_dropped() || self.mark == ' ';
        let message = || format!("the box `[{}]` is read as not done", self.mark);
        (!is_usual).then(|| Finding::warning("unusual_checkbox", line, message()))
    }
}

/// The title without a clause at its end that does nothing but name tasks, and all tasks that the title
/// says it waits for.
pub(super) fn split_references(title: &str, line: u32) -> (String, Vec<Reference>) {
    let mut references = Vec::new();
    clause::references_in(title, line, false, &mut references);
    (clause::without_trailing_clause(title).to_owned(), references)
}

/// The tasks that a line such as `depends on: T001` names, if it says nothing else.
pub(super) fn references_of_line(text: &str, line: u32) -> Vec<Reference> {
    let mut references = Vec::new();
    clause::references_of_line(text, line, &mut references);
    references
}
