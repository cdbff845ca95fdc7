//! How long texts and lists may be, and how large numbers. The domain decides; here its limits become part of the
//! document, so that programs know them before they ask. A test over HTTP holds both together.

use std::time::Duration;

use goalwright_application::{planning, tasks};
use goalwright_domain::{api_key, execution, experience, schedule, task, workspace};
use serde_json::{Value, json};

/// A text that must not be blank.
const SAYS_SOMETHING: &str = r"\S";

/// The bounds of one field, in every body that has it.
struct Bound {
    bodies: &'static [&'static str],
    field: &'static str,
    rules: Value,
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn bounds() -> Vec<Bound> {
    const GOALS: &[&str] = &["NewGoal", "GoalChanges"];
    const PLANS: &[&str] = &["Import"];
    const DECOMPOSE: &[&str] = &["Decompose", "Expand"];
    const PROMPTS: &[&str] = &["NewPrompt"];
    const TASKS: &[&str] = &["NewTask", "TaskChanges"];
    const EDGES: &[&str] = &["NewTask", "Dependencies"];
    const SCHEDULES: &[&str] = &["Schedule"];
    const AGENTS: &[&str] = &["NewAgent", "AgentChanges"];
    const KEYS: &[&str] = &["NewApiKey"];
    const EXPERIENCES: &[&str] = &["NewExperience"];
    const RETRY: &[&str] = &["Retry"];
    const CLAIMS: &[&str] = &["ClaimTasks"];
    const SETTINGS: &[&str] = &["WorkspaceSettingsChanges"];
    const LEASES: &[&str] = &["ClaimTasks", "TaskHeartbeat"];
    let lease = json!({"minimum": milliseconds(tasks::SHORTEST_LEASE), "maximum": milliseconds(tasks::LONGEST_LEASE)});
    let words = |most: usize| json!({"minLength": 1, "maxLength": most, "pattern": SAYS_SOMETHING});
    let text = |most: usize| json!({"maxLength": most});
    let texts = |most: usize, of: Value| json!({"maxItems": most, "items": of});
    let number = |least: u32, most: u32| json!({"minimum": least, "maximum": most});
    let at = |bodies, field, rules| Bound { bodies, field, rules };
    vec![
        at(GOALS, "title", words(task::TITLE_LIMIT)),
        at(GOALS, "description", text(task::DESCRIPTION_LIMIT)),
        at(GOALS, "success_criteria", texts(100, text(task::TITLE_LIMIT))),
        at(DECOMPOSE, "instructions", text(planning::INSTRUCTIONS_LIMIT)),
        at(DECOMPOSE, "max_tasks", json!({"minimum": 1, "maximum": planning::MOST_TASKS})),
        at(PROMPTS, "version", json!({"pattern": "^[A-Za-z0-9._-]{1,64}$"})),
        at(PROMPTS, "content", words(planning::PROMPT_LIMIT)),
        at(PLANS, "content", json!({"minLength": 1})),
        at(PLANS, "title", text(task::TITLE_LIMIT)),
        at(TASKS, "title", words(task::TITLE_LIMIT)),
        at(TASKS, "description", text(task::DESCRIPTION_LIMIT)),
        at(TASKS, "key", text(task::NAME_LIMIT)),
        at(TASKS, "slug", text(task::NAME_LIMIT)),
        at(TASKS, "task_type", text(task::NAME_LIMIT)),
        at(TASKS, "labels", texts(50, text(task::NAME_LIMIT))),
        at(TASKS, "max_attempts", number(1, 100)),
        at(SETTINGS, "retention_days", number(1, workspace::RETENTION_LIMIT)),
        at(RETRY, "initial_delay", json!({"minimum": 0, "maximum": execution::LONGEST_DELAY.as_secs()})),
        at(RETRY, "backoff_factor", json!({"minimum": 1, "maximum": 100})),
        at(RETRY, "max_delay", json!({"minimum": 0, "maximum": execution::LONGEST_DELAY.as_secs()})),
        at(RETRY, "retryable_errors", texts(execution::ERROR_TYPES, text(task::NAME_LIMIT))),
        at(RETRY, "fatal_errors", texts(execution::ERROR_TYPES, text(task::NAME_LIMIT))),
        at(TASKS, "estimate_minutes", number(0, 10_000_000)),
        at(TASKS, "complexity", number(1, 10)),
        at(TASKS, "complexity_reason", text(task::REASON_LIMIT)),
        at(EDGES, "depends_on", json!({"maxItems": 1_000, "uniqueItems": true})),
        at(CLAIMS, "limit", number(1, tasks::CLAIM_LIMIT)),
        at(CLAIMS, "task_types", texts(tasks::TYPE_LIMIT, text(task::NAME_LIMIT))),
        at(CLAIMS, "wait_ms", json!({"minimum": 0, "maximum": milliseconds(tasks::LONGEST_WAIT)})),
        at(LEASES, "lease_ms", lease),
        at(&["CompleteTask"], "summary", text(tasks::SUMMARY_LIMIT)),
        at(&["Io"], "files_written", texts(tasks::FILE_LIMIT, words(tasks::PATH_LIMIT))),
        at(&["Failure"], "type", words(task::NAME_LIMIT)),
        at(&["Failure"], "message", text(tasks::MESSAGE_LIMIT)),
        at(&["EndTask", "RetryTask"], "reason", text(1_000)),
        at(&["ApproveTask"], "comment", text(1_000)),
        at(SCHEDULES, "minute", number(0, 59)),
        at(SCHEDULES, "day", number(1, 31)),
        at(SCHEDULES, "weekdays", json!({"minItems": 1, "maxItems": 14})),
        at(SCHEDULES, "cron", text(schedule::CRON_LIMIT)),
        at(SCHEDULES, "jitter", number(0, schedule::JITTER_LIMIT)),
        at(SCHEDULES, "misfire_window", number(0, schedule::MISFIRE_WINDOW_LIMIT)),
        at(&["PreviewSchedule"], "limit", number(1, 100)),
        at(AGENTS, "name", words(task::NAME_LIMIT)),
        at(AGENTS, "capabilities", texts(100, words(task::NAME_LIMIT))),
        at(AGENTS, "max_concurrency", number(1, 10_000)),
        at(KEYS, "name", words(api_key::NAME_LIMIT)),
        at(KEYS, "scopes", json!({"minItems": 1})),
        at(EXPERIENCES, "text", words(experience::TEXT_LIMIT)),
        at(EXPERIENCES, "session_id", text(500)),
        at(EXPERIENCES, "parents", texts(200, text(500))),
        at(EXPERIENCES, "causes", texts(200, text(500))),
        at(EXPERIENCES, "sources", texts(200, text(500))),
    ]
}

/// What null does not take away: a goal, a task and an agent always have these.
const KEPT: [(&str, &str); 8] = [
    ("GoalChanges", "title"),
    ("GoalChanges", "status"),
    ("TaskChanges", "title"),
    ("TaskChanges", "slug"),
    ("TaskChanges", "task_type"),
    ("TaskChanges", "max_attempts"),
    ("AgentChanges", "name"),
    ("WorkspaceSettingsChanges", "default_agent_id"),
];

/// Adds the bounds to the bodies.
pub(super) fn describe(document: &mut Value) {
    for Bound { bodies, field, rules } in bounds() {
        for body in bodies {
            if let Some(property) = property(document, body, field) {
                merge(property, rules.clone());
            }
        }
    }
    for (body, field) in KEPT {
        if let Some(field) = property(document, body, field).and_then(Value::as_object_mut) {
            field.remove("nullable");
        }
    }
}

fn property<'a>(document: &'a mut Value, body: &str, field: &str) -> Option<&'a mut Value> {
    document.pointer_mut(&format!("/components/schemas/{body}/properties/{field}"))
}

fn merge(into: &mut Value, rules: Value) {
    let Value::Object(rules) = rules else { return };
    for (name, rule) in rules {
        match &mut into[&name] {
            Value::Object(_) => merge(&mut into[&name], rule),
            place => *place = rule,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_is_of_a_field_that_there_is() {
        let mut document: Value = serde_json::from_str(&crate::document::text()).expect("JSON");
        for Bound { bodies, field, rules } in bounds() {
            for body in bodies {
                let property =
                    property(&mut document, body, field).unwrap_or_else(|| panic!("{body}.{field}"));
                for name in rules.as_object().expect("rules").keys() {
                    assert!(!property[name].is_null(), "{body}.{field}: {name}");
                }
            }
        }
    }
}
