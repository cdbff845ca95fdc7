//! `use: tool.operation {json}`, over one line or several.

use serde_json::Value;

use crate::plan::{Finding, PlannedAction};

/// A `use:` line whose parameters may go on below.
#[derive(Debug)]
pub(super) struct OpenAction {
    line: u32,
    tool: String,
    operation: String,
    json: String,
    /// Characters of the first line in front of the JSON.
    offset: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

/// The text behind `use:` if a line without indentation is one; a list marker may stand before it.
pub(super) fn text_of_use(body: &str) -> Option<&str> {
    super::item::split_marker(body).unwrap_or(body).strip_prefix("use:")
}

/// Whether the text behind `use:` names an operation. Prose may begin with “use:” as well.
pub(super) fn names_operation(text: &str) -> bool {
    split_name(text).is_some_and(|(name, _)| split_operation(name).is_some())
}

impl OpenAction {
    /// Starts with the line `raw`, of which `text` is what stands behind `use:`.
    pub(super) fn begin(raw: &str, text: &str, line: u32) -> Result<Self, Finding> {
        let (name, rest) = split_name(text).ok_or_else(|| {
            let message = "`use:` names no tool; expected `use: tool.operation {…}`";
            Finding::error("invalid_action", line, message)
        })?;
        let (tool, operation) = split_operation(name).ok_or_else(|| {
            let message = format!(
                "`{}` is no tool and operation; expected `use: tool.operation {{…}}`",
                shortened(name)
            );
            Finding::error("invalid_action", line, message)
        })?;
        if !rest.is_empty() && !rest.starts_with('{') {
            let column = raw.chars().count() - rest.chars().count() + 1;
            let message = format!(
                "the parameters of `{tool}.{operation}` at column {column} are no JSON object; expected `{{`"
            );
            return Err(Finding::error("invalid_action", line, message));
        }
        let mut action = Self {
            line,
            tool: tool.to_owned(),
            operation: operation.to_owned(),
            json: String::new(),
            offset: raw.chars().count() - rest.chars().count(),
            depth: 0,
            in_string: false,
            escaped: false,
        };
        action.append(rest);
        Ok(action)
    }

    /// Whether the JSON has begun.
    pub(super) fn has_begun(&self) -> bool {
        !self.json.is_empty()
    }

    /// Whether every bracket that was opened is closed.
    pub(super) fn is_balanced(&self) -> bool {
        self.depth == 0
    }

    /// Adds a whole line below. It keeps its indentation, so columns stay those of the file.
    pub(super) fn feed(&mut self, raw: &str) {
        self.json.push('\n');
        self.append(raw);
    }

    fn append(&mut self, text: &str) {
        self.json.push_str(text);
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// The action, or what is wrong with its JSON and where.
    pub(super) fn finish(self) -> Result<PlannedAction, Finding> {
        let parameters = if self.json.trim().is_empty() {
            Value::Object(serde_json::Map::new())
        } else {
            serde_json::from_str(&self.json).map_err(|error| self.complaint(&error))?
        };
        Ok(PlannedAction { tool: self.tool, operation: self.operation, parameters, line: Some(self.line) })
    }

    fn complaint(&self, error: &serde_json::Error) -> Finding {
        let row = error.line().max(1);
        let text = self.json.split('\n').nth(row - 1).unwrap_or_default();
        let mut bytes = error.column().min(text.len());
        while !text.is_char_boundary(bytes) {
            bytes -= 1;
        }
        let before = if row == 1 { self.offset } else { 0 };
        let column = before + text[..bytes].chars().count();
        let line = self.line + u32::try_from(row - 1).unwrap_or(u32::MAX - self.line);
        let said = error.to_string();
        let reason = said.split(" at line ").next().unwrap_or_default();
        let (tool, operation) = (&self.tool, &self.operation);
        let message =
            format!("the JSON of `use: {tool}.{operation}` cannot be read at column {column}: {reason}");
        Finding::error("invalid_action", line, message)
    }
}

/// The first word and, trimmed, the rest. A brace ends the word: `http.request{"url": …}`.
fn split_name(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| c.is_whitespace() || c == '{').unwrap_or(text.len());
    (end > 0).then(|| (&text[..end], text[end..].trim_start()))
}

/// The tool ends at the first dot: names of operations may have dots of their own.
fn split_operation(name: &str) -> Option<(&str, &str)> {
    let (tool, operation) = name.split_once('.')?;
    let is_name = |text: &str, extra: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
    };
    (is_name(tool, "_-") && is_name(operation, "_-./")).then_some((tool, operation))
}

fn shortened(name: &str) -> String {
    name.chars().take(60).collect()
}
