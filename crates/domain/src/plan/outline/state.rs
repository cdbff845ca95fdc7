//! What the mark of a task says about its state.

use crate::plan::Finding;

/// Whether a task is finished, and how the plan says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Done,
    /// `[-]`: not to be done any more.
    Dropped,
    /// `[~]`: neither open nor done; read as open.
    Between,
    /// A sign that only people know for a check mark, such as `[✓]`.
    Ticked(char),
    /// Any other mark; read as open.
    Unknown(char),
}

/// Signs that mean “done” to everybody.
const TICKS: [char; 6] = ['✅', '✔', '✓', '☑', '√', '🗹'];

impl State {
    /// From the character between the brackets, a blank if there is none.
    pub(super) fn of_mark(mark: char) -> Self {
        match mark {
            ' ' => Self::Open,
            'x' | 'X' => Self::Done,
            '-' => Self::Dropped,
            '~' => Self::Between,
            tick if is_tick(tick) => Self::Ticked(tick),
            other => Self::Unknown(other),
        }
    }

    /// Whether the task counts as finished.
    pub(super) fn is_done(self) -> bool {
        matches!(self, Self::Done | Self::Ticked(_))
    }

    /// What to tell about a mark that leaves room for doubt.
    pub(super) fn finding(self, line: u32) -> Option<Finding> {
        match self {
            Self::Open | Self::Done | Self::Dropped => None,
            Self::Between => {
                let message = "the box `[~]` is neither open nor done; it is read as open";
                Some(Finding::info("mark_in_between", line, message))
            }
            Self::Ticked(mark) => {
                let message = format!("the box `[{mark}]` is read as done; write `[x]`");
                Some(Finding::info("unusual_checkbox", line, message))
            }
            Self::Unknown(mark) => {
                let message = format!("the box `[{mark}]` is read as not done; write `[ ]`, `[x]` or `[-]`");
                Some(Finding::warning("unusual_checkbox", line, message))
            }
        }
    }
}

/// Whether a sign is a check mark.
pub(super) fn is_tick(sign: char) -> bool {
    TICKS.contains(&sign)
}
