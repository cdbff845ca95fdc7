//! The words of a file: states, priorities, and texts that become a description.

use super::node::{Json, Node};

/// What a status means for a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// Open, but put off.
    Deferred,
    Done,
    Dropped,
}

/// Reads a status; `None` if the word is not known.
pub(super) fn state(word: &str) -> Option<State> {
    match word.trim().to_lowercase().replace(['_', ' '], "-").as_str() {
        "" | "pending" | "todo" | "to-do" | "open" | "in-progress" | "review" | "blocked" => {
            Some(State::Open)
        }
        "deferred" => Some(State::Deferred),
        "done" | "completed" | "complete" => Some(State::Done),
        "cancelled" | "canceled" => Some(State::Dropped),
        _ => None,
    }
}

/// Reads a priority: `critical` 20, `high` 10, `medium` 0, `low` −10, or a number.
pub(super) fn priority(word: &str) -> Option<i32> {
    match word.trim().to_lowercase().as_str() {
        "critical" => Some(20),
        "high" => Some(10),
        "" | "medium" | "normal" => Some(0),
        "low" => Some(-10),
        number => number.parse().ok(),
    }
}

/// A title in one line.
pub(super) fn in_one_line(text: &str) -> String {
    if text.contains(['\n', '\r', '\t']) {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        text.trim().to_owned()
    }
}

/// The texts of a task as Markdown: its description, then what has a heading of its own.
pub(super) fn description(task: &Node) -> String {
    let parts = [
        ("", &["description"][..]),
        ("### Details", &["details"]),
        ("### Test strategy", &["testStrategy", "test_strategy"]),
    ];
    let mut text = String::new();
    for (heading, names) in parts {
        for part in names.iter().filter_map(|name| task.member(name)).map(markdown) {
            if part.is_empty() {
                continue;
            }
            for piece in [heading, &part].into_iter().filter(|piece| !piece.is_empty()) {
                if !text.is_empty() {
                    text.push_str("\n\n");
                }
                text.push_str(piece);
            }
        }
    }
    text
}

/// A value as people would read it: lists become bullets.
fn markdown(node: &Node) -> String {
    match &node.value {
        Json::Null => String::new(),
        Json::Text(text) => text.trim().replace("\r\n", "\n"),
        Json::Number(number) => number.clone(),
        Json::Bool(value) => value.to_string(),
        Json::List(items) => {
            let bullets: Vec<String> = items.iter().map(|item| format!("- {}", markdown(item))).collect();
            bullets.join("\n")
        }
        Json::Object(members) => {
            let bullets: Vec<String> =
                members.iter().map(|(name, value)| format!("- {name}: {}", markdown(value))).collect();
            bullets.join("\n")
        }
    }
}
