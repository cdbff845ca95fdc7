mod catch_up;
mod clocks;
mod cron;
mod oracle;
mod reading;

use serde_json::Value;

use super::Schedule;
use crate::Timestamp;

fn schedule(value: Value) -> Schedule {
    Schedule::read(&value, "schedule").unwrap_or_else(|violations| panic!("{value}: {violations:?}"))
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

/// The next slots after a moment, as local time with its offset, then the nominal time and the fold.
fn next(value: Value, after: &str, count: usize) -> Vec<String> {
    let schedule = schedule(value);
    schedule
        .slots(at(after))
        .take(count)
        .map(|slot| {
            let shown = schedule.shown(slot.at).format("%Y-%m-%dT%H:%M:%S%:z");
            format!("{shown} {} {}", slot.nominal_text(), slot.fold.number())
        })
        .collect()
}
