//! Whether a command said what a page shows.
//!
//! What varies between two runs is passed over, see `words`. A page may leave something out with `…`: lines between two
//! that it shows, a value in a JSON document, and with `"…": "…"` the other members of an object, with `"…"` at the end the
//! other entries of a list.

use serde_json::{Map, Value};

use crate::words::settled;

const LEFT_OUT: &str = "…";

/// Whether the page shows what was said.
pub(crate) fn alike(shown: &str, said: &str) -> bool {
    match (documents(shown), documents(said)) {
        (Some(shown), Some(said)) => {
            shown.len() == said.len() && shown.iter().zip(&said).all(|(shown, said)| value(shown, said))
        }
        _ => lines(&settled_lines(shown), &settled_lines(said)),
    }
}

/// The JSON documents that the text consists of.
fn documents(text: &str) -> Option<Vec<Value>> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) {
        return None;
    }
    serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>().ok()
}

fn settled_lines(text: &str) -> Vec<String> {
    text.trim_end()
        .lines()
        .map(|line| if line == LEFT_OUT { line.to_owned() } else { settled(line) })
        .collect()
}

/// A line `…` stands for any lines, also for none.
fn lines(shown: &[String], said: &[String]) -> bool {
    match shown.split_first() {
        None => said.is_empty(),
        Some((first, rest)) if first == LEFT_OUT => (0..=said.len()).any(|at| lines(rest, &said[at..])),
        Some((first, rest)) => said.first() == Some(first) && lines(rest, &said[1..]),
    }
}

fn value(shown: &Value, said: &Value) -> bool {
    match (shown, said) {
        (Value::String(shown), _) if shown == LEFT_OUT => true,
        (Value::String(shown), Value::String(said)) => settled(shown) == settled(said),
        (Value::Array(shown), Value::Array(said)) => entries(shown, said),
        (Value::Object(shown), Value::Object(said)) => members(shown, said),
        _ => shown == said,
    }
}

fn entries(shown: &[Value], said: &[Value]) -> bool {
    let shorter = shown.len() > 1 && shown.last().is_some_and(|last| last == LEFT_OUT);
    let shown = if shorter { &shown[..shown.len() - 1] } else { shown };
    (shorter || shown.len() == said.len())
        && shown.len() <= said.len()
        && shown.iter().zip(said).all(|(shown, said)| value(shown, said))
}

fn members(shown: &Map<String, Value>, said: &Map<String, Value>) -> bool {
    let shorter = shown.contains_key(LEFT_OUT);
    let mut named = shown.iter().filter(|(name, _)| *name != LEFT_OUT);
    (shorter || shown.len() == said.len())
        && named.all(|(name, shown)| said.get(name).is_some_and(|said| value(shown, said)))
}

#[test]
fn what_a_page_leaves_out_is_passed_over_and_nothing_else() {
    for (shown, said) in [
        ("a\n…\nd", "a\nb\nc\nd"),
        ("a\n…", "a\n"),
        (r#"{"a": 1, "…": "…"}"#, r#"{"a":1,"b":2}"#),
        (r#"{"a": "…"}"#, r#"{"a":[1,2]}"#),
        (r#"[1, "…"]"#, "[1,2,3]"),
        (
            r#"{"id": "01a1fca3-d642-76f1-acec-dffb169cef10"}"#,
            r#"{"id":"01a1fca3-d642-76f1-acec-dffb169cef11"}"#,
        ),
    ] {
        assert!(alike(shown, said), "{shown} shows {said}");
    }
    for (shown, said) in [
        ("a\n…\nd", "a\nb\nc"),
        ("a", "a\nb"),
        (r#"{"a": 1}"#, r#"{"a":1,"b":2}"#),
        (r#"{"a": 1, "…": "…"}"#, r#"{"b":2}"#),
        (r#"[1, 2]"#, "[1,2,3]"),
        (r#"[1, 2, "…"]"#, "[1]"),
        (r#"{"title": "a"}"#, r#"{"title":"b"}"#),
        (r#"{"a": 1}"#, "error: no server"),
    ] {
        assert!(!alike(shown, said), "{shown} does not show {said}");
    }
}
