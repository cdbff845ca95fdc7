//! Audit copies: what was said and done, as it may be kept for ever.

use serde_json::{Value, json};

use super::secrets::without_secrets;
use crate::canonical;
use crate::scrub::scrub;

/// The longest text that an experience carries, in bytes.
pub const TEXT_LIMIT: usize = 64 * 1024;

/// The one place where text becomes an audit copy: it is [scrubbed](crate::scrub) of personal data and of credentials,
/// its length is bounded, and the one character is replaced that not every database can store.
pub fn audit_text(text: &str) -> String {
    bounded_text(&scrub(text))
}

/// An audit copy of a value: its texts as [`audit_text`], and [`REDACTED`](super::REDACTED) in every field that has the
/// [name of a secret](super::names_secret); a value over the limit is replaced by its digest.
pub fn audit_value(value: &Value) -> Value {
    let copy = without_secrets(value);
    if is_small(&copy) { copy } else { bounded(&copy) }
}

/// Whether nothing in it has to be cut, left out or replaced, told without writing it down: most copies are a few fields.
fn is_small(value: &Value) -> bool {
    /// What a text takes at most for each byte, when it is escaped.
    const ESCAPED: usize = 6;
    fn fits(value: &Value, left: &mut usize) -> bool {
        let text = |text: &str, left: &mut usize| {
            let rest = left.checked_sub(text.len() * ESCAPED + 3);
            *left = rest.unwrap_or(0);
            rest.is_some() && !text.as_bytes().contains(&0)
        };
        match value {
            Value::String(own) => text(own, left),
            Value::Array(items) => items.iter().all(|item| fits(item, left)) && text("", left),
            Value::Object(fields) => {
                fields.iter().all(|(key, value)| text(key, left) && fits(value, left)) && text("", left)
            }
            // A number, and what separates it.
            Value::Null | Value::Bool(_) | Value::Number(_) => text("12345678", left),
        }
    }
    fits(value, &mut { TEXT_LIMIT })
}

fn bounded_text(text: &str) -> String {
    let text = text.replace('\0', "\u{fffd}");
    if text.len() <= TEXT_LIMIT {
        return text;
    }
    let mut end = TEXT_LIMIT;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… ({} bytes in all)", &text[..end], text.len())
}

fn bounded(value: &Value) -> Value {
    if value.to_string().len() > TEXT_LIMIT {
        return json!({"omitted": "too large", "digest": canonical::digest(value)});
    }
    match value {
        Value::String(text) => json!(bounded_text(text)),
        Value::Array(items) => items.iter().map(bounded).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (bounded_text(key), bounded(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_small_is_what_need_not_be_bounded() {
        let small = json!({"a": [1, 2.5, null, "ä\"\n"], "b": {"c": "x".repeat(TEXT_LIMIT / 12)}});
        assert!(is_small(&small));
        for value in [
            small,
            json!({"zero\0": 1}),
            json!(["a\0b"]),
            json!("x".repeat(TEXT_LIMIT - 2)),
            json!("\u{1}".repeat(TEXT_LIMIT / 6)),
            json!(vec![1; TEXT_LIMIT]),
            json!({"text": "x".repeat(TEXT_LIMIT)}),
        ] {
            assert_eq!(audit_value(&value), bounded(&without_secrets(&value)));
            assert!(!is_small(&value) || bounded(&value) == value);
        }
    }

    #[test]
    fn a_copy_has_no_secrets_and_no_end_that_is_too_far() {
        let parameters = json!({
            "url": "https://ann:pw@example.org/\0", "headers": {"Authorization": "Bearer abc"}, "json": {"n": 1.5},
        });
        let copy = json!({
            "url": "https://[credentials]@example.org/\u{fffd}", "headers": {"Authorization": "[redacted]"}, "json": {"n": 1.5},
        });
        assert_eq!(audit_value(&parameters), copy);
        let large = audit_value(&json!({"token": "x", "text": "y".repeat(TEXT_LIMIT)}));
        assert_eq!(large["omitted"], "too large");
        let twice = audit_value(&copy);
        assert_eq!(twice, copy, "a copy of a copy is the copy");
        assert_eq!(audit_text(&"ä".repeat(TEXT_LIMIT)).len(), TEXT_LIMIT + "… (131072 bytes in all)".len());
    }
}
