//! Whether what is stored of an entity is what its events tell of it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::fold::{Folded, same};
use super::told::is_redacted;
use super::unsaid::unsaid;
use crate::{Timestamp, canonical};

/// What has a row that its events fold to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entity {
    /// A goal.
    Goal,
    /// A task, with what it waits for.
    Task,
    /// An agent.
    Agent,
}

/// An entity as its row has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its fields, under the names of the ledger.
    pub state: Map<String, Value>,
    /// The number of its events.
    pub revision: i64,
    /// When the last one was.
    pub updated_at: Timestamp,
}

/// Where the row of an entity and its events do not agree.
#[derive(Debug, Clone, PartialEq)]
pub enum Disagreement {
    /// The row has another value than the events lead to.
    Field {
        /// Of this field; `revision` and `updated_at` count as fields.
        field: String,
        /// What the row says.
        in_row: Value,
        /// What the events say.
        by_events: Value,
    },
    /// The events tell of it, and not that it was deleted; there is no row.
    NoRow,
    /// There is a row, and no event tells of it.
    NoEvents,
    /// There is a row, and the last event says that it was deleted.
    Deleted,
    /// The events do not follow from each other.
    Contradiction {
        /// The first one that does not.
        why: String,
    },
}

impl Entity {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Goal, Self::Task, Self::Agent];

    /// As the ledger calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Goal => "goal",
            Self::Task => "task",
            Self::Agent => "agent",
        }
    }
}

/// Where the row of an entity and what its events fold to do not agree. What was redacted says nothing, and is agreed with.
pub fn disagreements(entity: Entity, row: Option<&Stored>, told: Option<&Folded>) -> Vec<Disagreement> {
    let (row, told) = match (row, told) {
        (None, None) => return Vec::new(),
        (Some(_), None) => return vec![Disagreement::NoEvents],
        (None, Some(told)) => {
            // Of what was redacted as a whole nobody knows whether it was deleted before.
            let silent = told.is_gone() || told.state.values().all(is_redacted);
            return if silent { Vec::new() } else { vec![Disagreement::NoRow] };
        }
        (Some(_), Some(told)) if told.is_gone() => return vec![Disagreement::Deleted],
        (Some(row), Some(told)) => (row, told),
    };
    let fields: BTreeSet<&String> = row.state.keys().chain(told.state.keys()).collect();
    let mut found: Vec<Disagreement> = Vec::new();
    for field in fields {
        let in_row = row.state.get(field).unwrap_or(&Value::Null);
        let by_events = match told.state.get(field) {
            Some(value) => value.clone(),
            None if in_row.is_null() => continue,
            None => unsaid(entity.as_str(), field),
        };
        let agreed = match field.as_str() {
            "depends_on" => same(in_row, &by_events),
            // The ledger has whole numbers without a fraction.
            _ => canonical::to_string(in_row) == canonical::to_string(&by_events),
        };
        if !agreed && !is_redacted(&by_events) {
            found.push(Disagreement::Field { field: field.clone(), in_row: in_row.clone(), by_events });
        }
    }
    let counted = [
        ("revision", json!(row.revision), json!(told.revision)),
        ("updated_at", json!(row.updated_at), json!(told.updated_at)),
    ];
    for (field, in_row, by_events) in counted {
        if in_row != by_events {
            found.push(Disagreement::Field { field: field.to_owned(), in_row, by_events });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(state: Value) -> Map<String, Value> {
        state.as_object().cloned().expect("fields")
    }

    fn at() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("valid")
    }

    fn row(state: Value) -> Stored {
        Stored { state: fields(state), revision: 2, updated_at: at() }
    }

    fn told(state: Value) -> Folded {
        Folded { state: fields(state), revision: 2, first_at: at(), updated_at: at() }
    }

    fn found(row: Value, by_events: Value) -> Vec<String> {
        let found = disagreements(Entity::Goal, Some(&self::row(row)), Some(&told(by_events)));
        let name = |one: Disagreement| match one {
            Disagreement::Field { field, .. } => field,
            other => format!("{other:?}"),
        };
        found.into_iter().map(name).collect()
    }

    #[test]
    fn every_field_that_differs_is_named() {
        let state = json!({"title": "a", "status": "active", "due_at": null, "success_criteria": ["x", "y"]});
        assert_eq!(found(state.clone(), state.clone()), [""; 0]);
        let changed =
            json!({"title": "b", "status": "active", "due_at": null, "success_criteria": ["y", "x"]});
        assert_eq!(found(changed, state.clone()), ["success_criteria", "title"]);
        assert_eq!(found(json!({"title": "a", "status": "active"}), state), ["success_criteria"]);
        let counted = Stored { revision: 3, ..row(json!({})) };
        let differing = disagreements(Entity::Goal, Some(&counted), Some(&told(json!({}))));
        let field = "revision".to_owned();
        assert_eq!(differing, [Disagreement::Field { field, in_row: json!(3), by_events: json!(2) }]);
    }

    /// As `canonical` writes them.
    #[test]
    fn whole_numbers_are_the_same_with_and_without_a_fraction() {
        assert_eq!(
            found(json!({"result": {"score": 1.0, "low": -0.0}}), json!({"result": {"score": 1, "low": 0}})),
            [""; 0]
        );
        assert_eq!(found(json!({"result": {"score": 1.5}}), json!({"result": {"score": 1}})), ["result"]);
    }

    #[test]
    fn edges_are_a_set_and_what_was_redacted_says_nothing() {
        assert_eq!(found(json!({"depends_on": [1, 2]}), json!({"depends_on": [2, 1]})), [""; 0]);
        assert_eq!(found(json!({"depends_on": [1]}), json!({"depends_on": [2, 1]})), ["depends_on"]);
        assert_eq!(found(json!({"title": "a"}), json!({"title": {"redacted": true}})), [""; 0]);
    }

    #[test]
    fn what_is_there_only_here_or_only_there_is_told() {
        let (row, alive, gone) =
            (row(json!({"title": "a"})), told(json!({"title": "a"})), told(json!({"title": null})));
        let silent = told(json!({"title": {"redacted": true}}));
        let of = |row, told| disagreements(Entity::Goal, row, told);
        assert_eq!(of(None, Some(&alive)), [Disagreement::NoRow]);
        assert_eq!(of(Some(&row), None), [Disagreement::NoEvents]);
        assert_eq!(of(Some(&row), Some(&gone)), [Disagreement::Deleted]);
        for told in [None, Some(&gone), Some(&silent)] {
            assert_eq!(of(None, told), []);
        }
    }

    #[test]
    fn a_field_that_older_events_do_not_name_is_what_it_usually_is() {
        let id = "00000000-0000-0000-0000-000000000001";
        let state = |on_exhausted: &str| {
            json!({
                "id": id, "workspace_id": id, "goal_id": null, "key": null, "slug": "a", "title": "a",
                "description": "", "task_type": "tool", "status": "pending", "waiting": null, "error": null,
                "priority": 0, "agent_id": null, "action": null, "result": null, "labels": [], "parallel": false,
                "estimate_minutes": null, "complexity": null, "attempt": 0, "max_attempts": 1, "retry": null,
                "on_exhausted": on_exhausted, "scheduled_at": null, "schedule": null, "created_at": at(),
            })
        };
        let mut before = fields(state("fail"));
        before.remove("on_exhausted");
        let folded = Folded { state: before, ..told(json!({})) };
        let compare =
            |value: &str| disagreements(Entity::Task, Some(&row(state(value))), Some(&folded)).len();
        assert_eq!((compare("fail"), compare("pause")), (0, 1));
    }
}
