//! Which tasks' results an action uses: `{T001.files}`, `tasks['T009.5']`.

use serde_json::Value;

use super::key::{KeyIndex, is_word};

/// Adds every task whose key a template in `parameters` names. Names that are no task's key are left
/// to the checks of templates.
pub(super) fn tasks_used(parameters: &Value, keys: &KeyIndex, out: &mut Vec<usize>) {
    let mut open = vec![parameters];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => {
                scan_holes(text.as_bytes(), keys, out);
                scan_lookups(text, keys, out);
            }
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Names in holes. A hole that is never closed is text; then only names directly behind a brace
/// count from there on, so that the text is read at most twice.
fn scan_holes(text: &[u8], keys: &KeyIndex, out: &mut Vec<usize>) {
    let mut at = 0;
    while let Some(start) = next_hole(text, at) {
        let known = out.len();
        match scan_hole(text, start, keys, out) {
            Some(end) => at = end,
            None => {
                out.truncate(known);
                return scan_beginnings(text, at, keys, out);
            }
        }
    }
}

/// Where the expression of the next hole begins. `{{` is a literal brace.
fn next_hole(text: &[u8], mut at: usize) -> Option<usize> {
    while at < text.len() {
        if text[at] != b'{' {
            at += 1;
        } else if text.get(at + 1) == Some(&b'{') {
            at += 2;
        } else {
            at += 1;
            at += text[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            if text.get(at).is_some_and(|&byte| byte.is_ascii_alphabetic() || byte == b'_') {
                return Some(at);
            }
        }
    }
    None
}

/// Reads a hole to its matching brace and gives the position behind it.
fn scan_hole(text: &[u8], start: usize, keys: &KeyIndex, out: &mut Vec<usize>) -> Option<usize> {
    let mut depth = 1_usize;
    let mut quote = None;
    let mut at = start;
    while at < text.len() {
        let byte = text[at];
        if let Some(open) = quote {
            if byte == b'\\' {
                at += 1;
            } else if byte == open {
                quote = None;
            }
        } else if is_word(byte) {
            let name = word(text, at);
            if at == start || text[at - 1] != b'.' {
                out.extend(task_named(name, keys));
            }
            at += name.len();
            continue;
        } else {
            match byte {
                b'\'' | b'"' => quote = Some(byte),
                b'{' => depth += 1,
                b'}' => depth -= 1,
                _ => {}
            }
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

fn scan_beginnings(text: &[u8], mut at: usize, keys: &KeyIndex, out: &mut Vec<usize>) {
    while let Some(start) = next_hole(text, at) {
        let name = word(text, start);
        out.extend(task_named(name, keys));
        at = start + name.len();
    }
}

/// `tasks['key']` and `tasks["key"]`, wherever they stand: conditions are written without braces.
fn scan_lookups(text: &str, keys: &KeyIndex, out: &mut Vec<usize>) {
    const LONGEST_KEY: usize = 64;
    for (at, opening) in text.match_indices("tasks[") {
        let inside = &text[at + opening.len()..];
        let Some(quote) = inside.chars().next().filter(|quote| matches!(quote, '\'' | '"')) else {
            continue;
        };
        let key: String = inside[1..].chars().take(LONGEST_KEY).take_while(|&c| c != quote).collect();
        out.extend(keys.task(&key));
    }
}

fn word(text: &[u8], at: usize) -> &[u8] {
    let length = text[at..].iter().take_while(|&&byte| is_word(byte)).count();
    &text[at..at + length]
}

fn task_named(name: &[u8], keys: &KeyIndex) -> Option<usize> {
    keys.task(std::str::from_utf8(name).ok()?)
}
