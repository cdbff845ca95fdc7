use goalwright_domain::experience::{Experience, ExperienceType};
use poem_openapi::Object;

use crate::values::{FreeObject, Moment, Word};

/// What was experienced. The nesting is that of the stored record.
#[derive(Debug, Object)]
#[oai(rename = "Experience")]
pub(crate) struct ExperienceBody {
    /// Its id, a text.
    id: String,
    /// Its kind.
    #[oai(rename = "type")]
    kind: Word<ExperienceType>,
    /// `text` is what people read. `structured` has the fields of the kind: of a `TASK_EXECUTION` `task_id`,
    /// `task_slug`, `status`, times, `trace_id`, `span_id`, `attempt`, `retry_of`, `idempotency_key`, `retrieval`,
    /// `io`, `error` and more.
    content: FreeObject,
    /// `actor`, `method` and `sources`.
    provenance: FreeObject,
    /// Experiences that were read for it.
    parents: Vec<String>,
    /// What triggered it: the goal, earlier executions.
    causes: Vec<String>,
    /// What belongs together has the same.
    session_id: String,
    /// When it began.
    created_at: Moment,
    /// The same in seconds since 1970.
    ts: f64,
    /// What is known about the record itself, such as `scrubbed`.
    meta: FreeObject,
}

impl From<Experience> for ExperienceBody {
    fn from(experience: Experience) -> Self {
        Self {
            id: experience.id,
            kind: Word(experience.kind),
            content: FreeObject(experience.content),
            provenance: FreeObject(experience.provenance),
            parents: experience.parents,
            causes: experience.causes,
            session_id: experience.session_id,
            created_at: experience.created_at.into(),
            ts: experience.ts,
            meta: FreeObject(experience.meta),
        }
    }
}

#[cfg(test)]
mod tests {
    use goalwright_domain::workspace::WorkspaceId;
    use poem_openapi::types::ToJSON;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn it_is_shown_as_it_is_kept() {
        let at: goalwright_domain::Timestamp = "2025-11-04T18:29:12.5Z".parse().expect("time");
        let experience = Experience {
            id: "task_exec_1".into(),
            kind: ExperienceType::TaskExecution,
            content: json!({"text": "done", "structured": {"attempt": 1, "retry_of": null}}),
            provenance: json!({"actor": "AGENT", "method": "SCHEDULED_TASK", "sources": []}),
            parents: vec!["a".into()],
            causes: vec!["b".into()],
            session_id: "task:1".into(),
            created_at: at,
            ts: at.as_seconds(),
            meta: json!({"scrubbed": true}),
            workspace_id: WorkspaceId::new(Uuid::nil()),
        };
        let kept = serde_json::to_value(&experience).expect("JSON");
        assert_eq!(ExperienceBody::from(experience).to_json(), Some(kept));
    }
}
