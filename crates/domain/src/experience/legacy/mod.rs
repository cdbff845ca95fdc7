//! Results that other programs kept of their runs, as experiences. Their files spell the same things in many ways; what
//! is missing is taken from what is there, and what cannot be read is refused with a reason.

mod fields;
mod moment;

use fields::{FILES, KIND, Legacy, MODE, SLUG};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Experience, ExperienceType, Io, Runner, audit_text, audit_value, result_text};
use crate::execution::ExecutionError;
use crate::task::{NAME_LIMIT, slugify};
use crate::workspace::WorkspaceId;
use crate::{Timestamp, canonical};

/// Where a result was found.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The file, as it is shown.
    pub file: &'a str,
    /// The workspace that the experience belongs to.
    pub workspace_id: WorkspaceId,
    /// Who reads it.
    pub runner: &'a Runner,
}

/// Why a result is no experience.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LegacyError {
    /// It is a list, a text, a number.
    #[error("it is no JSON object")]
    NoObject,
    /// Neither in the result nor in the name of the file.
    #[error("it names no task: give it a `task_id` or a `name`")]
    NoTask,
    /// Ids and names are what executions are found by.
    #[error("its `{0}` is longer than {NAME_LIMIT} characters")]
    TooLong(&'static str),
    /// Neither in the result nor in the name of the file.
    #[error("it says of no moment when it ran: give it a `started_at`")]
    NoTime,
    /// A moment in no spelling that is known.
    #[error("`{0}` is no moment")]
    UnknownTime(String),
    /// A status that may mean anything.
    #[error("the status `{0}` is not known: give `success`, `failed` or `partial`")]
    UnknownStatus(String),
    /// One of our own, with a record that is none.
    #[error("it is a result file of Goalwright whose record cannot be read")]
    BrokenRecord,
}

/// Reads a result: one of our own files as the record that it carries, anything else as a result of another program.
/// The same result is the same experience each time, with the same idempotency key.
///
/// # Errors
/// Why it is none.
pub fn backfilled(value: &Value, found: Found<'_>) -> Result<Experience, LegacyError> {
    let fields = value.as_object().ok_or(LegacyError::NoObject)?;
    if fields.contains_key("experience") && fields.contains_key("idempotency_key") {
        return own(&fields["experience"], found).ok_or(LegacyError::BrokenRecord);
    }
    legacy(fields, found)
}

/// The record of a file that this product wrote.
fn own(record: &Value, found: Found<'_>) -> Option<Experience> {
    let text = |name: &str| record[name].as_str().map(str::to_owned);
    let ids = |name: &str| -> Option<Vec<String>> {
        record[name].as_array()?.iter().map(|id| id.as_str().map(str::to_owned)).collect()
    };
    record["content"]["structured"]["idempotency_key"].as_str()?;
    let created_at: Timestamp = text("created_at")?.parse().ok()?;
    let mut meta = record["meta"].as_object()?.clone();
    meta.insert("backfilled".into(), json!(true));
    let mut provenance = record["provenance"].as_object()?.clone();
    provenance.insert("method".into(), json!("BACKFILL"));
    provenance.insert("sources".into(), json!([audit_text(found.file)]));
    (record["type"] == "TASK_EXECUTION").then_some(())?;
    Some(Experience {
        id: text("id")?,
        kind: ExperienceType::TaskExecution,
        content: record["content"].clone(),
        provenance: Value::Object(provenance),
        parents: ids("parents")?,
        causes: ids("causes")?,
        session_id: text("session_id")?,
        created_at,
        ts: created_at.as_seconds(),
        meta: Value::Object(meta),
        workspace_id: found.workspace_id,
    })
}

fn legacy(fields: &Map<String, Value>, found: Found<'_>) -> Result<Experience, LegacyError> {
    let legacy = Legacy { fields, file: found.file };
    let (id, name) = legacy.names()?;
    let slug = legacy.word(SLUG).unwrap_or_else(|| match id.parse::<Uuid>() {
        Ok(_) => slugify(&name),
        Err(_) => id.clone(),
    });
    for (field, text) in [("task_id", &id), ("task_slug", &slug)] {
        if text.chars().count() > NAME_LIMIT {
            return Err(LegacyError::TooLong(field));
        }
    }
    let (scheduled, started, ended) = legacy.times()?;
    let error = legacy.error();
    let status = legacy.status(error.is_some())?;
    let error = (status == "failed").then(|| error.unwrap_or_else(nothing_said)).or_else(|| legacy.error());
    let text = match legacy.text() {
        text if text.is_empty() => error.as_ref().map(|error| error.message.clone()).unwrap_or_default(),
        text => text,
    };
    let id = id.parse::<Uuid>().map_or(id, |id| id.to_string());
    let key = canonical::sha256_hex(format!("{id}:{scheduled}:1").as_bytes());
    let trace = legacy.uuid("trace_id").unwrap_or_else(|| named(&key, "trace"));
    let span = legacy.uuid("span_id").unwrap_or_else(|| named(&key, "span"));
    let short = &key[..8];
    let manual = legacy.word(MODE).is_some_and(|mode| mode.to_lowercase().contains("manual"))
        || fields.get("manual") == Some(&json!(true));
    let files_written = legacy.list(FILES).iter().map(|path| audit_text(path)).collect();
    let structured = json!({
        "schema_version": 1,
        "task_id": id,
        "task_slug": slug,
        "task_name": audit_text(&name),
        "task_type": legacy.word(KIND),
        "scheduled_vs_manual": if manual { "manual" } else { "scheduled" },
        "status": status,
        "started_at_iso": started,
        "ended_at_iso": ended,
        "started_at_ts": started.as_seconds(),
        "ended_at_ts": ended.as_seconds(),
        "duration_ms": ended.millis_since(started),
        "trace_id": trace,
        "span_id": span,
        "attempt": 1,
        "retry_of": null,
        "idempotency_key": key,
        "scheduled_at": scheduled,
        "request_trace_id": null,
        "task_config_digest": canonical::digest(legacy.first(&["config", "task_config", "settings"]).unwrap_or(&Value::Null)),
        "retrieval": {"memory_count": 0, "filters": {}, "latency_ms": 0, "source": []},
        "io": Io { files_written, ..Io::default() },
        "embedding_skipped": true,
        "provenance_runner": found.runner,
        "grants": {"scopes": [], "impersonation": false},
        "error": error,
    });
    Ok(Experience {
        id: format!("task_exec_{id}_{}_{short}", started.utc().format("%Y%m%dT%H%M%S%6fZ")),
        kind: ExperienceType::TaskExecution,
        content: json!({"text": audit_text(&text), "structured": structured}),
        provenance: json!({"actor": "AGENT", "method": "BACKFILL", "sources": [audit_text(found.file)]}),
        parents: Vec::new(),
        causes: Vec::new(),
        session_id: format!("task:{id}:{started}:{short}"),
        created_at: started,
        ts: started.as_seconds(),
        meta: json!({"scrubbed": true, "backfilled": true}),
        workspace_id: found.workspace_id,
    })
}

/// A UUID of version 4 that a name always gives, so that a file that is read again is the same experience.
fn named(key: &str, what: &str) -> Uuid {
    let digest = canonical::sha256_hex(format!("{key}:{what}").as_bytes());
    let bytes = u128::from_str_radix(&digest[..32], 16).unwrap_or_default().to_be_bytes();
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

fn nothing_said() -> ExecutionError {
    ExecutionError::new("Unknown", "the result does not say what failed", &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runner() -> Runner {
        Runner { name: "admin".into(), version: "1".into(), pid: 1, host: "h".into() }
    }

    fn read_as(value: &Value, file: &str) -> Result<Experience, LegacyError> {
        let workspace_id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("id");
        backfilled(value, Found { file, workspace_id, runner: &runner() })
    }

    fn structured(value: &Value) -> Value {
        read_as(value, "x.json").expect("reads").content["structured"].clone()
    }

    #[test]
    fn every_field_of_the_contract_is_there() {
        let value = json!({
            "task_id": "daily_reflection", "task_name": "Daily Self-Reflection", "task_type": "reflection",
            "status": "completed", "started_at": "2025-11-04T18:29:12Z", "ended_at": "2025-11-04T18:29:13.042Z",
            "result": "Wrote to ada@example.org",
        });
        let experience = read_as(&value, "results/daily.json").expect("reads");
        assert_eq!(experience.meta, json!({"scrubbed": true, "backfilled": true}));
        assert_eq!(experience.provenance["method"], "BACKFILL");
        assert_eq!(experience.provenance["sources"], json!(["results/daily.json"]));
        assert_eq!(experience.content["text"], "Wrote to [email]");
        let told = &experience.content["structured"];
        assert_eq!(
            (&told["task_id"], &told["task_slug"]),
            (&json!("daily_reflection"), &json!("daily_reflection"))
        );
        assert_eq!(
            (&told["duration_ms"], &told["attempt"], &told["retry_of"]),
            (&json!(1042), &json!(1), &Value::Null)
        );
        // sha256sum of "daily_reflection:2025-11-04T18:29:12.000000Z:1"
        let key = canonical::sha256_hex(b"daily_reflection:2025-11-04T18:29:12.000000Z:1");
        assert_eq!(told["idempotency_key"], json!(key));
        for id in ["trace_id", "span_id"] {
            let id: Uuid = told[id].as_str().expect("text").parse().expect("uuid");
            assert_eq!(id.get_version_num(), 4);
        }
        assert_eq!(read_as(&value, "results/daily.json").expect("reads"), experience, "the same each time");
    }

    #[test]
    fn moments_are_read_in_every_spelling() {
        for at in [
            json!("2025-11-04T18:29:12Z"),
            json!("2025-11-04T19:29:12+01:00"),
            json!("2025-11-04T19:29:12+0100"),
            json!("2025-11-04 18:29:12"),
            json!("2025-11-04T18:29:12.000"),
            json!("2025-11-04 18:29:12 UTC"),
            json!(1_762_280_952),
            json!(1_762_280_952_000_i64),
            json!(1_762_280_952.0),
            json!("1762280952"),
            json!("20251104T182912Z"),
            json!("20251104_182912"),
        ] {
            for field in
                ["started_at", "start_time", "start", "begin", "timestamp", "finished_at", "scheduled_for"]
            {
                let told = structured(&json!({"task_id": "t", field: at}));
                assert_eq!(told["scheduled_at"], "2025-11-04T18:29:12.000000Z", "{field}: {at}");
            }
        }
        for file in ["t_20251104T182912Z.json", "t-2025-11-04T18-29-12.json", "t_1762280952.json"] {
            let told = read_as(&json!({"output": 1}), file).expect(file).content["structured"].clone();
            assert_eq!(
                (&told["started_at_iso"], &told["task_id"]),
                (&json!("2025-11-04T18:29:12.000000Z"), &json!("t"))
            );
        }
        let fallen = structured(&json!({"task_id": "t", "end": "2025-11-04T18:29:12Z", "duration": 2}));
        assert_eq!(
            (&fallen["scheduled_at"], &fallen["duration_ms"]),
            (&json!("2025-11-04T18:29:10.000000Z"), &json!(2000))
        );
    }

    #[test]
    fn statuses_and_errors_are_read_in_every_spelling() {
        let at = |more: Value| {
            let mut value = json!({"task_id": "t", "start": 1_762_280_952});
            value.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
            structured(&value)
        };
        for (more, status) in [
            (json!({"status": "OK"}), "success"),
            (json!({"status": "done"}), "success"),
            (json!({"success": true}), "success"),
            (json!({"state": "timed out"}), "failed"),
            (json!({"ok": false}), "failed"),
            (json!({"status": "Partial"}), "partial"),
            (json!({}), "success"),
            (json!({"error": "no"}), "failed"),
            (json!({"error": null, "status": "failed"}), "failed"),
        ] {
            let told = at(more.clone());
            assert_eq!(told["status"], status, "{more}");
            assert_eq!(told["error"].is_null(), status != "failed", "{more}");
        }
        let told = at(
            json!({"error": {"type": "ValueError", "message": "bad card 4111 1111 1111 1111", "traceback": "a"}}),
        );
        assert_eq!(
            (&told["error"]["type"], &told["error"]["message"]),
            (&json!("ValueError"), &json!("bad card [card]"))
        );
        assert_eq!(told["error"]["stack_hash"].as_str().map(str::len), Some(16));
    }

    #[test]
    fn tasks_are_named_in_every_spelling() {
        for (value, id, slug, name) in [
            (json!({"task": "sweep"}), "sweep", "sweep", "sweep"),
            (json!({"task": {"id": 7, "name": "Sweep up"}}), "7", "7", "Sweep up"),
            (json!({"name": "Sweep up"}), "sweep-up", "sweep-up", "Sweep up"),
            (
                json!({"id": "0192F3A4-5B6C-7D8E-9F00-112233445566", "title": "Sweep up"}),
                "0192f3a4-5b6c-7d8e-9f00-112233445566",
                "sweep-up",
                "Sweep up",
            ),
        ] {
            let mut value = value;
            value["start"] = json!(1_762_280_952);
            let told = structured(&value);
            assert_eq!(
                (told["task_id"].as_str(), told["task_slug"].as_str(), told["task_name"].as_str()),
                (Some(id), Some(slug), Some(name))
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_a_reason() {
        for (value, error) in [
            (json!([1]), LegacyError::NoObject),
            (json!({"task_id": "t"}), LegacyError::NoTime),
            (json!({"task_id": "t", "start": "soon"}), LegacyError::UnknownTime("soon".into())),
            (
                json!({"task_id": "t", "start": 1_762_280_952, "status": "purple"}),
                LegacyError::UnknownStatus("purple".into()),
            ),
            (json!({"task_id": "t".repeat(101), "start": 1_762_280_952}), LegacyError::TooLong("task_id")),
            (json!({"idempotency_key": "k", "experience": {}}), LegacyError::BrokenRecord),
        ] {
            assert_eq!(read_as(&value, "x.json").expect_err("refused"), error);
        }
        assert_eq!(
            read_as(&json!({"start": 1_762_280_952}), "1.json").expect_err("refused"),
            LegacyError::NoTask
        );
    }
}
