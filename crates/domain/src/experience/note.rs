//! Experiences that somebody adds in their own words.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Experience, ExperienceType, TEXT_LIMIT, audit_text, audit_value};
use crate::task::NAME_LIMIT;
use crate::workspace::WorkspaceId;
use crate::{Timestamp, Violation, canonical};

/// The most parents, and the most causes, that one may name.
const MOST_IDS: usize = 200;

/// What somebody wants to be remembered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Note {
    /// What people read.
    pub text: String,
    /// Fields of their own; `task_id`, `task_slug` and `trace_id` are what it is found by.
    pub structured: Map<String, Value>,
    /// Experiences that it came from; they are in the workspace.
    pub parents: Vec<String>,
    /// What triggered it, by id.
    pub causes: Vec<String>,
    /// What belongs together has the same; one of its own unless given.
    pub session_id: Option<String>,
    /// Where it is from, in words or addresses.
    pub sources: Vec<String>,
}

impl Note {
    /// Every rule that it breaks.
    pub fn violations(&self) -> Vec<Violation> {
        let mut violations: Vec<Violation> =
            Violation::of_text("text", &self.text, TEXT_LIMIT).into_iter().collect();
        if self.text.trim().is_empty() {
            violations.push(Violation::new("text", "empty", "an experience needs words"));
        }
        for (path, list) in [("parents", &self.parents), ("causes", &self.causes), ("sources", &self.sources)]
        {
            if list.len() > MOST_IDS {
                violations.push(Violation::new(path, "too_many", format!("at most {MOST_IDS}")));
            }
            for (index, text) in list.iter().enumerate() {
                violations.extend(Violation::of_text(&format!("{path}[{index}]"), text, 500));
            }
        }
        if let Some(session) = &self.session_id {
            violations.extend(Violation::of_text("session_id", session, 500));
        }
        if Value::Object(self.structured.clone()).to_string().len() > TEXT_LIMIT {
            let message = format!("at most {TEXT_LIMIT} bytes of JSON");
            violations.push(Violation::new("structured", "too_long", message));
        }
        if self.structured.contains_key("idempotency_key") {
            let message = "only executions have one; send the header `Idempotency-Key` instead";
            violations.push(Violation::new("structured.idempotency_key", "reserved", message));
        }
        for name in ["task_id", "task_slug", "trace_id"] {
            let fits = self
                .structured
                .get(name)
                .is_none_or(|value| value.as_str().is_some_and(|text| text.chars().count() <= NAME_LIMIT));
            if !fits {
                let message = format!("a text of at most {NAME_LIMIT} characters: it is found by it");
                violations.push(Violation::new(format!("structured.{name}"), "invalid_value", message));
            }
        }
        violations
    }
}

impl Experience {
    /// The same as a tool adds it: once for each key of an attempt.
    #[must_use]
    pub fn by_tool(mut self, attempt_key: &str) -> Self {
        let key = canonical::sha256_hex(format!("{attempt_key}:experience.add").as_bytes());
        self.content["structured"]["idempotency_key"] = json!(key);
        self.provenance["actor"] = json!("AGENT");
        self.provenance["method"] = json!("TOOL");
        self
    }
}

/// The experience that a note becomes. Its words pass through the one function that makes audit copies.
pub fn note(
    kind: ExperienceType,
    given: Note,
    workspace_id: WorkspaceId,
    short: &str,
    id: Uuid,
    now: Timestamp,
) -> Experience {
    let structured = audit_value(&Value::Object(given.structured));
    let sources: Vec<String> = given.sources.iter().map(|source| audit_text(source)).collect();
    Experience {
        id: format!("{}_{id}", kind.as_str().to_ascii_lowercase()),
        kind,
        content: json!({"text": audit_text(&given.text), "structured": structured}),
        provenance: json!({"actor": "USER", "method": "API", "sources": sources}),
        parents: given.parents,
        causes: given.causes,
        session_id: given.session_id.unwrap_or_else(|| format!("api:{now}:{short}")),
        created_at: now,
        ts: now.as_seconds(),
        meta: json!({"scrubbed": true}),
        workspace_id,
    }
}
