//! Moments in the spellings of other programs.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::Value;

use crate::Timestamp;

/// A moment: RFC 3339; the same without a zone, which is UTC; seconds, milliseconds or microseconds since 1970.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => since_1970(number.as_f64()?),
        Value::String(text) => {
            let text = text.trim();
            text.parse::<f64>().ok().and_then(since_1970).or_else(|| written(text))
        }
        _ => None,
    }
}

fn since_1970(number: f64) -> Option<Timestamp> {
    let micros = match number.abs() {
        size if size < 1e7 => return None,
        size if size < 1e11 => number * 1e6,
        size if size < 1e14 => number * 1e3,
        size if size < 1e17 => number,
        _ => return None,
    };
    in_range(DateTime::from_timestamp_micros(micros.round() as i64)?.to_rfc3339())
}

fn written(text: &str) -> Option<Timestamp> {
    let dashed = text.replacen(' ', "T", 1);
    if let Ok(at) = dashed.parse() {
        return Some(at);
    }
    let zoned = ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M:%S%.fT%z", "%Y%m%dT%H%M%S%.f%z"];
    let squeezed = dashed.replace(" +", "+").replace(" -", "-").replace(" UTC", "+0000");
    if let Some(at) = zoned.iter().find_map(|form| DateTime::parse_from_str(&squeezed, form).ok()) {
        return in_range(at.to_rfc3339());
    }
    let local = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y/%m/%dT%H:%M:%S%.f",
        "%Y%m%dT%H%M%S%.fZ",
        "%Y%m%dT%H%M%S%.f",
        "%Y-%m-%dT%H-%M-%S",
        "%Y%m%d_%H%M%S",
        "%Y%m%d-%H%M%S",
    ];
    let at = local.iter().find_map(|form| NaiveDateTime::parse_from_str(&dashed, form).ok());
    let at = at.or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0));
    in_range(at?.and_utc().to_rfc3339())
}

/// Moments have texts in the years 1 to 9999 only.
fn in_range(text: String) -> Option<Timestamp> {
    text.parse().ok()
}

/// The moment in the name of a file: `report_20251104T182912Z.json`, `report-2025-11-04.json`.
pub(super) fn time_in(file: &str) -> Option<Timestamp> {
    let name = file.rsplit('/').next().unwrap_or_default();
    let name = name.rsplit_once('.').map_or(name, |(name, _)| name);
    let starts = name.char_indices().filter(|(at, c)| {
        c.is_ascii_digit() && !name[..*at].ends_with(|before: char| before.is_ascii_digit())
    });
    starts.map(|(at, _)| &name[at..]).find_map(|rest| {
        let lengths = [27, 20, 19, 16, 15, 13, 10];
        let whole = std::iter::once(rest);
        let parts = lengths.iter().filter_map(|length| rest.get(..*length));
        whole
            .chain(parts)
            .find_map(|part| part.parse::<f64>().ok().and_then(since_1970).or_else(|| written(part)))
    })
}
