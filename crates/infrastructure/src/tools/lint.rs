//! What no schema can say about literal parameters; each answer has a JSON Pointer to the value.

use goalwright_application::ports::tools::ToolFailure;
use serde_json::Value;

use super::failure::failure;
use super::{file, json, sandbox, text};

pub(super) type Found = Vec<(String, ToolFailure)>;

pub(super) fn note<T>(pointer: impl Into<String>, result: Result<T, ToolFailure>) -> Found {
    result.err().map(|failure| (pointer.into(), failure)).into_iter().collect()
}

fn string<'a>(parameters: &'a Value, name: &str) -> &'a str {
    parameters.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn path(parameters: &Value, name: &str) -> Found {
    note(format!("/{name}"), sandbox::relative(string(parameters, name)))
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
        found.extend(note(format!("/paths/{index}"), sandbox::relative(path.as_str().unwrap_or_default())));
    }
    found
}

pub(super) fn write(parameters: &Value) -> Found {
    path(parameters, "path")
}

pub(super) fn pattern(parameters: &Value) -> Found {
    note("/pattern", text::compile(string(parameters, "pattern")))
}

pub(super) fn query(parameters: &Value) -> Found {
    note("/path", json::check(string(parameters, "path")))
}
