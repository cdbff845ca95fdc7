//! The fields of a result that another program kept, under the many names they have.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::moment::{time, time_in};
use super::{LegacyError, audit_text, audit_value, result_text};
use crate::Timestamp;
use crate::execution::ExecutionError;
use crate::task::slugify;

pub(super) const STARTED: &[&str] = &[
    "started_at",
    "started_at_iso",
    "start_time",
    "started",
    "start",
    "begin",
    "began_at",
    "begin_time",
    "start_ts",
    "started_at_ts",
    "executed_at",
    "execution_time",
    "run_at",
    "timestamp",
    "time",
    "created_at",
    "date",
];
pub(super) const ENDED: &[&str] = &[
    "ended_at",
    "ended_at_iso",
    "end_time",
    "ended",
    "end",
    "finished_at",
    "finished",
    "finish_time",
    "completed_at",
    "completion_time",
    "stopped_at",
    "end_ts",
    "ended_at_ts",
];
pub(super) const SCHEDULED: &[&str] =
    &["scheduled_at", "scheduled_for", "scheduled_time", "schedule_time", "due_at", "planned_at"];
pub(super) const STATUS: &[&str] = &["status", "state", "outcome", "success", "ok", "succeeded"];
pub(super) const RESULT: &[&str] =
    &["result", "output", "response", "results", "text", "content", "summary", "answer", "data", "message"];
pub(super) const ERROR: &[&str] = &["error", "exception", "err", "failure", "error_message", "errors"];
pub(super) const ID: &[&str] = &["task_id", "taskId", "id", "task_key", "job_id", "job", "task"];
pub(super) const NAME: &[&str] =
    &["task_name", "taskName", "name", "title", "task_title", "job_name", "label"];
pub(super) const SLUG: &[&str] = &["task_slug", "slug"];
pub(super) const KIND: &[&str] = &["task_type", "taskType", "type", "kind", "category"];
pub(super) const MODE: &[&str] = &["scheduled_vs_manual", "mode", "trigger", "triggered_by", "run_mode"];
pub(super) const MILLISECONDS: &[&str] = &["duration_ms", "elapsed_ms", "took_ms", "durationMs"];
pub(super) const SECONDS: &[&str] =
    &["duration_seconds", "duration_s", "duration_sec", "duration", "elapsed", "took"];
pub(super) const FILES: &[&str] = &["files_written", "files", "outputs", "written"];

pub(super) struct Legacy<'a> {
    pub(super) fields: &'a Map<String, Value>,
    pub(super) file: &'a str,
}

impl Legacy<'_> {
    /// The first of these fields that holds something.
    pub(super) fn first(&self, names: &[&str]) -> Option<&Value> {
        names.iter().filter_map(|name| self.fields.get(*name)).find(|value| !value.is_null())
    }

    pub(super) fn word(&self, names: &[&str]) -> Option<String> {
        names.iter().filter_map(|name| self.fields.get(*name)).find_map(|value| match value {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    pub(super) fn list(&self, names: &[&str]) -> Vec<String> {
        let texts = |value: &Value| -> Option<Vec<String>> {
            value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        };
        names.iter().filter_map(|name| self.fields.get(*name)).find_map(texts).unwrap_or_default()
    }

    pub(super) fn uuid(&self, name: &str) -> Option<Uuid> {
        let id: Uuid = self.fields.get(name)?.as_str()?.parse().ok()?;
        (id.get_version_num() == 4).then_some(id)
    }

    /// The id and the name of the task. Either stands for the other, and the file's name for both.
    pub(super) fn names(&self) -> Result<(String, String), LegacyError> {
        let task = self.fields.get("task").and_then(Value::as_object);
        let inner = task.map(|fields| Legacy { fields, file: self.file });
        let within = |names: &[&str]| inner.as_ref().and_then(|inner| inner.word(names));
        let id = self.word(&ID[..2]).or_else(|| within(ID)).or_else(|| self.word(&ID[2..]));
        let name = self.word(&NAME[..2]).or_else(|| within(NAME)).or_else(|| self.word(&NAME[2..]));
        let stem = self.stem();
        match (id.or_else(|| self.word(SLUG)), name) {
            (Some(id), Some(name)) => Ok((id, name)),
            (Some(id), None) => Ok((id.clone(), id)),
            (None, Some(name)) => Ok((slugify(&name), name)),
            (None, None) if !stem.is_empty() => Ok((stem.clone(), stem)),
            (None, None) => Err(LegacyError::NoTask),
        }
    }

    /// The file's name without its end and without the time in it.
    pub(super) fn stem(&self) -> String {
        let name = self.file.rsplit('/').next().unwrap_or_default();
        let name = name.rsplit_once('.').map_or(name, |(name, _)| name);
        let end = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
        name[..end].trim_matches(['_', '-', '.', ' ']).to_owned()
    }

    /// Scheduled, started and ended: what is missing falls back to what is there, and to the name of the file.
    pub(super) fn times(&self) -> Result<(Timestamp, Timestamp, Timestamp), LegacyError> {
        let moment = |names: &[&str]| -> Result<Option<Timestamp>, LegacyError> {
            let Some(value) = self.first(names) else { return Ok(None) };
            time(value).map(Some).ok_or_else(|| LegacyError::UnknownTime(shown(value)))
        };
        let (scheduled, started, ended) = (moment(SCHEDULED)?, moment(STARTED)?, moment(ENDED)?);
        let duration = self.duration();
        let started = started.or_else(|| ended.map(|ended| ended - duration.unwrap_or_default()));
        let any = started.or(scheduled).or_else(|| time_in(self.file)).ok_or(LegacyError::NoTime)?;
        let started_or_any = started.unwrap_or(any);
        let ended = ended.unwrap_or(started_or_any + duration.unwrap_or_default()).max(started_or_any);
        Ok((scheduled.unwrap_or(started_or_any), started_or_any, ended))
    }

    pub(super) fn duration(&self) -> Option<std::time::Duration> {
        let number =
            |names: &[&str]| self.first(names).and_then(Value::as_f64).filter(|number| *number >= 0.0);
        let seconds = number(MILLISECONDS).map(|ms| ms / 1000.0).or_else(|| number(SECONDS))?;
        std::time::Duration::try_from_secs_f64(seconds).ok()
    }

    pub(super) fn status(&self, has_error: bool) -> Result<&'static str, LegacyError> {
        let said = match self.first(STATUS) {
            Some(Value::Bool(true)) => return Ok("success"),
            Some(Value::Bool(false)) => return Ok("failed"),
            Some(Value::String(said)) => said.trim().to_lowercase().replace(['-', ' '], "_"),
            Some(other) => return Err(LegacyError::UnknownStatus(shown(other))),
            None => return Ok(if has_error { "failed" } else { "success" }),
        };
        match said.as_str() {
            "success" | "successful" | "succeeded" | "ok" | "okay" | "completed" | "complete" | "done"
            | "finished" | "passed" | "pass" => Ok("success"),
            "failed" | "failure" | "fail" | "error" | "errored" | "exception" | "timeout" | "timed_out"
            | "cancelled" | "canceled" | "aborted" | "crashed" => Ok("failed"),
            "partial"
            | "partially_completed"
            | "partial_success"
            | "incomplete"
            | "warning"
            | "completed_with_errors" => Ok("partial"),
            _ => Err(LegacyError::UnknownStatus(said)),
        }
    }

    pub(super) fn text(&self) -> String {
        let value = RESULT.iter().filter_map(|name| self.fields.get(*name)).find(|value| !value.is_null());
        value.map(|value| result_text(&audit_value(value))).unwrap_or_default()
    }

    pub(super) fn error(&self) -> Option<ExecutionError> {
        let value =
            ERROR.iter().filter_map(|name| self.fields.get(*name)).find(|value| says_something(value))?;
        let error = match value {
            Value::Object(fields) => {
                let inner = Legacy { fields, file: self.file };
                let kind = inner.word(&["type", "name", "class", "kind", "code"]);
                let message = inner.word(&["message", "msg", "detail", "reason", "text", "error"]);
                let trace = inner.word(&["traceback", "stack", "stacktrace", "stack_trace"]);
                let message = message.unwrap_or_else(|| result_text(&audit_value(value)));
                ExecutionError::new(
                    kind.unwrap_or_else(|| "Error".into()),
                    audit_text(&message),
                    trace.as_slice(),
                )
            }
            other => {
                let trace = self.word(&["traceback", "stack", "stacktrace", "stack_trace"]);
                let kind = self.word(&["error_type", "exception_type"]).unwrap_or_else(|| "Error".into());
                ExecutionError::new(kind, audit_text(&result_text(other)), trace.as_slice())
            }
        };
        Some(error)
    }
}

pub(super) fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

pub(super) fn shown(value: &Value) -> String {
    audit_text(&result_text(value)).chars().take(60).collect()
}
