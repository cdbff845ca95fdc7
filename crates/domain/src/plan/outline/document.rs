//! What a text contains, line by line.

use crate::plan::{Finding, PlannedAction};

use super::fields::Field;
use super::item::Checkbox;
use super::reference::Reference;
use super::relation::Relation;
use super::section::Heading;
use super::state::State;

/// What a text contains, before ids are resolved.
#[derive(Default)]
pub(super) struct Document {
    pub(super) title: Option<String>,
    pub(super) headings: Vec<Heading>,
    pub(super) items: Vec<Item>,
    pub(super) statements: Vec<Bullet>,
    /// Who waits for whom by lines that name both, with the line.
    pub(super) relations: Vec<(Relation, u32)>,
    pub(super) findings: Vec<Finding>,
}

/// A task of the text, and everything below that belongs to it.
pub(super) struct Item {
    pub(super) line: u32,
    /// Columns of white space before it.
    pub(super) indent: usize,
    /// The innermost heading over it.
    pub(super) heading: Option<usize>,
    pub(super) checkbox: Checkbox,
    /// The level, where the task is a heading; then all up to the next heading belongs to it.
    pub(super) level: Option<usize>,
    /// How many tasks with ids stand in its section, where it is a heading.
    pub(super) tasks_below: usize,
    /// How many of them have an id that goes on from its own: `T1.2` below `T1`.
    pub(super) parts_below: usize,
    /// What the task waits for.
    pub(super) references: Vec<Reference>,
    /// What waits for the task.
    pub(super) blocks: Vec<Reference>,
    pub(super) description: String,
    pub(super) task_type: Option<String>,
    pub(super) estimate_minutes: Option<u32>,
    pub(super) priority: Option<i32>,
    pub(super) action: Option<PlannedAction>,
    /// Line of the first `use:`, even if it could not be read.
    pub(super) use_line: Option<u32>,
}

/// A bullet of a section that states an order.
pub(super) struct Bullet {
    pub(super) line: u32,
    pub(super) text: String,
}

impl Item {
    /// An item with nothing below it yet.
    pub(super) fn new(line: u32, indent: usize, heading: Option<usize>, checkbox: Checkbox) -> Self {
        Self {
            line,
            indent,
            heading,
            checkbox,
            level: None,
            tasks_below: 0,
            parts_below: 0,
            references: Vec::new(),
            blocks: Vec::new(),
            description: String::new(),
            task_type: None,
            estimate_minutes: None,
            priority: None,
            action: None,
            use_line: None,
        }
    }

    /// Whether it is no task but a heading over tasks: all below are parts of it, or it says nothing
    /// but stands over several.
    pub(super) fn is_group(&self) -> bool {
        let says_nothing = self.description.is_empty() && self.checkbox.state == State::Open;
        let all_parts = self.tasks_below > 0 && self.parts_below == self.tasks_below;
        self.level.is_some() && (all_parts || says_nothing && self.tasks_below > 1)
    }

    /// Counts a task of its section.
    pub(super) fn stand_over(&mut self, id: &str) {
        self.tasks_below += 1;
        let own = self.checkbox.id.as_deref().unwrap_or_default();
        let rest = id.strip_prefix(own).unwrap_or_default();
        self.parts_below +=
            usize::from(rest.starts_with(|next: char| next == '.' || next.is_ascii_alphabetic()));
    }

    /// Takes what a sub-line sets; `false` if its value cannot be read and the line stays text.
    pub(super) fn set(&mut self, field: &Field, line: u32, findings: &mut Vec<Finding>) -> bool {
        let was_set = match field {
            Field::Type(value) => self.task_type.replace(value.clone()).is_some(),
            Field::Estimate(minutes) => self.estimate_minutes.replace(*minutes).is_some(),
            Field::Priority(value) => self.priority.replace(*value).is_some(),
            Field::Unreadable(name) => {
                let message =
                    format!("the value of `{name}:` cannot be read; the line was kept as description");
                findings.push(Finding::warning("unreadable_field", line, message));
                return false;
            }
        };
        if was_set {
            let message = format!("`{}:` was given before; this line replaces it", field.name());
            findings.push(Finding::warning("repeated_field", line, message));
        }
        true
    }
}
