//! Answers that end in the middle.

use serde_json::Value;

use crate::model::from_json_on;

/// As much of an answer as is whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// The tasks that were told to their end, in their order.
    pub tasks: Vec<Value>,
}

/// The tasks of an answer that was cut off which are whole. An answer that breaks off before its first task, or is nothing
/// of the kind, has none.
pub fn complete_tasks(text: &str) -> Part {
    let text = from_json_on(text);
    let Some(list) = list_of(text) else { return Part::default() };
    let mut rest = list;
    let mut tasks = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n', ',']);
        // What is behind the value is not looked at.
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(task @ Value::Object(_))) = values.next() else { break };
        tasks.push(task);
        rest = &rest[values.byte_offset()..];
    }
    Part { tasks }
}

/// What stands behind the opening bracket of the list of tasks.
fn list_of(text: &str) -> Option<&str> {
    if let Some(list) = text.strip_prefix('[') {
        return Some(list);
    }
    let inside = text.strip_prefix('{')?.trim_start().strip_prefix("\"tasks\"")?;
    inside.trim_start().strip_prefix(':')?.trim_start().strip_prefix('[')
}
