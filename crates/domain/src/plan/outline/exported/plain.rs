//! What an exported plan has in common with any other: the notations of the outline reader.
//!
//! All that is used of that reader's notion of a task stands here.

use crate::plan::Finding;
use crate::plan::outline::clause;
use crate::plan::outline::item::Checkbox;
use crate::plan::outline::reference::Reference;
use crate::plan::outline::relation::Place;
use crate::plan::outline::state::State;

/// A checklist item.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) state: State,
    pub(super) key: Option<String>,
    pub(super) labels: Vec<String>,
    pub(super) parallel: bool,
    pub(super) title: String,
}

impl Item {
    /// Reads a line without indentation; `None` if it is no checklist item.
    pub(super) fn parse(body: &str) -> Option<Self> {
        let Checkbox { state, id, labels, parallel, title } = Checkbox::parse(body)?;
        Some(Self { state, key: id, labels, parallel, title })
    }

    /// Whether the box says that the task is finished.
    pub(super) fn is_done(&self) -> bool {
        self.state.is_done()
    }

    /// Whether the box says that the task is not to be done any more.
    pub(super) fn is_dropped(&self) -> bool {
        self.state == State::Dropped
    }

    /// What to tell about its mark.
    pub(super) fn finding(&self, line: u32) -> Option<Finding> {
        self.state.finding(line)
    }
}

/// The title without a clause at its end that does nothing but name tasks, and all tasks that the title
/// says it waits for. A title that says what others wait for is left whole.
pub(super) fn split_references(title: &str, line: u32) -> (String, Vec<Reference>) {
    let relations = clause::relations_in(title, line, Place::Title);
    let is_own = relations.iter().all(|relation| relation.waits.is_empty());
    let rest = if is_own { clause::without_trailing_clause(title) } else { title };
    let own = relations.into_iter().filter(|relation| relation.waits.is_empty());
    (rest.to_owned(), own.flat_map(|relation| relation.on).collect())
}

/// The tasks that a line such as `depends on: T001` names as those its task waits for.
pub(super) fn references_of_line(text: &str, line: u32) -> Vec<Reference> {
    clause::own_line(text, line).map(|own| own.relation.on).unwrap_or_default()
}
