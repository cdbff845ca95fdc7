//! Moments, as people write and read them.

use goalwright_domain::Timestamp;

use crate::cli::duration;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How far `at` is from `now`: `3 min ago`, `in 2 days`. Text that is no moment stays as it is.
pub(crate) fn ago(at: &str, now: Timestamp) -> String {
    let Ok(moment) = at.parse::<Timestamp>() else { return at.to_owned() };
    let (past, future) = (now.millis_since(moment), moment.millis_since(now));
    match past.max(future) {
        ..1_000 => "just now".to_owned(),
        // A month or more away the date says more than a number of days.
        millis if millis >= 30 * DAY => at.get(..10).unwrap_or(at).to_owned(),
        millis if past > 0 => format!("{} ago", span(millis)),
        millis => format!("in {}", span(millis)),
    }
}

fn span(millis: i64) -> String {
    match millis {
        ..MINUTE => format!("{} s", millis / 1_000),
        MINUTE..HOUR => format!("{} min", millis / MINUTE),
        HOUR..DAY => format!("{} h", millis / HOUR),
        // To the nearest: what is due in two days and 23 hours is due in three days.
        _ => match (millis + DAY / 2) / DAY {
            1 => "1 day".to_owned(),
            days => format!("{days} days"),
        },
    }
}

/// Reads a moment that somebody gives: RFC 3339, a day, or a span from now. Days begin in UTC.
pub(crate) fn read_moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    let day = || format!("{text}T00:00:00Z").parse::<Timestamp>().ok();
    let later = || duration::parse(text.trim_start_matches("in ")).ok().map(|span| now + span);
    text.parse::<Timestamp>().ok().or_else(day).or_else(later).ok_or_else(|| {
        "give a moment such as 2026-12-24T18:00:00Z, a day such as 2026-12-24, or a span from now such as 3d"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().expect("a moment")
    }

    #[test]
    fn spans_are_told_in_the_largest_unit() {
        for (at, told) in [
            ("2026-11-21T12:00:00.000000Z", "just now"),
            ("2026-11-21T11:59:13Z", "47 s ago"),
            ("2026-11-21T11:57:00Z", "3 min ago"),
            ("2026-11-21T07:00:00Z", "5 h ago"),
            ("2026-11-20T11:00:00Z", "1 day ago"),
            ("2026-11-24T11:00:00Z", "in 3 days"),
            ("2026-11-21T13:30:00+01:00", "in 30 min"),
            ("2025-01-02T03:04:05Z", "2025-01-02"),
            ("soon", "soon"),
        ] {
            assert_eq!(ago(at, now()), told, "{at}");
        }
    }

    #[test]
    fn moments_are_read_as_people_write_them() {
        for (text, read) in [
            ("2026-12-24T18:00:00+01:00", "2026-12-24T17:00:00.000000Z"),
            ("2026-12-24", "2026-12-24T00:00:00.000000Z"),
            (" 3d ", "2026-11-24T12:00:00.000000Z"),
            ("in 1h30m", "2026-11-21T13:30:00.000000Z"),
        ] {
            assert_eq!(read_moment(text, now()).map(|at| at.to_string()), Ok(read.to_owned()), "{text}");
        }
        for text in ["", "tomorrow", "2026-13-01", "24.12.2026"] {
            assert!(read_moment(text, now()).is_err(), "{text}");
        }
    }
}
