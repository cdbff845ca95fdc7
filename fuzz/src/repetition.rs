//! Text that repeats itself: what costs more than linear time shows here, and seldom in short inputs.

use goalwright_domain::plan::{Limits, read_outline};
use goalwright_domain::template;
use serde_json::Value;

use crate::cost;

/// Quadratic work over so many bytes takes seconds.
const BYTES: usize = 96 * 1024;
/// What cuts an input into a beginning, what is repeated, and an end.
const CUT: char = '\u{1}';

/// Repeats the middle of the text and reads it as a plan, as a template and as JSON.
///
/// # Panics
/// If that takes longer than linear work does.
pub fn check(text: &str) {
    let mut parts = text.splitn(3, CUT);
    let (first, second, third) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
    let (head, unit) = match (first, second) {
        (Some(head), Some(unit)) => (head, unit),
        (unit, _) => ("", unit.unwrap_or_default()),
    };
    if unit.is_empty() {
        return;
    }
    let long = format!("{head}{}{third}", unit.repeat(BYTES / unit.len()));
    let _ = cost::bounded(long.len(), || read_outline(&long, &Limits::IMPORT));
    let _ = cost::bounded(long.len(), || template::inspect(&Value::from(long.as_str())));
}
