//! Indented lines with a meaning: `type: build`, `estimate: 30m`, `priority: 2`.

/// A sub-line that sets something of its task.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// `type: word`
    Type(String),
    /// `estimate: 30m`, in minutes.
    Estimate(u32),
    /// `priority: 2`
    Priority(i32),
    /// The name of a field, with a value that cannot be read.
    Unreadable(&'static str),
}

impl Field {
    /// The name of the field as it is written.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Type(_) => "type",
            Self::Estimate(_) => "estimate",
            Self::Priority(_) => "priority",
            Self::Unreadable(name) => name,
        }
    }

    /// Reads a line without indentation and list marker; `None` if it is text.
    pub(super) fn parse(body: &str) -> Option<Self> {
        let (name, value) = body.split_once(':')?;
        let name = name.trim_matches(['*', '_', ' ']);
        let value = value.trim_matches(['*', '_', ' ', '\t']);
        if name.eq_ignore_ascii_case("type") {
            let is_word = |character: char| character.is_alphanumeric() || "-_.".contains(character);
            let fits = !value.is_empty() && value.len() <= 100 && value.chars().all(is_word);
            Some(if fits { Self::Type(value.to_owned()) } else { Self::Unreadable("type") })
        } else if name.eq_ignore_ascii_case("estimate") {
            Some(minutes(value).map_or(Self::Unreadable("estimate"), Self::Estimate))
        } else if name.eq_ignore_ascii_case("priority") {
            Some(value.parse().map_or(Self::Unreadable("priority"), Self::Priority))
        } else {
            None
        }
    }
}

/// `30`, `30m`, `2h`, `1h30m`, `1.5 hours`; a number without a unit counts minutes.
fn minutes(text: &str) -> Option<u32> {
    let mut rest = text.trim();
    if rest.is_empty() || rest.len() > 40 {
        return None;
    }
    let mut total = 0_u32;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (number, behind) = rest.split_at(number_end);
        let behind = behind.trim_start();
        let unit_end = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit_end);
        let factor = match unit.to_ascii_lowercase().as_str() {
            "" if behind.is_empty() => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 1,
            "h" | "hr" | "hrs" | "hour" | "hours" => 60,
            _ => return None,
        };
        total = total.checked_add(times(number, factor)?)?;
        rest = behind.trim_start();
    }
    Some(total)
}

/// A decimal number times a factor; what is left of a minute counts as a whole one.
fn times(number: &str, factor: u32) -> Option<u32> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u32 = whole.parse().ok()?;
    let mut minutes = whole.checked_mul(factor)?;
    if !fraction.is_empty() {
        let digits: u64 = fraction.get(..fraction.len().min(6))?.parse().ok()?;
        let scale = 10_u64.pow(u32::try_from(fraction.len().min(6)).ok()?);
        minutes = minutes.checked_add(u32::try_from((digits * u64::from(factor)).div_ceil(scale)).ok()?)?;
    }
    Some(minutes)
}
