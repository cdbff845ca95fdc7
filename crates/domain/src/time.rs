//! Instants as the product stores them: UTC, with microseconds.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in UTC, truncated to microseconds, since that is what both databases keep: a value that was stored
/// and read again is the same value. Its text always has six decimals (`2025-11-04T18:29:12.000000Z`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Truncates to microseconds. A leap second becomes the first second after it, as databases have it.
    pub fn new(at: DateTime<Utc>) -> Self {
        Self(DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at))
    }

    /// The moment for libraries that know chrono.
    pub const fn utc(self) -> DateTime<Utc> {
        self.0
    }

    /// Seconds since the epoch with a fraction, as the experience contract wants next to the ISO text.
    pub fn as_seconds(self) -> f64 {
        self.0.timestamp_micros() as f64 / 1e6
    }

    /// Seconds from `earlier` to here with a fraction, never below zero.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.as_seconds() - earlier.as_seconds()).max(0.0)
    }

    /// From `earlier` to here, nothing if that is later.
    pub fn since(self, earlier: Self) -> Duration {
        (self.0 - earlier.0).to_std().unwrap_or_default()
    }

    /// Milliseconds from `earlier` to here, never below zero: clocks of two machines may disagree.
    pub fn millis_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).num_milliseconds().max(0)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(at: DateTime<Utc>) -> Self {
        Self::new(at)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    /// Saturates at the end of representable time.
    fn add(self, span: Duration) -> Self {
        let delta = TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX);
        Self::new(self.0.checked_add_signed(delta).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    /// Saturates at the beginning of representable time.
    fn sub(self, span: Duration) -> Self {
        let delta = TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX);
        Self::new(self.0.checked_sub_signed(delta).unwrap_or(DateTime::<Utc>::MIN_UTC))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;
    /// Reads RFC 3339 with any offset and any number of decimals, in the years 1 to 9999 of UTC: others have no such text,
    /// and would sort wrongly where times are stored as texts.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let at = DateTime::parse_from_rfc3339(text).map_err(|_| TimeError)?;
        let at = Self::new(at.with_timezone(&Utc));
        if (1..=9999).contains(&at.0.year()) { Ok(at) } else { Err(TimeError) }
    }
}

/// A text that is no moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a moment is written like 2026-01-31T12:00:00Z, in the years 1 to 9999")]
pub struct TimeError;

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn always_prints_six_decimals_and_reads_any() {
        for (given, printed) in [
            ("2025-11-04T18:29:12Z", "2025-11-04T18:29:12.000000Z"),
            ("2025-11-04T19:29:12.5+01:00", "2025-11-04T18:29:12.500000Z"),
            ("2025-11-04T18:29:12.123456789Z", "2025-11-04T18:29:12.123456Z"),
        ] {
            let at: Timestamp = given.parse().expect("valid");
            assert_eq!(at.to_string(), printed);
        }
    }

    #[test]
    fn leap_seconds_become_the_next_second_and_far_years_are_refused() {
        let leap: Timestamp = "2016-12-31T23:59:60Z".parse().expect("valid");
        assert_eq!(leap.to_string(), "2017-01-01T00:00:00.000000Z");
        for text in
            ["9999-12-31T23:59:59-12:00", "9999-12-31T23:59:60Z", "0001-01-01T00:00:00+01:00", "tomorrow"]
        {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_clock_that_went_back_gives_no_negative_duration() {
        let earlier: Timestamp = "2025-11-04T18:29:12Z".parse().expect("valid");
        let later: Timestamp = "2025-11-04T18:29:13.042Z".parse().expect("valid");
        assert_eq!(later.millis_since(earlier), 1042);
        assert_eq!(earlier.millis_since(later), 0);
    }
}
