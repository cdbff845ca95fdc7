use chrono::{DateTime, Datelike, FixedOffset, NaiveDateTime, Timelike};
use serde_json::json;

use super::model::{Fold, FoldPolicy, Frequency, GapPolicy, MonthDay, Schedule, When};
use super::pattern::{Days, EVERY_MONTH, EVERY_MONTH_DAY, EVERY_WEEKDAY, Pattern, span};
use crate::{Timestamp, canonical};

const DAY: i64 = 86_400;

/// One occurrence of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// The local time that the schedule names. In a gap no clock shows it.
    pub nominal: NaiveDateTime,
    /// Which of two equal local times.
    pub fold: Fold,
    /// When it comes.
    pub at: Timestamp,
}

impl Slot {
    /// The nominal local time as text, such as `2026-03-29T02:30:00`; texts sort as their times do.
    pub fn nominal_text(&self) -> String {
        nominal_text(self.nominal)
    }
}

/// Whole seconds without decimals, others with six.
pub(super) fn nominal_text(nominal: NaiveDateTime) -> String {
    let format = if nominal.nanosecond() == 0 { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S%.6f" };
    nominal.format(format).to_string()
}

impl Schedule {
    /// The slots after a moment, each later than the one before. The iterator ends with the schedule, with the year 9999
    /// at the latest; asking it for the next one always takes little time.
    pub fn slots(&self, after: Timestamp) -> Slots<'_> {
        let first = after.utc().timestamp().saturating_add(1);
        let first = match self.start.map(|start| self.moment(start)) {
            Some(start) => first.max(ceil(start)),
            None => first,
        };
        Slots { schedule: self, times: Times::of(&self.frequency), after, next: first }
    }

    /// The moment with the offset that the zone has then, for people.
    pub fn shown(&self, at: Timestamp) -> DateTime<FixedOffset> {
        let offset = FixedOffset::east_opt(self.zone.offset(at.utc().timestamp()));
        at.utc().with_timezone(&offset.unwrap_or(FixedOffset::east_opt(0).expect("no offset is one")))
    }

    /// How long after its slot a firing takes place: the same for the same owner and slot, in milliseconds.
    pub fn delay(&self, owner: &str, slot: &Slot) -> std::time::Duration {
        let digest = canonical::sha256_hex(
            json!([owner, slot.nominal_text(), slot.fold.number()]).to_string().as_bytes(),
        );
        let chance = u64::from_str_radix(&digest[..15], 16).unwrap_or_default();
        std::time::Duration::from_millis(chance % (u64::from(self.jitter) * 1_000 + 1))
    }

    /// A local time in a gap is the first moment after it, one that comes twice the earlier.
    pub(super) fn moment(&self, when: When) -> Timestamp {
        match when {
            When::Moment(at) => at,
            When::Local(local) => {
                let local = local.and_utc().timestamp();
                let (mut from, end) = (local - 2 * DAY, local + 2 * DAY);
                // The first second whose local time is not before the one that is wanted.
                loop {
                    let until = self.zone.change(from, end).unwrap_or(end);
                    let at = local - i64::from(self.zone.offset(from));
                    if at < until {
                        return second(at.max(from));
                    }
                    if until == end {
                        return second(end);
                    }
                    from = until;
                }
            }
        }
    }
}

/// The slots of a schedule after a moment; see [`Schedule::slots`].
#[derive(Debug, Clone)]
pub struct Slots<'a> {
    schedule: &'a Schedule,
    times: Times,
    after: Timestamp,
    /// The first second that was not looked at.
    next: i64,
}

/// Local times, in seconds of the epoch as if they were universal times.
#[derive(Debug, Clone)]
enum Times {
    Moment(Timestamp),
    Local(i64),
    Pattern(Pattern),
}

impl Times {
    fn of(frequency: &Frequency) -> Self {
        let fixed = |time: chrono::NaiveTime, days| Pattern {
            seconds: 1 << time.second(),
            minutes: 1 << time.minute(),
            hours: 1 << time.hour(),
            months: EVERY_MONTH,
            days,
            elapsed: false,
        };
        let sets = |of_month, of_week| Days::Sets { of_month, of_week, either: false };
        Self::Pattern(match frequency {
            Frequency::Once { at: When::Moment(at) } => return Self::Moment(*at),
            Frequency::Once { at: When::Local(local) } => return Self::Local(local.and_utc().timestamp()),
            Frequency::Hourly { minute } => Pattern {
                seconds: 1,
                minutes: 1 << minute,
                hours: span(0, 23),
                months: EVERY_MONTH,
                days: sets(EVERY_MONTH_DAY, EVERY_WEEKDAY),
                elapsed: true,
            },
            Frequency::Daily { time } => fixed(*time, sets(EVERY_MONTH_DAY, EVERY_WEEKDAY)),
            Frequency::Weekly { weekdays, time } => {
                let days = weekdays.iter().fold(0, |set, day| set | 1 << day.num_days_from_sunday());
                fixed(*time, sets(EVERY_MONTH_DAY, days))
            }
            Frequency::Monthly { day: MonthDay::Day(day), time } => {
                fixed(*time, sets(1 << day, EVERY_WEEKDAY))
            }
            Frequency::Monthly { day: MonthDay::Last, time } => fixed(*time, Days::Last),
            Frequency::Cron(cron) => *cron.pattern(),
        })
    }

    fn next(&self, local: i64) -> Option<i64> {
        match self {
            Self::Moment(_) => None,
            Self::Local(only) => (local <= *only).then_some(*only),
            Self::Pattern(pattern) => pattern.next(local),
        }
    }

    const fn elapsed(&self) -> bool {
        match self {
            Self::Moment(_) | Self::Local(_) => false,
            Self::Pattern(pattern) => pattern.elapsed,
        }
    }
}

impl Iterator for Slots<'_> {
    type Item = Slot;

    fn next(&mut self) -> Option<Slot> {
        let slot = match self.times {
            Times::Moment(at) => self.single(at)?,
            Times::Local(_) | Times::Pattern(_) => self.search()?,
        };
        let end = self.schedule.end.map(|end| self.schedule.moment(end));
        (slot.at.utc().year() <= 9999 && end.is_none_or(|end| slot.at <= end)).then_some(slot)
    }
}

impl Slots<'_> {
    fn single(&mut self, at: Timestamp) -> Option<Slot> {
        let start = self.schedule.start.map(|start| self.schedule.moment(start));
        if at <= self.after || start.is_some_and(|start| at < start) {
            return None;
        }
        self.after = at;
        let zone = self.schedule.zone;
        let nominal =
            at.utc().naive_utc() + chrono::TimeDelta::seconds(zone.offset(at.utc().timestamp()).into());
        Some(Slot { nominal, fold: self.which(at.utc().timestamp()), at })
    }

    /// Goes from change to change of the offset: in between, local and universal time run in parallel.
    fn search(&mut self) -> Option<Slot> {
        let zone = self.schedule.zone;
        loop {
            let now = self.next;
            if let Some(nominal) = self.lost_before(now) {
                self.next = now + 1;
                return Some(Slot { nominal: naive(nominal)?, fold: Fold::First, at: second(now) });
            }
            let offset = i64::from(zone.offset(now));
            let horizon = now + 2 * DAY;
            let change = zone.change(now, horizon);
            let local = self.times.next(now + offset);
            let at = local.map(|local| local - offset);
            match (at, change) {
                (Some(at), change) if at < change.unwrap_or(horizon) => {
                    self.next = at + 1;
                    if self.wanted(at) {
                        return Some(Slot {
                            nominal: naive(at + offset)?,
                            fold: self.which(at),
                            at: second(at),
                        });
                    }
                }
                (_, Some(change)) => self.next = change,
                // Two days ahead no change of the offset brings back what is behind, and what comes is not reached
                // before two days of its own.
                (Some(at), None) => self.next = horizon.max(at - 2 * DAY),
                (None, None) => return None,
            }
        }
    }

    /// The earliest local time of the schedule that clocks skip when they are set forward at this second. None if the
    /// first time after the gap is one of the schedule: they would come at the same moment.
    fn lost_before(&self, now: i64) -> Option<i64> {
        if self.times.elapsed() || self.schedule.gap == GapPolicy::Skip {
            return None;
        }
        let zone = self.schedule.zone;
        let (skipped, shown) = (now + i64::from(zone.offset(now - 1)), zone.local(now));
        if skipped >= shown || self.times.next(shown) == Some(shown) {
            return None;
        }
        self.times.next(skipped).filter(|nominal| *nominal < shown)
    }

    fn wanted(&self, at: i64) -> bool {
        let zone = self.schedule.zone;
        self.times.elapsed()
            || match self.schedule.fold {
                FoldPolicy::First => !zone.repeats(at),
                FoldPolicy::Second => zone.repeats(at) || !zone.will_repeat(at),
                FoldPolicy::Both => true,
            }
    }

    fn which(&self, at: i64) -> Fold {
        if self.schedule.zone.repeats(at) { Fold::Second } else { Fold::First }
    }
}

fn naive(local: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(local, 0).map(|local| local.naive_utc())
}

fn second(at: i64) -> Timestamp {
    Timestamp::new(DateTime::from_timestamp(at, 0).unwrap_or(DateTime::<chrono::Utc>::MAX_UTC))
}

/// The first whole second from a moment on.
fn ceil(at: Timestamp) -> i64 {
    at.utc().timestamp() + i64::from(at.utc().timestamp_subsec_nanos() > 0)
}
