//! Schedules: when something recurs, in the time of a place.
//!
//! A [`Schedule`] names local times, once or again and again, in a time zone. Each of them is a [`Slot`]: the *nominal*
//! local time, the *fold* that tells two equal local times apart, and the moment in UTC at which it comes. What happened
//! at a slot is known by (owner, nominal local time, fold), whatever the schedule was changed to since.
//!
//! - [`Schedule::read`] reads one and says everything that is wrong with it at once,
//! - [`Schedule::slots`] are the slots after a moment,
//! - [`due`] decides which of them fire, after however long nobody looked; [`admit`] what becomes of a firing while an
//!   earlier one is not over.
//!
//! When clocks are changed, fixed times obey `gap` and `fold`. Schedules in elapsed time (`hourly`, and cron texts whose
//! second, minute or hour begins with `*`) fire at every moment whose local time matches: not in a gap, and twice in a
//! fold, as Vixie's cron does. Two slots at the same moment are one: that of the local time which exists.
//!
//! Offsets are those of the IANA time zone database; beyond 2099 they stay as they were then.

mod cron;
mod due;
mod model;
mod pattern;
mod read;
mod slots;
mod stored;
mod zone;

#[cfg(test)]
mod tests;

pub use due::{Admission, Due, MissedSlots, MissedWhy, ON_TIME, QUEUE_LIMIT, SLOTS_AT_ONCE, admit, due};
pub use model::{
    Fold, FoldPolicy, Frequency, GapPolicy, MisfirePolicy, MonthDay, OverlapPolicy, Schedule, When,
};
pub use slots::{Slot, Slots};
pub use zone::Zone;

/// The longest delay that jitter adds, in seconds: one day.
pub const JITTER_LIMIT: u32 = 86_400;
/// The longest time back in which missed slots are caught up, in seconds: 31 days.
pub const MISFIRE_WINDOW_LIMIT: u32 = 31 * 86_400;
/// The longest cron text, in characters.
pub const CRON_LIMIT: usize = 200;
