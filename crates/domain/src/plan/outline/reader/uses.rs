//! `use:` lines, while the lines of their task are read.

use crate::plan::Finding;

use super::Reader;
use crate::plan::outline::action::OpenAction;
use crate::plan::outline::source::Line;

impl Reader {
    pub(super) fn open_action(&mut self, line: Line<'_>, text: &str) {
        let Some(item) = self.document.items.last_mut() else {
            return;
        };
        if let Some(first) = item.use_line {
            let message = format!("this task has a `use:` in line {first} already; one task does one thing");
            self.document.findings.push(Finding::error("second_action", line.number, message));
        }
        item.use_line.get_or_insert(line.number);
        match OpenAction::begin(line.text.trim_end(), text, line.number) {
            Ok(action) if action.has_begun() && action.is_balanced() => self.close_action(action),
            Ok(action) => self.pending = Some(action),
            Err(finding) => self.document.findings.push(finding),
        }
    }

    /// Gives the line to a `use:` above it that is not complete, if it belongs there.
    pub(super) fn continues_action(&mut self, line: Line<'_>) -> bool {
        let Some(mut action) = self.pending.take() else {
            return false;
        };
        let is_blank = line.text.trim().is_empty();
        let goes_on = if action.has_begun() {
            is_blank || self.belongs_to_item(line)
        } else {
            self.belongs_to_item(line) && line.text.trim_start().starts_with('{')
        };
        if goes_on {
            action.feed(line.text);
        }
        if goes_on && !action.is_balanced() {
            self.pending = Some(action);
        } else {
            self.close_action(action);
        }
        goes_on
    }

    pub(super) fn close_action(&mut self, action: OpenAction) {
        match (action.finish(), self.document.items.last_mut()) {
            (Ok(action), Some(item)) => {
                item.action.get_or_insert(action);
            }
            (Err(finding), _) => self.document.findings.push(finding),
            (Ok(_), None) => {}
        }
    }
}
