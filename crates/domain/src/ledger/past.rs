//! How an entity stood at a past moment.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::fold::Folded;
use super::told::is_redacted;
use crate::Timestamp;

/// What an event tells of its entity, as much of it as folding needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Telling {
    /// The entity.
    pub entity_id: String,
    /// Its type, which says more than nothing where `changes` was redacted.
    pub event_type: String,
    /// `{field: {from, to}}`.
    pub changes: Value,
    /// When.
    pub created_at: Timestamp,
}

/// An entity at a past moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Stood(pub Folded);

/// How an entity stood at `moment`: all that its events told until then, oldest first, after what is kept of those that
/// were pruned. `None` if none of it was there yet.
///
/// Clocks of several machines may disagree by a little, so what counts is the last event that was at `moment` or before:
/// everything before that one was so by then, since it was changed under the same lock.
///
/// # Errors
/// The contradiction between two of its events.
pub fn stood(kept: Option<Folded>, tellings: &[Telling], moment: Timestamp) -> Result<Option<Stood>, String> {
    let until = tellings.iter().rposition(|telling| telling.created_at <= moment).map_or(0, |last| last + 1);
    let mut folded = kept;
    for telling in &tellings[..until] {
        let entry = folded.get_or_insert_with(|| Folded::nothing(telling.created_at));
        let entity_type = telling.event_type.split('.').next().unwrap_or_default();
        entry.tell(entity_type, &telling.changes, telling.created_at)?;
        let status = entry.state.get("status").is_some_and(is_redacted);
        if let Some(status) = status.then(|| status_after(&telling.event_type)).flatten() {
            entry.state.insert("status".to_owned(), status.into());
        }
        if matches!(telling.event_type.as_str(), "goal.deleted" | "task.deleted") {
            entry.state.values_mut().for_each(|value| *value = Value::Null);
        }
    }
    Ok(folded.map(Stood))
}

/// How an entity stands by all that its events tell, after what is kept of those that were pruned.
///
/// # Errors
/// As [`stood`].
pub fn gone_on(kept: Option<Folded>, tellings: &[Telling]) -> Result<Option<Folded>, String> {
    let Some(latest) = tellings.iter().map(|telling| telling.created_at).max() else { return Ok(kept) };
    Ok(stood(kept, tellings, latest)?.map(|stood| stood.0))
}

impl Stood {
    /// As the entity's type, with the names of the fields whose values were redacted. These have the values of `instead`,
    /// which must have one for each field.
    ///
    /// # Errors
    /// The field that is missing or no value of its type.
    pub fn read<S: DeserializeOwned>(self, instead: &Map<String, Value>) -> Result<(S, Vec<String>), String> {
        let redacted: Vec<String> = self.0.redacted().map(str::to_owned).collect();
        let mut state = self.0.state;
        for field in &redacted {
            // What storage knows besides the event is known without it.
            state.insert(field.clone(), instead.get(field).cloned().unwrap_or_default());
        }
        let known = ["id", "workspace_id", "created_at"];
        let told = redacted.into_iter().filter(|field| !known.contains(&field.as_str())).collect();
        let read = serde_json::from_value(Value::Object(state)).map_err(|error| error.to_string())?;
        Ok((read, told))
    }
}

/// The status that an event leads to whatever it tells: what is left of one that was redacted.
fn status_after(event_type: &str) -> Option<&'static str> {
    Some(match event_type {
        "goal.created" | "goal.activated" | "goal.reopened" => "active",
        "goal.achieved" => "achieved",
        "goal.drafted" => "draft",
        "goal.abandoned" => "abandoned",
        "task.readied" | "task.requeued" | "task.retried" => "ready",
        "task.started" => "running",
        "task.suspended" => "waiting",
        "task.completed" => "completed",
        "task.failed" => "failed",
        "task.cancelled" => "cancelled",
        "task.skipped" => "skipped",
        "task.withdrawn" => "pending",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::ledger::blank;

    fn at(second: u32) -> Timestamp {
        format!("2026-01-01T00:00:{second:02}Z").parse().expect("valid")
    }

    fn telling(event_type: &str, changes: Value, second: u32) -> Telling {
        Telling {
            entity_id: "1".to_owned(),
            event_type: event_type.to_owned(),
            changes,
            created_at: at(second),
        }
    }

    fn history() -> Vec<Telling> {
        vec![
            telling(
                "task.created",
                json!({"title": {"from": null, "to": "a"}, "status": {"from": null, "to": "pending"}}),
                1,
            ),
            telling("task.readied", json!({"status": {"from": "pending", "to": "ready"}}), 4),
            // Another machine, whose clock is behind.
            telling("task.started", json!({"status": {"from": "ready", "to": "running"}}), 3),
            telling("task.updated", json!({"title": {"from": "a", "to": "b"}}), 9),
        ]
    }

    #[test]
    fn a_moment_shows_what_was_told_by_then() {
        let status = |second| {
            let stood = stood(None, &history(), at(second)).expect("consistent");
            stood.map(|stood| (stood.0.state["status"].clone(), stood.0.revision))
        };
        assert_eq!(status(0), None);
        assert_eq!(status(1), Some((json!("pending"), 1)));
        assert_eq!(status(2), Some((json!("pending"), 1)));
        assert_eq!(status(3), Some((json!("running"), 3)), "what came before it was so by then");
        assert_eq!(status(9), Some((json!("running"), 4)));
    }

    #[test]
    fn what_was_pruned_is_gone_on_with() {
        let history = history();
        for kept in 0..=history.len() {
            let before = stood(None, &history[..kept], at(30)).expect("consistent").map(|stood| stood.0);
            let whole = stood(before, &history[kept..], at(30)).expect("consistent").expect("some");
            assert_eq!(whole, stood(None, &history, at(30)).expect("consistent").expect("some"));
        }
    }

    #[test]
    fn what_was_deleted_is_gone_also_where_it_was_redacted() {
        let mut history = history();
        history.push(telling(
            "task.deleted",
            json!({"title": {"from": "b", "to": null}, "status": {"from": "running", "to": null}}),
            10,
        ));
        for redacted in [false, true] {
            if redacted {
                history.iter_mut().for_each(|telling| telling.changes = blank(&telling.changes));
            }
            let gone =
                |second| stood(None, &history, at(second)).expect("consistent").expect("some").0.is_gone();
            assert!(gone(10) && !gone(9), "redacted: {redacted}");
        }
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct State {
        title: String,
        status: String,
    }

    #[test]
    fn what_was_redacted_is_named_and_the_status_follows_from_the_types_of_events() {
        let mut history = history();
        for telling in &mut history[..3] {
            telling.changes = blank(&telling.changes);
        }
        let instead = json!({"title": "[redacted]", "status": "pending"}).as_object().cloned().expect("one");
        let read = |second| {
            let stood = stood(None, &history, at(second)).expect("consistent").expect("some");
            stood.read::<State>(&instead).expect("reads")
        };
        let state = |title: &str, status: &str| State { title: title.into(), status: status.into() };
        assert_eq!(read(1), (state("[redacted]", "pending"), vec!["status".to_owned(), "title".to_owned()]));
        assert_eq!(read(3), (state("[redacted]", "running"), vec!["title".to_owned()]));
        assert_eq!(read(9), (state("b", "running"), vec![]));
    }
}
