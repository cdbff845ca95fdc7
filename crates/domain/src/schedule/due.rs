use std::time::Duration;

use super::model::{MisfirePolicy, OverlapPolicy, Schedule};
use super::slots::Slot;
use crate::Timestamp;

/// A firing within this time after its slot is in time; so long may whoever looks after schedules be late.
pub const ON_TIME: Duration = Duration::from_secs(60);
/// At most so many firings of one owner wait or run under the policy `queue`.
pub const QUEUE_LIMIT: usize = 100;
/// At most so many slots are decided at once; whoever looks after schedules asks again for the rest.
pub const SLOTS_AT_ONCE: usize = 1_000;

/// What is to be done about the slots of a schedule by now.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// Fire, in this order.
    pub fire: Vec<Slot>,
    /// Do not, for these reasons.
    pub missed: Vec<MissedSlots>,
    /// Everything up to here is decided.
    pub considered: Timestamp,
    /// The first slot that is not; it may be in the past.
    pub next: Option<Slot>,
}

/// Slots that nobody looked after in time and that are not caught up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedSlots {
    /// Why not.
    pub why: MissedWhy,
    /// The slots, in order: [`SLOTS_AT_ONCE`] at most.
    pub slots: Vec<Slot>,
    /// There were more than are listed, all of them after the listed ones and before the window.
    pub more: bool,
}

/// Why a slot is not caught up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissedWhy {
    /// It is longer ago than `misfire_window`.
    OutsideWindow,
    /// The policy is `last`, and there is a later one.
    LaterOne,
    /// The policy is `none`.
    NotCaughtUp,
}

impl MissedWhy {
    /// As the ledger has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutsideWindow => "outside_misfire_window",
            Self::LaterOne => "later_slot_due",
            Self::NotCaughtUp => "misfire_none",
        }
    }
}

/// Decides about the slots after `considered`, up to `now`. Nothing is decided twice if `considered` of the answer is
/// given the next time.
pub fn due(schedule: &Schedule, considered: Timestamp, now: Timestamp) -> Due {
    let window = Duration::from_secs(schedule.misfire_window().into()).max(ON_TIME);
    let (outside, mut decided) = before_window(schedule, considered, now - window);
    let mut slots = schedule.slots(decided);
    let mut found = Vec::new();
    let next = loop {
        match slots.next() {
            Some(slot) if slot.at <= now && found.len() < SLOTS_AT_ONCE => found.push(slot),
            Some(slot) if slot.at <= now => {
                decided = found.last().map_or(decided, |last: &Slot| last.at);
                break Some(slot);
            }
            next => {
                decided = decided.max(now);
                break next;
            }
        }
    };
    let is_last = |index: usize| index + 1 == found.len() && next.is_none_or(|next| next.at > now);
    let (mut fire, mut later, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for (index, slot) in found.iter().enumerate() {
        match schedule.misfire() {
            _ if slot.at + ON_TIME >= now => fire.push(*slot),
            MisfirePolicy::All => fire.push(*slot),
            MisfirePolicy::Last if is_last(index) => fire.push(*slot),
            MisfirePolicy::Last => later.push(*slot),
            MisfirePolicy::None => refused.push(*slot),
        }
    }
    let unlisted = |why, slots| MissedSlots { why, slots, more: false };
    let missed = [outside, unlisted(MissedWhy::LaterOne, later), unlisted(MissedWhy::NotCaughtUp, refused)];
    Due {
        fire,
        missed: missed.into_iter().filter(|missed| !missed.slots.is_empty()).collect(),
        considered: decided,
        next,
    }
}

/// The slots that are too long ago, and until when everything is decided by that.
fn before_window(schedule: &Schedule, considered: Timestamp, begin: Timestamp) -> (MissedSlots, Timestamp) {
    let mut slots = Vec::new();
    let mut more = false;
    for slot in schedule.slots(considered).take_while(|slot| slot.at < begin) {
        if slots.len() == SLOTS_AT_ONCE {
            more = true;
            break;
        }
        slots.push(slot);
    }
    // A slot at the very beginning of the window is in it.
    let decided = considered.max(begin - Duration::from_micros(1));
    (MissedSlots { why: MissedWhy::OutsideWindow, slots, more }, decided)
}

/// What becomes of a firing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It takes place.
    Fire,
    /// It waits until those before it are over.
    Wait,
    /// It is left out, since another one is not over.
    Skip,
    /// It is left out, since [`QUEUE_LIMIT`] others are not over.
    QueueFull,
    /// It takes place, and those that are not over are given up.
    Replace,
}

/// Decides about a firing while `open` earlier ones of the same owner wait or run.
pub const fn admit(policy: OverlapPolicy, open: usize) -> Admission {
    match policy {
        _ if open == 0 => Admission::Fire,
        OverlapPolicy::Allow => Admission::Fire,
        OverlapPolicy::Skip => Admission::Skip,
        OverlapPolicy::Queue if open < QUEUE_LIMIT => Admission::Wait,
        OverlapPolicy::Queue => Admission::QueueFull,
        OverlapPolicy::CancelPrevious => Admission::Replace,
    }
}
