//! `file.read`, `file.write`, `file.append`; `file.list` has two files of its own.

mod links;
mod list;
mod walk;

use goalwright_application::ports::tools::{Reply, ToolFailure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use list::{ListParameters, ListResult, list};
pub(super) use walk::compile as check_globs;

use super::failure::failure;
use super::operation::{Call, done, done_writing};

/// The most text one `file.read` answers, in bytes.
const MAX_READ_BYTES: usize = 64 * 1024 * 1024;

/// Parameters of `file.read`: one `path`, or `paths`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadParameters {
    /// The file, relative to the sandbox.
    path: Option<String>,
    /// Several files; the result is a list with one entry for each, in the same order.
    paths: Option<Vec<String>>,
}

/// A file with its text.
#[derive(Serialize, JsonSchema)]
pub(super) struct TextFile {
    /// As it was asked for.
    path: String,
    /// Its content.
    text: String,
}

/// What `file.read` answers.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "states the schema; the parts are serialized by themselves")]
pub(super) enum ReadResult {
    /// For `path`.
    One(TextFile),
    /// For `paths`.
    Many(Vec<TextFile>),
}

pub(super) fn read(call: &Call, parameters: ReadParameters) -> Result<Reply, ToolFailure> {
    let sandbox = call.sandbox()?;
    let read = |path: String| sandbox.read(&path).map(|text| TextFile { path, text });
    let Some(paths) = parameters.paths else {
        return done(read(parameters.path.unwrap_or_default())?);
    };
    let mut files = Vec::with_capacity(paths.len());
    let mut bytes = 0;
    for path in paths {
        call.check_cancelled()?;
        let file = read(path)?;
        bytes += file.text.len();
        if bytes > MAX_READ_BYTES {
            let limit = MAX_READ_BYTES / (1024 * 1024);
            let message = format!("these files are larger than {limit} MiB together; read fewer at a time");
            return Err(failure("TooMuchText", message));
        }
        files.push(file);
    }
    done(files)
}

/// Parameters of `file.write` and `file.append`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WriteParameters {
    /// The file, relative to the sandbox; its folders are made.
    path: String,
    /// The text. Anything that is no text is written as indented JSON.
    content: Value,
}

/// What `file.write` and `file.append` answer.
#[derive(Serialize, JsonSchema)]
pub(super) struct Written {
    /// As it was given.
    path: String,
    /// How many bytes were written.
    bytes: usize,
}

pub(super) fn write(call: &Call, parameters: WriteParameters) -> Result<Reply, ToolFailure> {
    let content = text_of(parameters.content);
    call.sandbox()?.write(&parameters.path, &content)?;
    written(parameters.path, content.len())
}

pub(super) fn append(call: &Call, parameters: WriteParameters) -> Result<Reply, ToolFailure> {
    let content = text_of(parameters.content);
    call.sandbox()?.append(&parameters.path, &content).map_err(|mut failure| {
        for path in &mut failure.files_written {
            *path = links::normalize("", path).unwrap_or_else(|| path.clone());
        }
        failure
    })?;
    written(parameters.path, content.len())
}

fn written(path: String, bytes: usize) -> Result<Reply, ToolFailure> {
    let normal = links::normalize("", &path).unwrap_or_else(|| path.clone());
    done_writing(Written { path, bytes }, vec![normal])
}

fn text_of(content: Value) -> String {
    match content {
        Value::String(text) => text,
        other => format!("{other:#}\n"),
    }
}
