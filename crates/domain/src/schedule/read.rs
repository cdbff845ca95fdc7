use chrono::{Datelike, NaiveDateTime, NaiveTime, Timelike, Weekday};
use serde_json::{Map, Value};

use super::cron::Cron;
use super::model::{
    FoldPolicy, Frequency, GapPolicy, MisfirePolicy, MonthDay, OverlapPolicy, Schedule, When,
};
use super::zone::Zone;
use super::{CRON_LIMIT, JITTER_LIMIT, MISFIRE_WINDOW_LIMIT};
use crate::{Timestamp, Violation};

/// How far back missed slots are caught up unless somebody says otherwise, in seconds.
const MISFIRE_WINDOW: u32 = 3_600;
const FIELDS: [&str; 17] = [
    "frequency",
    "at",
    "minute",
    "time",
    "weekdays",
    "day",
    "last",
    "cron",
    "timezone",
    "start",
    "end",
    "jitter",
    "overlap",
    "misfire",
    "misfire_window",
    "gap",
    "fold",
];
const WEEKDAYS: [(&str, &str, Weekday); 7] = [
    ("monday", "mon", Weekday::Mon),
    ("tuesday", "tue", Weekday::Tue),
    ("wednesday", "wed", Weekday::Wed),
    ("thursday", "thu", Weekday::Thu),
    ("friday", "fri", Weekday::Fri),
    ("saturday", "sat", Weekday::Sat),
    ("sunday", "sun", Weekday::Sun),
];

impl Schedule {
    /// Reads a schedule as the contract writes it. A field that is null is one that is left out. `path` is where the
    /// schedule stands in the input, such as `schedule`.
    ///
    /// # Errors
    /// Every violation at once, each with its path, such as `schedule.time`.
    pub fn read(value: &Value, path: &str) -> Result<Self, Vec<Violation>> {
        let Some(fields) = value.as_object() else {
            return Err(vec![Violation::new(
                path,
                "wrong_type",
                "a schedule is an object, such as {\"frequency\": \"daily\", \"time\": \"05:00\"}",
            )]);
        };
        let mut reader = Reader { fields, path, violations: Vec::new() };
        let schedule = reader.schedule();
        match schedule {
            Some(schedule) if reader.violations.is_empty() => {
                schedule.that_comes(path).map_err(|one| vec![one])
            }
            _ => Err(reader.violations),
        }
    }

    /// A schedule whose slots all lie outside of its own bounds is a mistake.
    fn that_comes(self, path: &str) -> Result<Self, Violation> {
        if let (Some(start), Some(end)) = (self.start, self.end)
            && self.moment(end) < self.moment(start)
        {
            let message = "is before `start`";
            return Err(Violation::new(format!("{path}.end"), "never_comes", message));
        }
        let from = Timestamp::new(chrono::DateTime::UNIX_EPOCH) - std::time::Duration::from_secs(86_400);
        if self.slots(from).next().is_some() {
            return Ok(self);
        }
        let (field, message) = match (self.end, &self.frequency) {
            (None, Frequency::Once { .. }) => {
                ("at", "clocks skip this time there, and `gap` says to skip it then")
            }
            (None, _) => ("frequency", "never comes"),
            (Some(_), _) => ("end", "the schedule ends before it comes for the first time"),
        };
        Err(Violation::new(format!("{path}.{field}"), "never_comes", message))
    }
}

struct Reader<'a> {
    fields: &'a Map<String, Value>,
    path: &'a str,
    violations: Vec<Violation>,
}

impl<'a> Reader<'a> {
    fn schedule(&mut self) -> Option<Schedule> {
        for field in self.fields.keys().filter(|field| !FIELDS.contains(&field.as_str())) {
            let message = format!("a schedule has no such field; it has {}", FIELDS.join(", "));
            let shown: String = field.chars().take(60).collect();
            self.violations.push(Violation::new(format!("{}.{shown}", self.path), "unknown_field", message));
        }
        let frequency = self.frequency();
        let zone = self.zone();
        let (start, end) = (self.when("start"), self.when("end"));
        let jitter = self.number("jitter", 0, JITTER_LIMIT);
        let overlap = self.word("overlap", OverlapPolicy::ALL, OverlapPolicy::as_str);
        let misfire = self.word("misfire", MisfirePolicy::ALL, MisfirePolicy::as_str);
        let misfire_window = self.number("misfire_window", 0, MISFIRE_WINDOW_LIMIT);
        let gap = self.word("gap", GapPolicy::ALL, GapPolicy::as_str);
        let fold = self.word("fold", FoldPolicy::ALL, FoldPolicy::as_str);
        Some(Schedule {
            frequency: frequency?,
            zone: zone?,
            start,
            end,
            jitter: jitter.unwrap_or(0),
            overlap: overlap.unwrap_or(OverlapPolicy::Skip),
            misfire: misfire.unwrap_or(MisfirePolicy::Last),
            misfire_window: misfire_window.unwrap_or(MISFIRE_WINDOW),
            gap: gap.unwrap_or(GapPolicy::Shift),
            fold: fold.unwrap_or(FoldPolicy::First),
        })
    }

    fn frequency(&mut self) -> Option<Frequency> {
        let named = match self.text("frequency") {
            Some(named) => named,
            None if self.has("frequency") => return None,
            None if self.has("cron") => "cron",
            None => {
                self.wrong(
                    "frequency",
                    "required",
                    "say once, hourly, daily, weekly or monthly, or give `cron`",
                );
                return None;
            }
        };
        let (takes, frequency): (&[&str], _) = match named {
            "once" => (&["at"], self.once()),
            "hourly" => (&["minute"], self.hourly()),
            "daily" => (&["time"], self.time().map(|time| Frequency::Daily { time })),
            "weekly" => (&["weekdays", "time"], self.weekly()),
            "monthly" => (&["day", "last", "time"], self.monthly()),
            "cron" => (&["cron"], self.cron()),
            _ => {
                self.wrong(
                    "frequency",
                    "unknown_value",
                    "is none of once, hourly, daily, weekly, monthly, cron",
                );
                return None;
            }
        };
        for field in ["at", "minute", "time", "weekdays", "day", "last", "cron"] {
            if self.has(field) && !takes.contains(&field) {
                let message = format!("a schedule with the frequency `{named}` has no `{field}`; remove it");
                self.wrong(field, "unexpected_field", message);
            }
        }
        frequency
    }

    fn once(&mut self) -> Option<Frequency> {
        self.required("at", "say when, such as 2026-03-01T09:00:00")?;
        self.when("at").map(|at| Frequency::Once { at })
    }

    fn hourly(&mut self) -> Option<Frequency> {
        let minute = if self.has("minute") { self.number("minute", 0, 59)? } else { 0 };
        Some(Frequency::Hourly { minute })
    }

    fn weekly(&mut self) -> Option<Frequency> {
        let (weekdays, time) = (self.weekdays(), self.time());
        Some(Frequency::Weekly { weekdays: weekdays?, time: time? })
    }

    fn weekdays(&mut self) -> Option<Vec<Weekday>> {
        let given = self.required("weekdays", "say on which days, such as [\"mon\", \"fri\"]")?;
        let Some(given) = given.as_array().filter(|given| (1..=14).contains(&given.len())) else {
            self.wrong("weekdays", "wrong_type", "is a list of one or more days, such as [\"mon\", \"fri\"]");
            return None;
        };
        let mut days = Vec::new();
        let known = self.violations.len();
        for (index, day) in given.iter().enumerate() {
            let word = day.as_str().unwrap_or_default().to_lowercase();
            match WEEKDAYS.iter().find(|(long, short, _)| word == *long || word == *short) {
                Some((.., day)) => days.push(*day),
                None => {
                    let message = "is no weekday; write mon, tue, wed, thu, fri, sat or sun";
                    self.wrong(&format!("weekdays[{index}]"), "unknown_value", message);
                }
            }
        }
        days.sort_unstable_by_key(Weekday::num_days_from_monday);
        days.dedup();
        (self.violations.len() == known).then_some(days)
    }

    fn monthly(&mut self) -> Option<Frequency> {
        let (day, time) = (self.month_day(), self.time());
        Some(Frequency::Monthly { day: day?, time: time? })
    }

    fn month_day(&mut self) -> Option<MonthDay> {
        let last = match self.field("last") {
            None => false,
            Some(Value::Bool(last)) => *last,
            Some(_) => {
                self.wrong("last", "wrong_type", "is true or false");
                return None;
            }
        };
        match (self.has("day"), last) {
            (true, true) => {
                self.wrong("last", "unexpected_field", "give `day` or `last`, not both");
                None
            }
            (true, false) => self.number("day", 1, 31).map(MonthDay::Day),
            (false, true) => Some(MonthDay::Last),
            (false, false) => {
                self.wrong("day", "required", "say on which day, 1 to 31, or `last: true` for the last one");
                None
            }
        }
    }

    fn cron(&mut self) -> Option<Frequency> {
        self.required("cron", "give five fields, such as `0 9 * * mon-fri`")?;
        let text = self.text("cron")?;
        if text.chars().count() > CRON_LIMIT {
            self.wrong("cron", "too_long", format!("at most {CRON_LIMIT} characters are allowed"));
            return None;
        }
        match Cron::read(text) {
            Ok(cron) => Some(Frequency::Cron(cron)),
            Err(messages) => {
                for message in messages {
                    self.wrong("cron", "invalid_cron", message);
                }
                None
            }
        }
    }

    fn time(&mut self) -> Option<NaiveTime> {
        self.required("time", "say at which time of day, such as 05:00")?;
        let text = self.text("time")?;
        let time = time_of_day(text);
        if time.is_none() {
            self.wrong(
                "time",
                "invalid_time",
                "is no time of day; write it like 05:00 or 17:30:15, up to 23:59:59",
            );
        }
        time
    }

    fn zone(&mut self) -> Option<Zone> {
        if !self.has("timezone") {
            return Some(Zone::UTC);
        }
        let name = self.text("timezone")?;
        let zone = Zone::named(name);
        if zone.is_none() {
            let near = Zone::near(name);
            let advice = match near.split_last() {
                None => "write an IANA name, such as Europe/Berlin, or UTC".to_owned(),
                Some((one, [])) => format!("did you mean {one}?"),
                Some((last, others)) => format!("did you mean {} or {last}?", others.join(", ")),
            };
            self.wrong(
                "timezone",
                "unknown_timezone",
                format!("the time zone database has no such zone; {advice}"),
            );
        }
        zone
    }

    fn when(&mut self, field: &str) -> Option<When> {
        if !self.has(field) {
            return None;
        }
        let text = self.text(field)?;
        let when = moment(text);
        if when.is_none() {
            let message = "is no moment; write it like 2026-03-01T09:00:00Z, or 2026-03-01T09:00:00 for the time in `timezone`, in the years 1970 to 9999";
            self.wrong(field, "invalid_time", message);
        }
        when
    }

    fn number(&mut self, field: &str, least: u32, most: u32) -> Option<u32> {
        let value = self.field(field)?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.wrong(field, "out_of_range", format!("is a whole number from {least} to {most}"));
        }
        number
    }

    fn word<T: Copy>(&mut self, field: &str, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
        if !self.has(field) {
            return None;
        }
        let text = self.text(field)?;
        let found = all.iter().copied().find(|one| name(*one) == text);
        if found.is_none() {
            let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
            self.wrong(field, "unknown_value", format!("is none of {}", names.join(", ")));
        }
        found
    }

    fn text(&mut self, field: &str) -> Option<&'a str> {
        let value = self.field(field)?;
        if value.as_str().is_none() {
            self.wrong(field, "wrong_type", "is a text");
        }
        value.as_str()
    }

    fn required(&mut self, field: &str, advice: &str) -> Option<&'a Value> {
        let value = self.field(field);
        if value.is_none() {
            self.wrong(field, "required", advice);
        }
        value
    }

    fn field(&self, field: &str) -> Option<&'a Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    fn has(&self, field: &str) -> bool {
        self.field(field).is_some()
    }

    fn wrong(&mut self, field: &str, code: &str, message: impl Into<String>) {
        self.violations.push(Violation::new(format!("{}.{field}", self.path), code, message));
    }
}

/// `HH:MM` or `HH:MM:SS`, nothing else: chrono would also read `5:0` and leap seconds.
fn time_of_day(text: &str) -> Option<NaiveTime> {
    let parts: Vec<u32> = text
        .split(':')
        .map(|part| {
            let good = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            if good { part.parse().ok() } else { None }
        })
        .collect::<Option<_>>()?;
    match parts.as_slice() {
        [hour, minute] => NaiveTime::from_hms_opt(*hour, *minute, 0),
        [hour, minute, second] => NaiveTime::from_hms_opt(*hour, *minute, *second),
        _ => None,
    }
}

/// With an offset it is a moment, without one a local time.
fn moment(text: &str) -> Option<When> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return (1970..=9999).contains(&at.utc().year()).then_some(When::Moment(at));
    }
    let (date, time) = text.split_once(['T', ' '])?;
    let parsed = chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    // A round trip, since chrono would also read `2026-3-1`.
    let local = NaiveDateTime::new(parsed, time_of_day(time)?);
    let good = parsed.to_string() == date && (1970..=9998).contains(&local.year()) && local.nanosecond() == 0;
    good.then_some(When::Local(local))
}
