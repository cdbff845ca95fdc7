//! Schedules, as JSON and as bare cron texts.

use goalwright_domain::Timestamp;
use goalwright_domain::schedule::{CRON_LIMIT, Schedule, due};
use serde_json::{Value, json};

use crate::{cost, is_code};

/// Far apart, and next to days on which clocks are changed.
const MOMENTS: [&str; 5] = [
    "1970-01-01T00:00:00Z",
    "2011-12-29T09:59:59.999999Z",
    "2026-03-29T00:59:59Z",
    "2026-10-25T00:30:00Z",
    "9999-12-30T00:00:00Z",
];

/// Reads the text as a schedule, and asks that one for its slots.
///
/// # Panics
/// If a law is broken.
pub fn check(text: &str) {
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value @ Value::Object(_)) => value,
        _ => json!({"cron": text, "timezone": "Europe/Berlin", "fold": "both"}),
    };
    match cost::bounded(text.len(), || Schedule::read(&value, "schedule")) {
        Ok(schedule) => check_schedule(&schedule),
        Err(violations) => {
            assert!(!violations.is_empty(), "a schedule is refused for a reason");
            for one in violations {
                assert!(is_code(&one.code) && !one.message.is_empty(), "{one:?}");
                assert!(one.path == "schedule" || one.path.starts_with("schedule."), "{one:?}");
                assert!(one.message.len() < 10 * CRON_LIMIT, "{one:?}");
            }
        }
    }
}

fn check_schedule(schedule: &Schedule) {
    let json = schedule.to_json();
    let again = Schedule::read(&json, "schedule").expect("the canonical JSON is read");
    assert_eq!(again.to_json(), json, "and is its own canonical JSON");
    for after in MOMENTS {
        let after: Timestamp = after.parse().expect("a moment");
        let slots: Vec<_> = cost::bounded(20_000, || schedule.slots(after).take(20).collect());
        assert!(slots.first().is_none_or(|first| first.at > after));
        assert!(
            slots.windows(2).all(|pair| pair[0].at < pair[1].at),
            "slots come one after the other: {slots:?}"
        );
        for slot in &slots {
            let shown = schedule.shown(slot.at).naive_local();
            // In a gap the nominal time is skipped: clocks are past it by then.
            assert!(shown >= slot.nominal, "{slot:?} is shown as {shown}");
            assert!(
                shown == slot.nominal || schedule.to_json()["gap"] == "shift",
                "{slot:?} is shown as {shown}"
            );
        }
        let now = slots.last().map_or(after, |last| last.at);
        let decided = cost::bounded(100_000, || due(schedule, after, now));
        let missed: usize = decided.missed.iter().map(|missed| missed.slots.len()).sum();
        let fired = decided.fire.len();
        assert!(decided.missed.iter().any(|missed| missed.more) || fired + missed == slots.len());
        assert_eq!(due(schedule, decided.considered, now).fire.len(), 0, "nothing fires twice");
    }
}
