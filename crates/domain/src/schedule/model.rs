use chrono::{NaiveDateTime, NaiveTime, Weekday};

use super::cron::Cron;
use super::zone::Zone;
use crate::Timestamp;

/// When something recurs. Made by [`Schedule::read`]; its JSON is canonical: the same schedule has the same text, with
/// defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub(super) frequency: Frequency,
    pub(super) zone: Zone,
    pub(super) start: Option<When>,
    pub(super) end: Option<When>,
    pub(super) jitter: u32,
    pub(super) overlap: OverlapPolicy,
    pub(super) misfire: MisfirePolicy,
    pub(super) misfire_window: u32,
    pub(super) gap: GapPolicy,
    pub(super) fold: FoldPolicy,
}

impl Schedule {
    /// At which local times.
    pub const fn frequency(&self) -> &Frequency {
        &self.frequency
    }

    /// Whose local times.
    pub const fn zone(&self) -> Zone {
        self.zone
    }

    /// The longest delay of a firing after its slot, in seconds.
    pub const fn jitter(&self) -> u32 {
        self.jitter
    }

    /// What happens while the firing before is not over.
    pub const fn overlap(&self) -> OverlapPolicy {
        self.overlap
    }

    /// What happens to slots that nobody looked after.
    pub const fn misfire(&self) -> MisfirePolicy {
        self.misfire
    }

    /// How far back such slots are caught up, in seconds.
    pub const fn misfire_window(&self) -> u32 {
        self.misfire_window
    }
}

/// At which local times. Times of day are whole seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frequency {
    /// At one time only.
    Once {
        /// That time.
        at: When,
    },
    /// In every hour, in elapsed time.
    Hourly {
        /// 0 to 59.
        minute: u32,
    },
    /// On every day.
    Daily {
        /// The time of day.
        time: NaiveTime,
    },
    /// On some days of every week.
    Weekly {
        /// From Monday to Sunday, each at most once, at least one.
        weekdays: Vec<Weekday>,
        /// The time of day.
        time: NaiveTime,
    },
    /// On one day of every month.
    Monthly {
        /// Which one.
        day: MonthDay,
        /// The time of day.
        time: NaiveTime,
    },
    /// As a cron text says.
    Cron(Cron),
}

/// A day of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonthDay {
    /// This one, 1 to 31; months without it are passed over.
    Day(u32),
    /// The last one, whichever it is.
    Last,
}

/// A moment, or a local time in the schedule's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// A moment, whatever clocks show there.
    Moment(Timestamp),
    /// A local time, in whole seconds.
    Local(NaiveDateTime),
}

/// Which of two equal local times: clocks that are set back show some times twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fold {
    /// The earlier one, and every time that comes once.
    First,
    /// The later one.
    Second,
}

impl Fold {
    /// 0 or 1, as in Python's `datetime.fold` (PEP 495).
    pub const fn number(self) -> i16 {
        match self {
            Self::First => 0,
            Self::Second => 1,
        }
    }
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$word_about:meta])* $word:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$word_about])* $word,)+ }

        impl $name {
            /// Every one, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$word),+];

            /// As it is written.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text),+ }
            }
        }
    };
}

words! {
    /// What happens to a firing while an earlier one of the same owner is not over.
    OverlapPolicy {
        /// It is left out.
        Skip = "skip",
        /// It waits for its turn, behind at most 99 others.
        Queue = "queue",
        /// It takes place all the same.
        Allow = "allow",
        /// The earlier one is given up.
        CancelPrevious = "cancel_previous",
    }
}

words! {
    /// Which of the slots that nobody looked after in time are caught up.
    MisfirePolicy {
        /// All within the window.
        All = "all",
        /// The last one within the window, unless a later slot fires in time.
        Last = "last",
        /// None.
        None = "none",
    }
}

words! {
    /// What happens to a fixed local time that clocks skip.
    GapPolicy {
        /// It comes at the first moment after the gap.
        Shift = "shift",
        /// It does not come.
        Skip = "skip",
    }
}

words! {
    /// At which of two equal local times a fixed one comes.
    FoldPolicy {
        /// The earlier.
        First = "first",
        /// The later.
        Second = "second",
        /// Both.
        Both = "both",
    }
}
