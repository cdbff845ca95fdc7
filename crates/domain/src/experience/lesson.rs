//! What a run that did not go smoothly teaches: what failed, and how it was resolved at last. It is said from the record
//! alone, so that the same record always says the same.

use serde_json::{Value, json};

use super::{Experience, ExperienceType, audit_text};
use crate::{Timestamp, canonical};

/// What the record of a run teaches.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// A belief where the task was done at last, a reflection where it failed for good.
    pub kind: ExperienceType,
    /// In words.
    pub text: String,
    /// For programs.
    pub structured: Value,
}

/// A failure, and how often it came in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failure {
    kind: String,
    message: String,
    count: usize,
}

/// The lesson of a run that is over, from the records of all its attempts in their order; none if it went smoothly.
pub fn lesson(attempts: &[Experience]) -> Option<Lesson> {
    let last = attempts.last()?;
    let failures = failures(attempts);
    if failures.is_empty() {
        return None;
    }
    let of = |field: &str| last.content["structured"][field].clone();
    let name = of("task_name").as_str().unwrap_or_default().to_owned();
    let failed = is_failed(last);
    let (kind, outcome, text, resolved_by) = if failed {
        (ExperienceType::Reflection, "failed", failed_for_good(&name, attempts.len(), &failures), None)
    } else {
        let (by, how) = resolution(attempts);
        let told = listed(&failures);
        let text = format!(
            "`{name}` was done at attempt {}, after it had failed with {told}. {how}",
            attempts.len()
        );
        (ExperienceType::Belief, "resolved", text, Some(by))
    };
    let errors: Vec<Value> = failures
        .iter()
        .map(|failure| json!({"type": failure.kind, "message": failure.message, "count": failure.count}))
        .collect();
    let structured = json!({
        "task_id": of("task_id"),
        "task_slug": of("task_slug"),
        "task_name": name,
        "task_type": of("task_type"),
        "trace_id": of("trace_id"),
        "outcome": outcome,
        "resolved_by": resolved_by,
        "attempts": attempts.len(),
        "errors": errors,
    });
    Some(Lesson { kind, text: audit_text(&text), structured })
}

impl Lesson {
    /// The experience that tells it: what failed before are its parents, the attempt that the run ended with its cause. It is
    /// appended once for that attempt.
    pub fn experience(self, attempts: &[Experience], now: Timestamp) -> Option<Experience> {
        let (last, before) = attempts.split_last()?;
        let key = last.content["structured"]["idempotency_key"].as_str()?;
        let key = canonical::sha256_hex(format!("{key}:hook.notes").as_bytes());
        let mut structured = self.structured;
        structured["idempotency_key"] = json!(key);
        Some(Experience {
            id: format!("{}_{}", self.kind.as_str().to_ascii_lowercase(), &key[..32]),
            kind: self.kind,
            content: json!({"text": self.text, "structured": structured}),
            provenance: json!({"actor": "SYSTEM", "method": "HOOK", "sources": ["hook:notes"]}),
            parents: before.iter().map(|attempt| attempt.id.clone()).collect(),
            causes: vec![last.id.clone()],
            session_id: last.session_id.clone(),
            created_at: now,
            ts: now.as_seconds(),
            meta: json!({"scrubbed": true}),
            workspace_id: last.workspace_id,
        })
    }
}

/// What a model learned from the attempts of a run, as beliefs: the attempts before the last one are their parents, the one that
/// the run ended with their cause. The same place in the list is appended once.
pub fn learned(lessons: &[String], model: &str, attempts: &[Experience], now: Timestamp) -> Vec<Experience> {
    let Some((last, before)) = attempts.split_last() else { return Vec::new() };
    let Some(key) = last.content["structured"]["idempotency_key"].as_str() else { return Vec::new() };
    let of = |field: &str| last.content["structured"][field].clone();
    let one = |(number, text): (usize, &String)| {
        let key = canonical::sha256_hex(format!("{key}:hook.lessons:{number}").as_bytes());
        let kind = ExperienceType::Belief;
        let structured = json!({
            "task_id": of("task_id"), "task_slug": of("task_slug"), "task_name": of("task_name"),
            "task_type": of("task_type"), "trace_id": of("trace_id"), "model": model, "idempotency_key": key,
        });
        Experience {
            id: format!("{}_{}", kind.as_str().to_ascii_lowercase(), &key[..32]),
            kind,
            content: json!({"text": audit_text(text), "structured": structured}),
            provenance: json!({"actor": "AGENT", "method": "HOOK", "sources": ["hook:lessons", format!("model:{model}")]}),
            parents: before.iter().map(|attempt| attempt.id.clone()).collect(),
            causes: vec![last.id.clone()],
            session_id: last.session_id.clone(),
            created_at: now,
            ts: now.as_seconds(),
            meta: json!({"scrubbed": true}),
            workspace_id: last.workspace_id,
        }
    };
    lessons.iter().enumerate().map(one).collect()
}

fn is_failed(attempt: &Experience) -> bool {
    attempt.content["structured"]["status"] == "failed"
}

/// The failures in their order; the same several times in a row is one. What was given back has not failed.
fn failures(attempts: &[Experience]) -> Vec<Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    for attempt in attempts.iter().filter(|attempt| is_failed(attempt)) {
        let error = &attempt.content["structured"]["error"];
        let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
        let (kind, message) = (text("type"), text("message"));
        if kind == "Released" {
            continue;
        }
        match failures.last_mut() {
            Some(same) if same.kind == kind && same.message == message => same.count += 1,
            _ => failures.push(Failure { kind, message, count: 1 }),
        }
    }
    failures
}

fn failed_for_good(name: &str, attempts: usize, failures: &[Failure]) -> String {
    let after = match attempts {
        1 => "at its only attempt".to_owned(),
        many => format!("after {many} attempts"),
    };
    format!("`{name}` failed for good {after}: {}. Nothing resolved it.", listed(failures))
}

/// `HttpError (the server is away), 3 times; then TimedOut (…)`.
fn listed(failures: &[Failure]) -> String {
    let told = failures.iter().map(|Failure { kind, message, count }| match count {
        1 => format!("{kind} ({})", message.trim_end_matches('.')),
        2 => format!("{kind} ({}), twice", message.trim_end_matches('.')),
        many => format!("{kind} ({}), {many} times", message.trim_end_matches('.')),
    });
    told.collect::<Vec<_>>().join("; then ")
}

/// What was different about the attempt that did it.
fn resolution(attempts: &[Experience]) -> (&'static str, String) {
    let Some((last, before)) = attempts.split_last() else { return ("retry", String::new()) };
    if last.provenance["method"] == "MANUAL_TASK" {
        return ("person", "A person did it, or asked for it.".to_owned());
    }
    let Some(failed) = before.iter().rev().find(|attempt| is_failed(attempt)) else {
        return ("retry", String::new());
    };
    let digest = |attempt: &Experience| attempt.content["structured"]["task_config_digest"].clone();
    if digest(last) != digest(failed) {
        return ("change", "What it does had been changed before that.".to_owned());
    }
    let second = |attempt: &Experience, field: &str| attempt.content["structured"][field].as_f64();
    let pause = second(last, "started_at_ts").zip(second(failed, "ended_at_ts")).map(|(at, end)| at - end);
    let pause =
        pause.filter(|pause| *pause >= 1.0).map(|pause| format!(", {pause:.0} s later")).unwrap_or_default();
    ("retry", format!("The same was simply tried again{pause}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Id;
    use uuid::Uuid;

    fn attempt(number: u32, status: &str, error: Option<(&str, &str)>, digest: &str) -> Experience {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("time");
        let error = error.map(|(kind, message)| json!({"type": kind, "message": message}));
        let at = f64::from(number) * 100.0;
        Experience {
            id: format!("task_exec_{number}"),
            kind: ExperienceType::TaskExecution,
            content: json!({"text": "", "structured": {
                "task_id": "1", "task_slug": "fetch", "task_name": "Fetch", "task_type": "tool", "trace_id": "t",
                "status": status, "attempt": number, "error": error, "idempotency_key": format!("key {number}"),
                "task_config_digest": digest, "started_at_ts": at, "ended_at_ts": at + 58.0,
            }}),
            provenance: json!({"method": "SCHEDULED_TASK"}),
            parents: Vec::new(),
            causes: Vec::new(),
            session_id: "task:1".to_owned(),
            created_at: now,
            ts: at,
            meta: json!({}),
            workspace_id: Id::new(Uuid::from_u128(1)),
        }
    }

    const AWAY: Option<(&str, &str)> = Some(("HttpError", "the server is away."));

    #[test]
    fn what_went_smoothly_teaches_nothing() {
        assert_eq!(lesson(&[]), None);
        assert_eq!(lesson(&[attempt(1, "success", None, "a")]), None);
        let given_back = attempt(1, "failed", Some(("Released", "its worker gave it back")), "a");
        assert_eq!(lesson(&[given_back, attempt(2, "success", None, "a")]), None);
    }

    #[test]
    fn a_task_that_was_done_at_last_says_after_what_and_how() {
        let attempts = [
            attempt(1, "failed", AWAY, "a"),
            attempt(2, "failed", AWAY, "a"),
            attempt(3, "failed", Some(("TimedOut", "took too long")), "a"),
            attempt(4, "success", None, "a"),
        ];
        let told = lesson(&attempts).expect("a lesson");
        assert_eq!(told.kind, ExperienceType::Belief);
        assert_eq!(
            told.text,
            "`Fetch` was done at attempt 4, after it had failed with HttpError (the server is away), twice; then \
             TimedOut (took too long). The same was simply tried again, 42 s later."
        );
        assert_eq!(told.structured["resolved_by"], "retry");
        assert_eq!(told.structured["errors"][0]["count"], 2);
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().expect("time");
        let experience = told.clone().experience(&attempts, now).expect("an experience");
        assert_eq!(experience.parents, ["task_exec_1", "task_exec_2", "task_exec_3"]);
        assert_eq!(experience.causes, ["task_exec_4"]);
        let again = told.experience(&attempts, now).expect("an experience");
        assert_eq!(again.id, experience.id, "the same run, the same experience");
    }

    #[test]
    fn what_was_changed_and_who_helped_is_told() {
        let changed = [attempt(1, "failed", AWAY, "a"), attempt(2, "success", None, "b")];
        assert_eq!(lesson(&changed).expect("a lesson").structured["resolved_by"], "change");
        let mut helped = [attempt(1, "failed", AWAY, "a"), attempt(2, "success", None, "b")];
        helped[1].provenance = json!({"method": "MANUAL_TASK"});
        assert_eq!(lesson(&helped).expect("a lesson").structured["resolved_by"], "person");
    }

    #[test]
    fn a_task_that_failed_for_good_says_so() {
        let told = lesson(&[attempt(1, "failed", AWAY, "a")]).expect("a lesson");
        assert_eq!(told.kind, ExperienceType::Reflection);
        assert_eq!(
            told.text,
            "`Fetch` failed for good at its only attempt: HttpError (the server is away). Nothing resolved it."
        );
    }
}
