//! The tools that are built in: files in a sandbox, text, JSON and time.
//!
//! Every operation is a function from typed parameters to a result, in the file of its tool; `operation.rs`
//! derives its schemas from the types, and this file registers it. What an operation may rely on: its
//! parameters have the declared form, and it runs on a thread where it may block.

mod failure;
mod file;
mod json;
mod operation;
mod sandbox;
mod schema;
mod text;
mod time;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use goalwright_application::ports::tools::{
    Invocation, Operation, ParameterProblem, Reply, ToolFailure, Tools,
};
use goalwright_domain::execution::Effect;
use serde_json::Value;

use failure::{failure, shortened};
use operation::{Call, Registered, cancelled};

/// The registry of the built-in tools.
pub struct BuiltinTools {
    operations: BTreeMap<(String, String), Arc<Registered>>,
}

impl std::fmt::Debug for BuiltinTools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.operations.keys().map(|(tool, operation)| format!("{tool}.{operation}")))
            .finish()
    }
}

impl Default for BuiltinTools {
    fn default() -> Self {
        Self::new()
    }
}

impl BuiltinTools {
    /// All of them.
    pub fn new() -> Self {
        let named = |registered: Registered| {
            let Operation { tool, operation, .. } = &registered.operation;
            ((tool.clone(), operation.clone()), Arc::new(registered))
        };
        Self { operations: builtin().into_iter().map(named).collect() }
    }

    fn registered(&self, tool: &str, operation: &str) -> Option<&Arc<Registered>> {
        self.operations.get(&(tool.to_owned(), operation.to_owned()))
    }

    /// What to say of an operation that is not there.
    fn unavailable(&self, tool: &str, operation: &str) -> String {
        let of_tool: Vec<&str> = self
            .operations
            .keys()
            .filter(|(known, _)| known == tool)
            .map(|(_, operation)| operation.as_str())
            .collect();
        let (tool, operation) = (shortened(tool), shortened(operation));
        if of_tool.is_empty() {
            let mut tools: Vec<&str> = self.operations.keys().map(|(tool, _)| tool.as_str()).collect();
            tools.dedup();
            return format!("there is no tool `{tool}` here; there are: {}", tools.join(", "));
        }
        format!("`{tool}` has no operation `{operation}`; it has: {}", of_tool.join(", "))
    }
}

fn builtin() -> Vec<Registered> {
    vec![
        Registered::new::<file::ListParameters, file::ListResult>(
            ("file", "list"),
            Effect::None,
            "Lists the files of a folder (`path`, `glob`): `{files}`, sorted; hidden files, `target` and \
             `node_modules` only when the glob names them. With `paths` it tells which of them there are: \
             `{files, missing}`, and for the entries of `text.match` also `broken`, the links that lead nowhere.",
            file::list,
        )
        .one_of(&[&[], &["path", "glob"], &["paths", "base"]])
        .lint(lint::list),
        Registered::new::<file::ReadParameters, file::ReadResult>(
            ("file", "read"),
            Effect::None,
            "Reads a text file (`path`): `{path, text}`; or several (`paths`): a list of these.",
            file::read,
        )
        .one_of(&[&["path"], &["paths"]])
        .lint(lint::read),
        Registered::new::<file::WriteParameters, file::Written>(
            ("file", "write"),
            Effect::Idempotent,
            "Writes a file anew (`path`, `content`), making its folders: `{path, bytes}`. What is no text is \
             written as JSON.",
            file::write,
        )
        .lint(lint::write),
        Registered::new::<file::WriteParameters, file::Written>(
            ("file", "append"),
            Effect::Irreversible,
            "Adds to the end of a file (`path`, `content`), making it if need be: `{path, bytes}`, the bytes added.",
            file::append,
        )
        .lint(lint::write),
        Registered::new::<text::StatsParameters, text::OneOrMany<text::Stats>>(
            ("text", "stats"),
            Effect::None,
            "Counts a text: `{words, lines, characters}`; or several (`texts`, also the entries of `file.read`): a \
             list of these, with their `path`.",
            text::stats,
        )
        .one_of(&[&["text"], &["texts"]]),
        Registered::new::<text::MatchParameters, text::OneOrMany<text::Matches>>(
            ("text", "match"),
            Effect::None,
            "Finds all matches of a regular expression (`pattern`) in a text: `{matches}`, the first group where \
             there is one; or in several (`texts`, also the entries of `file.read`): a list of these, with their \
             `path`.",
            text::find,
        )
        .one_of(&[&["text"], &["texts"]])
        .lint(lint::pattern),
        Registered::new::<text::RenderParameters, String>(
            ("text", "render"),
            Effect::None,
            "Answers the text of a `template` whose holes are filled.",
            text::render,
        ),
        Registered::new::<json::QueryParameters, Value>(
            ("json", "query"),
            Effect::None,
            "Looks into a `value` with a `path`: a JSON Pointer when it is empty or starts with `/`, else JMESPath.",
            json::query,
        )
        .lint(lint::query),
        Registered::new::<time::NowParameters, time::Now>(
            ("time", "now"),
            Effect::None,
            "The present moment in UTC: `{now, date, time, weekday, unix}`.",
            time::now,
        ),
        Registered::new::<time::SleepParameters, time::Slept>(
            ("time", "sleep"),
            Effect::None,
            "Waits for some `seconds`, up to a year; the wait outlives restarts.",
            time::sleep,
        ),
    ]
}

/// What no schema can say about literal parameters; each answer has a JSON Pointer to the value.
mod lint {
    use super::*;

    type Found = Vec<(String, ToolFailure)>;

    fn note<T>(pointer: impl Into<String>, result: Result<T, ToolFailure>) -> Found {
        result.err().map(|failure| (pointer.into(), failure)).into_iter().collect()
    }

    fn text<'a>(parameters: &'a Value, name: &str) -> &'a str {
        parameters.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn path(parameters: &Value, name: &str) -> Found {
        note(format!("/{name}"), sandbox::relative(text(parameters, name)))
    }

    pub(super) fn list(parameters: &Value) -> Found {
        let mut found = path(parameters, "path");
        found.extend(path(parameters, "base"));
        if parameters.get("base").is_some() && parameters.get("paths").is_none() {
            let message = "`base` is where `paths` are relative to; for a folder to list use `path`";
            found.extend(note::<()>("/base", Err(failure("InvalidParameters", message))));
        }
        let globs: Vec<String> = match parameters.get("glob") {
            Some(Value::String(glob)) => vec![glob.clone()],
            Some(Value::Array(globs)) => {
                globs.iter().filter_map(|glob| glob.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        };
        found.extend(note("/glob", file::check_globs(&globs)));
        found
    }

    pub(super) fn read(parameters: &Value) -> Found {
        let mut found = path(parameters, "path");
        let paths = parameters.get("paths").and_then(Value::as_array);
        for (index, path) in paths.into_iter().flatten().enumerate() {
            found.extend(note(
                format!("/paths/{index}"),
                sandbox::relative(path.as_str().unwrap_or_default()),
            ));
        }
        found
    }

    pub(super) fn write(parameters: &Value) -> Found {
        path(parameters, "path")
    }

    pub(super) fn pattern(parameters: &Value) -> Found {
        note("/pattern", text::compile(text(parameters, "pattern")))
    }

    pub(super) fn query(parameters: &Value) -> Found {
        note("/path", json::check(text(parameters, "path")))
    }
}

#[async_trait]
impl Tools for BuiltinTools {
    fn find(&self, tool: &str, operation: &str) -> Option<&Operation> {
        self.registered(tool, operation).map(|registered| &registered.operation)
    }

    fn all(&self) -> Vec<&Operation> {
        self.operations.values().map(|registered| &registered.operation).collect()
    }

    fn check(&self, tool: &str, operation: &str, parameters: &Value) -> Vec<ParameterProblem> {
        match self.registered(tool, operation) {
            Some(registered) => schema::check(registered, parameters, false),
            None => vec![ParameterProblem {
                path: "tool".to_owned(),
                code: "tool_unavailable".to_owned(),
                message: self.unavailable(tool, operation),
            }],
        }
    }

    fn check_result_path(&self, tool: &str, operation: &str, path: &[String]) -> Option<String> {
        let registered = self.registered(tool, operation)?;
        let reason = schema::rules_out(&registered.operation.result, path)?;
        Some(format!("`{tool}.{operation}`: {reason}"))
    }

    async fn call(&self, invocation: Invocation) -> Result<Reply, ToolFailure> {
        let Invocation { tool, operation, parameters, sandbox, now, cancel, .. } = invocation;
        let Some(registered) = self.registered(&tool, &operation).map(Arc::clone) else {
            return Err(failure("ToolUnavailable", self.unavailable(&tool, &operation)));
        };
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        let call = Call { sandbox, now, cancel };
        // The one place where tools block. It is waited for to its end even when the call is cancelled: long
        // work looks at the token itself, and nothing goes on writing after it was said to have stopped.
        let work = tokio::task::spawn_blocking(move || perform(&registered, &call, parameters));
        work.await.unwrap_or_else(|error| {
            let message =
                format!("`{tool}.{operation}` stopped unexpectedly; please report what it was given");
            Err(ToolFailure { sources: vec![error.to_string()], ..failure("ToolCrashed", message) })
        })
    }
}

fn perform(registered: &Registered, call: &Call, parameters: Value) -> Result<Reply, ToolFailure> {
    let problems = schema::check(registered, &parameters, true);
    if !problems.is_empty() {
        let listed: Vec<String> =
            problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect();
        return Err(failure("InvalidParameters", listed.join("; ")));
    }
    let mut reply = (registered.run)(call, parameters)?;
    match &mut reply {
        Reply::Done { result, .. } | Reply::Sleep { result, .. } => replace_nul(result),
    }
    Ok(reply)
}

/// PostgreSQL's `jsonb` has no U+0000; U+FFFD stands in for it.
fn replace_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{FFFD}"),
        Value::Array(list) => list.iter_mut().for_each(replace_nul),
        Value::Object(object) => {
            if object.keys().any(|key| key.contains('\0')) {
                let entries = std::mem::take(object).into_iter();
                object.extend(entries.map(|(key, value)| (key.replace('\0', "\u{FFFD}"), value)));
            }
            object.values_mut().for_each(replace_nul);
        }
        _ => {}
    }
}
