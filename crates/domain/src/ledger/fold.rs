//! Reading events back into state.

use serde_json::{Map, Value};

use super::told::is_redacted;
use super::unsaid::unsaid;
use crate::Timestamp;

/// The state of one entity after some of its events.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    /// Every field with its last value.
    pub state: Map<String, Value>,
    /// How many events there were.
    pub revision: i64,
    /// When the first one was.
    pub first_at: Timestamp,
    /// When the last one was.
    pub updated_at: Timestamp,
}

/// Folds the events of one entity of this type, oldest first, each as its `changes` and its time. `None` without events.
/// A field that was redacted is `{"redacted": true}` until a later event gives it a value again.
/// A change whose `from` is not what the earlier events left is a contradiction and ends the fold with its field; a field
/// that is younger than they are was what it usually is.
pub fn fold<'a>(
    entity_type: &str,
    events: impl IntoIterator<Item = (&'a Value, Timestamp)>,
) -> Result<Option<Folded>, String> {
    let mut folded: Option<Folded> = None;
    for (changes, at) in events {
        folded.get_or_insert_with(|| Folded::nothing(at)).tell(entity_type, changes, at)?;
    }
    Ok(folded)
}

impl Folded {
    /// Before the first event, which is at this time.
    pub(super) fn nothing(at: Timestamp) -> Self {
        Self { state: Map::new(), revision: 0, first_at: at, updated_at: at }
    }

    /// The next event of an entity of this type.
    ///
    /// # Errors
    /// The contradiction, naming the field.
    pub(super) fn tell(&mut self, entity_type: &str, changes: &Value, at: Timestamp) -> Result<(), String> {
        self.revision += 1;
        self.updated_at = at;
        for (field, change) in changes.as_object().into_iter().flatten() {
            // What was redacted is told, and whatever a later event says of it is the truth.
            if is_redacted(change) {
                self.state.insert(field.clone(), change.clone());
                continue;
            }
            // A count such as `tasks_created` tells what happened, it is no field of the entity.
            let Some((from, to)) = change.get("from").zip(change.get("to")) else { continue };
            // Before the first event there is nothing.
            let unsaid = if self.revision > 1 { unsaid(entity_type, field) } else { Value::Null };
            let known = self.state.get(field).unwrap_or(&unsaid);
            if !is_redacted(known) && !same(known, from) {
                return Err(format!("`{field}` was {known} but event {} says {from}", self.revision));
            }
            self.state.insert(field.clone(), to.clone());
        }
        Ok(())
    }
}

impl Folded {
    /// The fields whose values were redacted, in their order.
    pub fn redacted(&self) -> impl Iterator<Item = &str> {
        self.state.iter().filter(|(_, value)| is_redacted(value)).map(|(field, _)| field.as_str())
    }

    /// Whether the last event said that the entity is no more.
    pub fn is_gone(&self) -> bool {
        !self.state.is_empty() && self.state.values().all(Value::is_null)
    }
}

/// Lists of edges are sets: older events have them in the order of the plan.
pub(super) fn same(known: &Value, from: &Value) -> bool {
    match (known.as_array(), from.as_array()) {
        (Some(known), Some(from)) => known.len() == from.len() && known.iter().all(|one| from.contains(one)),
        _ => known == from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn later_events_win_and_contradictions_are_named() {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().expect("valid");
        let (a, b) = (json!({"s": {"from": null, "to": 1}}), json!({"s": {"from": 1, "to": 2}}));
        let folded = fold("task", [(&a, at), (&b, at)]).expect("consistent").expect("some");
        assert_eq!((folded.state["s"].clone(), folded.revision), (json!(2), 2));
        assert!(fold("task", [(&b, at)]).expect_err("contradiction").contains("`s`"));
        assert_eq!(fold("task", []), Ok(None));
    }

    #[test]
    fn what_was_redacted_is_told_until_it_is_known_again() {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().expect("valid");
        let made = json!({"title": {"from": null, "to": "Call Ada"}, "s": {"from": null, "to": 1}});
        let gone = crate::ledger::blank(&made);
        let later = json!({"title": {"from": "Call Ada", "to": "Call"}});
        let folded = fold("task", [(&gone, at)]).expect("consistent").expect("some");
        assert_eq!(folded.redacted().collect::<Vec<_>>(), ["s", "title"]);
        let folded = fold("task", [(&gone, at), (&later, at)]).expect("consistent").expect("some");
        assert_eq!(
            folded.state,
            *json!({"s": {"redacted": true}, "title": "Call"}).as_object().expect("fields")
        );
        assert_eq!((folded.revision, folded.redacted().count()), (2, 1));
        // What follows must fit what is known again.
        assert!(fold("task", [(&gone, at), (&later, at), (&later, at)]).is_err());
        assert!(!folded.is_gone());
    }

    #[test]
    fn a_field_that_older_events_do_not_name_was_what_it_usually_is() {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().expect("valid");
        let made = json!({"title": {"from": null, "to": "a"}});
        let edited = |from: &str, to: &str| json!({"on_exhausted": {"from": from, "to": to}});
        let (usual, unusual) = (edited("fail", "pause"), edited("pause", "fail"));
        let folded = |events: [&Value; 2]| fold("task", events.map(|changes| (changes, at)));
        let state = folded([&made, &usual]).expect("consistent").expect("some").state;
        assert_eq!(state, *json!({"title": "a", "on_exhausted": "pause"}).as_object().expect("fields"));
        assert!(
            folded([&made, &unusual]).expect_err("a contradiction").contains("`on_exhausted` was \"fail\"")
        );
        assert!(folded([&usual, &unusual]).is_err(), "nothing was before the first event");
        assert!(fold("goal", [(&made, at), (&usual, at)]).is_err(), "goals have no such field");
    }
}
