//! Spans of time as people write them.

use std::time::Duration;

/// The longest that is taken: ten years.
const LONGEST: u64 = 3650 * DAY;
const DAY: u64 = 86_400;

/// Reads `45s`, `15m`, `1h`, `7d` and sums of them such as `1h30m`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let seconds = seconds(text.trim()).filter(|seconds| (1..=LONGEST).contains(seconds));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "give a span such as 45s, 15m, 1h30m or 7d, at most 3650d".to_owned())
}

fn seconds(text: &str) -> Option<u64> {
    let (mut total, mut digits) = (0_u64, String::new());
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => DAY,
            _ => return None,
        };
        let count: u64 = digits.parse().ok()?;
        total = total.checked_add(count.checked_mul(unit)?)?;
        digits.clear();
    }
    digits.is_empty().then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, seconds) in
            [("45s", 45), ("15m", 900), ("1h", 3600), ("1h30m", 5400), (" 7d ", 604_800), ("3650d", LONGEST)]
        {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "1",
            "h",
            "1w",
            "-1h",
            "1.5h",
            "0s",
            "3651d",
            "99999999999999999999d",
            "18446744073709551615d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
