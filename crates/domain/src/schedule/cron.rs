use super::pattern::{Days, EVERY_WEEKDAY, Pattern};

/// A cron text of five fields (minute, hour, day of month, month, day of week), or six with seconds before them.
///
/// A field is a list of `*`, `a`, `a-b`, each of the last two and `*` with a step (`a-b/n`, `*/n`). Months and weekdays may be named
/// by their first three letters; Sunday is 0 or 7. As in Vixie's cron (crontab(5)): if day of month and day of week are both
/// restricted, that is, neither begins with `*`, a day needs to match only one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    pattern: Pattern,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    names: &'static [&'static str],
}

const SECOND: Field = Field { name: "second", first: 0, last: 59, names: &[] };
const MINUTE: Field = Field { name: "minute", first: 0, last: 59, names: &[] };
const HOUR: Field = Field { name: "hour", first: 0, last: 23, names: &[] };
const MONTH_DAY: Field = Field { name: "day of month", first: 1, last: 31, names: &[] };
const MONTH: Field = Field { name: "month", first: 1, last: 12, names: &MONTHS };
const WEEKDAY: Field = Field { name: "day of week", first: 0, last: 7, names: &WEEKDAYS };

impl Cron {
    /// The text, with single blanks and in lower case.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) const fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Reads a text.
    ///
    /// # Errors
    /// One sentence for each field that is wrong, or one about the whole.
    pub(super) fn read(text: &str) -> Result<Self, Vec<String>> {
        let text = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        if text.starts_with('@') {
            return Err(vec![format!("`{text}` is an alias; write the five fields, such as `0 0 * * *`")]);
        }
        let mut given: Vec<&str> = text.split(' ').collect();
        if given.len() == 5 {
            given.insert(0, "0");
        }
        let &[second, minute, hour, month_day, month, weekday] = given.as_slice() else {
            let count = text.split_ascii_whitespace().count();
            return Err(vec![format!(
                "has {count} fields; five are wanted (minute, hour, day of month, month, day of week), or six with seconds first"
            )]);
        };
        let mut wrong = Vec::new();
        let mut read = |field: &Field, text: &str| match field.read(text) {
            Ok(set) => set,
            Err(message) => {
                wrong.push(format!("{}: {message}", field.name));
                0
            }
        };
        let (seconds, minutes, hours) = (read(&SECOND, second), read(&MINUTE, minute), read(&HOUR, hour));
        let (of_month, months, week) =
            (read(&MONTH_DAY, month_day), read(&MONTH, month), read(&WEEKDAY, weekday));
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let pattern = Pattern {
            seconds,
            minutes,
            hours,
            months,
            days: Days::Sets {
                of_month,
                of_week: (week | week >> 7) & EVERY_WEEKDAY,
                either: !is_wild(month_day) && !is_wild(weekday),
            },
            elapsed: is_wild(second) || is_wild(minute) || is_wild(hour),
        };
        if pattern.next(0).is_none() {
            return Err(vec!["never comes: no year has such a day".to_owned()]);
        }
        Ok(Self { text, pattern })
    }
}

/// As Vixie's cron has it: a field that begins with a star restricts nothing, even with a step.
fn is_wild(field: &str) -> bool {
    field.starts_with('*')
}

impl Field {
    fn read(&self, text: &str) -> Result<u64, String> {
        let mut set = 0;
        for item in text.split(',') {
            set |= self.item(item)?;
        }
        Ok(set)
    }

    fn item(&self, item: &str) -> Result<u64, String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (self.value(first, item)?, self.end(last, item)?),
            None if range == "*" => (self.first, self.last_of_all()),
            None if step.is_some() => {
                let last = self.last_of_all();
                return Err(format!(
                    "`{item}` has a step without a range; write `{range}-{last}/…`, or `*/…`"
                ));
            }
            None => {
                let value = self.value(range, item)?;
                (value, value)
            }
        };
        if first > last {
            return Err(format!("`{item}` ends before it begins; write two ranges, separated by a comma"));
        }
        let step = match step.map(digits) {
            None => 1,
            Some(Some(step)) if step >= 1 && step <= self.last => step,
            Some(_) => {
                return Err(format!("the step in `{item}` is none; write a number from 1 to {}", self.last));
            }
        };
        let every = (first..=last).step_by(usize::try_from(step).unwrap_or(1));
        Ok(every.fold(0, |set, value| set | 1 << value))
    }

    /// Sunday is 7 at the end of a range, so that `sat-sun` is one.
    fn end(&self, text: &str, item: &str) -> Result<u32, String> {
        if text == "sun" { Ok(7) } else { self.value(text, item) }
    }

    fn value(&self, text: &str, item: &str) -> Result<u32, String> {
        let named = self.names.iter().position(|name| *name == text);
        let value = match named {
            Some(index) => u32::try_from(index).ok().map(|index| index + self.first),
            None => digits(text),
        };
        value
            .filter(|value| (self.first..=self.last).contains(value))
            .ok_or_else(|| self.complaint(text, item))
    }

    fn complaint(&self, text: &str, item: &str) -> String {
        let names = match self.names {
            [] => String::new(),
            [first, .., last] => format!(" or {first} to {last}"),
            [one] => format!(" or {one}"),
        };
        let of = if text == item { String::new() } else { format!(" in `{item}`") };
        let advice = match text {
            "l" => "; for the last day of a month use the frequency `monthly` with `last`",
            "?" => "; write `*` instead",
            _ => "",
        };
        format!("`{text}`{of} is not {} to {}{names}{advice}", self.first, self.last)
    }

    /// Without the second Sunday.
    fn last_of_all(&self) -> u32 {
        if self.last == 7 { 6 } else { self.last }
    }
}

/// A number of at most two digits, without a sign.
fn digits(text: &str) -> Option<u32> {
    let good = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if good { text.parse().ok() } else { None }
}
