//! Plans, written.

use std::fmt::Write as _;

/// So many tasks side by side, each with the same action; `#` in it stands for the task's number.
pub(crate) fn side_by_side(tasks: usize, action: &str) -> String {
    let mut plan = "# Side by side\n\n".to_owned();
    for number in 1..=tasks {
        let action = action.replace('#', &number.to_string());
        let _ = write!(plan, "- [ ] T{number:03} [P] Task {number}\n  use: {action}\n");
    }
    plan
}

/// Lanes of tasks that wait for each other: every second one appends its key to the file of its lane, the others
/// sleep.
pub(crate) fn lanes(lanes: usize, length: usize, sleep: f64) -> String {
    let mut plan = "# Lanes\n\n".to_owned();
    for lane in 0..lanes {
        for place in 0..length {
            let number = lane * length + place + 1;
            let after = if place == 0 { String::new() } else { format!(" (depends on T{:03})", number - 1) };
            let action = if place % 2 == 0 {
                format!("file.append {{\"path\": \"lane-{lane}.txt\", \"content\": \"T{number:03}\\n\"}}")
            } else {
                format!("time.sleep {{\"seconds\": {sleep}}}")
            };
            let _ = write!(plan, "- [ ] T{number:03} Lane {lane}, place {place}{after}\n  use: {action}\n");
        }
    }
    plan
}

/// What [`lanes`] writes into the file of a lane.
pub(crate) fn lane(lane: usize, length: usize) -> Vec<String> {
    (0..length).step_by(2).map(|place| format!("T{:03}", lane * length + place + 1)).collect()
}
