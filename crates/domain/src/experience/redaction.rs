//! Experiences that personal data was taken out of.

use serde_json::{Map, Value, json};

use super::{Experience, ExperienceType, REDACTED};
use crate::execution::ExecutionError;

impl Experience {
    /// The same experience without a word of what people or tools said: when it was, how it ended, and what it belongs to
    /// stays.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let structured = &self.content["structured"];
        let structured = match self.kind {
            ExperienceType::TaskExecution => execution(structured),
            _ => json!({"redacted": true}),
        };
        let mut meta = self.meta.as_object().cloned().unwrap_or_else(Map::new);
        meta.insert("redacted".to_owned(), json!(true));
        Self {
            content: json!({"text": REDACTED, "structured": structured}),
            meta: Value::Object(meta),
            ..self.clone()
        }
    }
}

impl ExecutionError {
    /// The same error without its message.
    #[must_use]
    pub fn redacted(&self) -> Self {
        Self { message: REDACTED.to_owned(), ..self.clone() }
    }
}

fn execution(structured: &Value) -> Value {
    let mut structured = structured.clone();
    for name in ["task_name", "task_slug"] {
        structured[name] = json!(REDACTED.trim_matches(['[', ']']));
    }
    if let Some(retrieval) = structured["retrieval"].as_object_mut() {
        for (name, value) in retrieval.iter_mut() {
            match name.as_str() {
                "query" => *value = json!(REDACTED),
                "filters" => *value = json!({}),
                _ => {}
            }
        }
    }
    if let Some(files) = structured["io"]["files_written"].as_array_mut() {
        files.iter_mut().for_each(|file| *file = json!(REDACTED));
    }
    if let Some(error) = structured["error"].as_object_mut() {
        error.insert("message".to_owned(), json!(REDACTED));
    }
    structured
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::workspace::WorkspaceId;

    fn experience(kind: ExperienceType, structured: Value) -> Experience {
        Experience {
            id: "one".to_owned(),
            kind,
            content: json!({"text": "Call Ada", "structured": structured}),
            provenance: json!({}),
            parents: Vec::new(),
            causes: Vec::new(),
            session_id: "s".to_owned(),
            created_at: "2026-01-01T00:00:00Z".parse().expect("time"),
            ts: 0.0,
            meta: json!({"scrubbed": true}),
            workspace_id: WorkspaceId::new(Uuid::nil()),
        }
    }

    #[test]
    fn of_an_execution_stays_how_it_went_and_nothing_that_was_said() {
        let structured = json!({
            "task_id": "t", "task_slug": "call-ada", "task_name": "Call Ada", "status": "failed", "attempt": 2,
            "retrieval": {"memory_count": 0, "query": "Ada?", "filters": {"q": "Ada"}},
            "io": {"files_written": ["ada.txt"], "tool_calls": ["c"]},
            "error": {"type": "NoAnswer", "message": "Ada is out", "stack_hash": "00"},
        });
        let redacted = experience(ExperienceType::TaskExecution, structured).redacted();
        assert!(!redacted.content.to_string().to_lowercase().contains("ada"), "{}", redacted.content);
        let left = &redacted.content["structured"];
        assert_eq!(
            (&left["status"], &left["attempt"], &left["task_id"]),
            (&json!("failed"), &json!(2), &json!("t"))
        );
        assert_eq!(left["error"], json!({"type": "NoAnswer", "message": "[redacted]", "stack_hash": "00"}));
        assert_eq!(left["io"], json!({"files_written": ["[redacted]"], "tool_calls": ["c"]}));
        assert_eq!(redacted.meta, json!({"scrubbed": true, "redacted": true}));
        assert_eq!(redacted.redacted(), redacted);
    }

    #[test]
    fn of_what_was_noted_nothing_stays() {
        let redacted = experience(ExperienceType::Observation, json!({"caller": "Ada"})).redacted();
        assert_eq!(redacted.content, json!({"text": "[redacted]", "structured": {"redacted": true}}));
    }
}
