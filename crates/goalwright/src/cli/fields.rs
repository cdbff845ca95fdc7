//! Fields of what the interface answers, as text. A field that is not there is empty, so that a server of another version can
//! be asked as well.

use goalwright_domain::Timestamp;
use serde_json::Value;

use crate::client::short;
use crate::failure::printable;
use crate::terminal::{ago, dim};

/// A field as text; null is empty.
pub(super) fn text(value: &Value, field: &str) -> String {
    match &value[field] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A whole number; none is 0.
pub(super) fn number(value: &Value, field: &str) -> i64 {
    value[field].as_i64().unwrap_or_default()
}

/// How many entries an array has.
pub(super) fn count(value: &Value, field: &str) -> usize {
    value[field].as_array().map_or(0, Vec::len)
}

/// An array of texts.
pub(super) fn texts(value: &Value, field: &str) -> Vec<String> {
    let entries = value[field].as_array().map_or(&[][..], Vec::as_slice);
    entries.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The end of an id.
pub(super) fn short_id(value: &Value, field: &str) -> String {
    short(value[field].as_str().unwrap_or_default()).to_owned()
}

/// How long ago, or how far ahead, a moment is.
pub(super) fn when(value: &Value, field: &str, now: Timestamp) -> String {
    value[field].as_str().map(|at| ago(at, now)).unwrap_or_default()
}

/// A moment with its distance, for pages about one thing.
pub(super) fn moment(value: &Value, field: &str, now: Timestamp) -> String {
    let Some(at) = value[field].as_str() else { return String::new() };
    let written = at.get(..19).map_or_else(|| at.to_owned(), |at| format!("{} UTC", at.replace('T', " ")));
    match ago(at, now) {
        told if at.starts_with(&told) => written,
        told => format!("{written} ({told})"),
    }
}

/// What a thing is called.
pub(super) fn name_of(thing: &Value) -> String {
    ["title", "name", "type"]
        .iter()
        .map(|field| text(thing, field))
        .find(|name| !name.is_empty())
        .unwrap_or_default()
}

/// A page of fields, one per line, their names in one column; those without a value are left out.
pub(super) fn page(fields: &[(&str, String)]) -> Vec<String> {
    let shown = || fields.iter().filter(|(_, value)| !value.trim().is_empty());
    let wide = shown().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let mut lines = Vec::new();
    for (name, value) in shown() {
        for (index, line) in value.trim_end().lines().enumerate() {
            let name = if index == 0 { dim(&format!("{name:wide$}")) } else { " ".repeat(wide) };
            lines.push(format!("  {name}  {}", printable(line)).trim_end().to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_are_not_there_are_empty() {
        let value = json!({"a": "x", "n": 7, "list": ["p", 1, "q"], "none": null});
        assert_eq!(
            [text(&value, "a"), text(&value, "n"), text(&value, "none"), text(&value, "gone")],
            ["x", "7", "", ""]
        );
        assert_eq!((number(&value, "n"), number(&value, "gone"), count(&value, "list")), (7, 0, 3));
        assert_eq!(texts(&value, "list"), ["p", "q"]);
    }

    #[test]
    fn a_page_lines_up_and_leaves_out_what_is_empty() {
        let lines =
            page(&[("id", "1".into()), ("nothing", " ".into()), ("text", "one\n\u{1b}[1mtwo\n".into())]);
        let plain: Vec<String> =
            lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(plain, ["  id    1", "  text  one", "         [1mtwo"]);
    }

    #[test]
    fn moments_are_told_with_their_distance() {
        let now = "2026-11-21T12:00:00Z".parse().expect("a moment");
        let value = json!({"near": "2026-11-21T11:00:00.000000Z", "far": "2025-01-02T03:04:05.000000Z"});
        assert_eq!(moment(&value, "near", now), "2026-11-21 11:00:00 UTC (1 h ago)");
        assert_eq!(moment(&value, "far", now), "2025-01-02 03:04:05 UTC");
        assert_eq!(moment(&value, "none", now), "");
    }
}
