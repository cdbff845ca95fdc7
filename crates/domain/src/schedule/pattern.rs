use chrono::{Datelike, NaiveDate};

const DAY: i64 = 86_400;
/// The Gregorian calendar, weekdays included, repeats after 400 years: what does not come until then never comes.
const CYCLE: i32 = 400;
/// The last year with a text of RFC 3339.
const LAST_YEAR: i32 = 9999;

/// Local times as sets, one bit per value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u64,
    pub(super) months: u64,
    pub(super) days: Days,
    /// Fires at every moment whose local time matches, instead of obeying `gap` and `fold`.
    pub(super) elapsed: bool,
}

/// Which days of the months.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Days {
    /// By day of the month (1 to 31) and day of the week (Sunday is 0).
    Sets { of_month: u64, of_week: u64, either: bool },
    /// The last one.
    Last,
}

/// The set of all from `first` to `last`.
pub(super) const fn span(first: u32, last: u32) -> u64 {
    let mut set = 0;
    let mut value = first;
    while value <= last {
        set |= 1 << value;
        value += 1;
    }
    set
}

pub(super) const EVERY_MONTH: u64 = span(1, 12);
pub(super) const EVERY_WEEKDAY: u64 = span(0, 6);
pub(super) const EVERY_MONTH_DAY: u64 = span(1, 31);

impl Pattern {
    /// The first matching local time from `local` on, in seconds of the epoch as if it were universal time.
    pub(super) fn next(&self, local: i64) -> Option<i64> {
        let (day, second) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let mut date = date(day)?;
        if self.takes(date)
            && let Some(second) = self.second_of_day(u32::try_from(second).ok()?)
        {
            return Some(day * DAY + i64::from(second));
        }
        date = self.next_date(date.succ_opt()?)?;
        Some(i64::from(date.to_epoch_days()) * DAY + i64::from(self.second_of_day(0)?))
    }

    fn second_of_day(&self, from: u32) -> Option<u32> {
        let (hour, minute, second) = (from / 3_600, from / 60 % 60, from % 60);
        let first = |set: u64| from_on(set, 0);
        let h = from_on(self.hours, hour)?;
        if h > hour {
            return Some(h * 3_600 + first(self.minutes)? * 60 + first(self.seconds)?);
        }
        if let Some(m) = from_on(self.minutes, minute) {
            if m > minute {
                return Some(h * 3_600 + m * 60 + first(self.seconds)?);
            }
            if let Some(s) = from_on(self.seconds, second) {
                return Some(h * 3_600 + m * 60 + s);
            }
            if let Some(m) = from_on(self.minutes, minute + 1) {
                return Some(h * 3_600 + m * 60 + first(self.seconds)?);
            }
        }
        let h = from_on(self.hours, hour + 1)?;
        Some(h * 3_600 + first(self.minutes)? * 60 + first(self.seconds)?)
    }

    fn next_date(&self, from: NaiveDate) -> Option<NaiveDate> {
        let last = (from.year() + CYCLE).min(LAST_YEAR);
        let mut date = from;
        while date.year() <= last {
            if !holds(self.months, date.month()) {
                date = first_of_next_month(date)?;
            } else if self.takes(date) {
                return Some(date);
            } else {
                date = date.succ_opt()?;
            }
        }
        None
    }

    fn takes(&self, date: NaiveDate) -> bool {
        if !holds(self.months, date.month()) {
            return false;
        }
        match self.days {
            Days::Last => date.succ_opt().is_none_or(|next| next.day() == 1),
            Days::Sets { of_month, of_week, either } => {
                let by_month = holds(of_month, date.day());
                let by_week = holds(of_week, date.weekday().num_days_from_sunday());
                if either { by_month || by_week } else { by_month && by_week }
            }
        }
    }
}

fn date(day: i64) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(i32::try_from(day).ok()?)
}

fn first_of_next_month(date: NaiveDate) -> Option<NaiveDate> {
    let (year, month) =
        if date.month() == 12 { (date.year() + 1, 1) } else { (date.year(), date.month() + 1) };
    NaiveDate::from_ymd_opt(year, month, 1)
}

const fn holds(set: u64, value: u32) -> bool {
    set >> value & 1 == 1
}

/// The smallest member that is not below `value`.
fn from_on(set: u64, value: u32) -> Option<u32> {
    let rest = set.checked_shr(value)?;
    (rest != 0).then(|| value + rest.trailing_zeros())
}
