//! The schedule of a task that is made or changed.

use goalwright_domain::schedule::Schedule;
use goalwright_domain::task::TaskState;
use goalwright_domain::{Timestamp, Violation};

use crate::Error;
use crate::ports::{ScheduleState, UnitOfWork};

/// What is wrong with a schedule from now on.
pub(crate) fn violations(
    schedule: Option<&Schedule>,
    scheduled_at: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Violation> {
    let Some(schedule) = schedule else { return Vec::new() };
    let mut violations = Vec::new();
    if schedule.slots(now).next().is_none() {
        let message = "all of its times are over; give one that is still to come";
        violations.push(Violation::new("schedule", "never_comes", message));
    }
    if scheduled_at.is_some() {
        let message = "a task with a schedule has no time of its own; leave it out, or give `schedule.start`";
        violations.push(Violation::new("scheduled_at", "unexpected_field", message));
    }
    violations
}

/// Looks after the task's schedule from now on: what came before is not caught up. `considered` is up to when the one
/// before was looked after.
pub(crate) async fn follow(
    unit: &dyn UnitOfWork,
    task: &TaskState,
    considered: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(schedule) = &task.schedule else { return Ok(unit.schedules().remove(task.id).await?) };
    let considered_at = considered.map_or(now, |considered| considered.max(now));
    let next_at = if task.status.is_final() && !task.status.satisfies() {
        None
    } else {
        schedule.slots(considered_at).next().map(|slot| slot.at)
    };
    let state = ScheduleState {
        task_id: task.id,
        workspace_id: task.workspace_id,
        considered_at,
        next_at,
        wake_at: next_at,
    };
    Ok(unit.schedules().put(&state).await?)
}
