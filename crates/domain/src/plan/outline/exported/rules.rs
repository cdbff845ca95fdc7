//! The lines that say when a task is tried again and when it recurs: JSON, with everything that is wrong said at once.

use serde_json::{Value, json};

use super::field::Field;
use crate::Violation;
use crate::execution::Backoff;
use crate::schedule::Schedule;

/// The value of `retry` or `schedule`, or what is wrong with it; `None` for a text that is no JSON, and for other fields.
pub(super) fn read(name: &str, text: &str) -> Option<Result<Field, Vec<String>>> {
    let value: Value = serde_json::from_str(text).ok()?;
    let field = match name {
        "schedule" => {
            Schedule::read(&value, name).map(|schedule| Field::Schedule(Box::new(schedule))).map_err(told)
        }
        "retry" => retry(&value).map(Field::Retry),
        _ => return None,
    };
    Some(field)
}

/// What is left out is as usual.
fn retry(value: &Value) -> Result<Backoff, Vec<String>> {
    let mut fields = json!(Backoff::default());
    let mut problems = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        match fields.get_mut(name) {
            Some(field) => *field = value.clone(),
            None => {
                let known =
                    "initial_delay, backoff_factor, max_delay, jitter, retryable_errors, fatal_errors";
                problems.push(format!("retry.{name} is no field of it; it has {known}"));
            }
        }
    }
    let retry: Option<Backoff> = match serde_json::from_value(fields) {
        Ok(retry) => Some(retry),
        Err(error) => {
            problems.push(format!("cannot be read: {error}"));
            None
        }
    };
    problems.extend(told(retry.iter().flat_map(Backoff::violations).collect()));
    retry.filter(|_| problems.is_empty()).ok_or(problems)
}

fn told(violations: Vec<Violation>) -> Vec<String> {
    violations.into_iter().map(|one| format!("{}: {}", one.path, one.message)).collect()
}
