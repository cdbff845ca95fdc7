//! What a field is of which the events of an entity say nothing.

use serde_json::Value;

/// Fields that are younger than events that do not name them, and what they are where nobody said anything of them. A state
/// of the past is read with the same.
const YOUNGER: [(&str, &str, &str); 1] = [("task", "on_exhausted", "fail")];

/// What a field of an entity of this type is as long as its events do not name it: null, but for what is younger than they
/// are and never null.
pub(super) fn unsaid(entity_type: &str, field: &str) -> Value {
    let younger = YOUNGER.iter().find(|(of, name, _)| (*of, *name) == (entity_type, field));
    younger.map_or(Value::Null, |(.., usual)| Value::from(*usual))
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;
    use crate::agent::AgentState;
    use crate::goal::GoalState;
    use crate::task::TaskState;

    /// What is read of a state without one of its fields is what this says, field by field.
    fn agrees<S: DeserializeOwned + Serialize>(entity_type: &str, state: &Value) {
        let whole: S = serde_json::from_value(state.clone()).expect("a state");
        assert_eq!(json!(whole), *state, "every field of {entity_type} is here");
        for field in state.as_object().expect("fields").keys() {
            let mut others = state.clone();
            others.as_object_mut().expect("fields").remove(field);
            if let Ok(read) = serde_json::from_value::<S>(others) {
                assert_eq!(json!(read)[field], unsaid(entity_type, field), "{entity_type}.{field}");
            }
        }
    }

    #[test]
    fn it_is_what_states_are_read_with() {
        let (id, at) = ("00000000-0000-0000-0000-000000000001", "2026-01-01T00:00:00.000000Z");
        agrees::<GoalState>(
            "goal",
            &json!({
                "id": id, "workspace_id": id, "title": "a", "description": "", "success_criteria": ["x"], "due_at": at,
                "status": "active", "queue": "other", "sandbox": "/x", "source_path": "/x/p.md", "source_digest": "d",
                "created_by": id, "created_at": at,
            }),
        );
        agrees::<AgentState>(
            "agent",
            &json!({
                "id": id, "workspace_id": id, "name": "a", "kind": "tool", "capabilities": ["x"], "max_concurrency": 1,
                "is_default": true, "status": "active", "user_id": id, "llm": null, "created_at": at,
            }),
        );
        agrees::<TaskState>(
            "task",
            &json!({
                "id": id, "workspace_id": id, "goal_id": id, "key": "T1", "slug": "a", "title": "a", "description": "b",
                "task_type": "tool", "status": "pending", "waiting": null, "error": null, "priority": 1, "agent_id": id,
                "action": null, "result": {"a": 1}, "labels": ["x"], "parallel": true, "estimate_minutes": 1,
                "complexity": 1, "complexity_reason": "x", "attempt": 1, "max_attempts": 1, "retry": null,
                "on_exhausted": "pause", "scheduled_at": at, "schedule": null, "created_at": at,
            }),
        );
    }
}
