//! What a plan was made for.

use serde_json::{Value, json};

use super::fields::is_open;
use super::{PresentGoal, PresentTask};
use crate::canonical;
use crate::task::TaskStatus;

/// `sha256:` of everything of a goal that a plan for it depends on: its words, its tasks with their words and order, and
/// which of them may still be changed. Work that goes on, from being ready to running and on to being done, changes it only
/// where a task that the plan could have changed is out of its reach by now.
///
/// Of two equal ones, [`compare`](super::compare()) says the same about any plan that ticks nothing off.
pub fn basis(goal: &PresentGoal, tasks: &[PresentTask]) -> String {
    let mut in_order: Vec<&PresentTask> = tasks.iter().collect();
    in_order.sort_unstable_by_key(|task| task.id);
    let tasks: Vec<_> = in_order.into_iter().map(told).collect();
    canonical::digest(&json!({
        "id": goal.id, "title": goal.title, "description": goal.description,
        "success_criteria": goal.success_criteria, "due_at": goal.due_at, "tasks": tasks,
    }))
}

/// `sha256:` of what a plan that only adds tasks depends on: the goal's words, and the keys that are taken.
pub fn basis_of_addition(goal: &PresentGoal, tasks: &[PresentTask]) -> String {
    let mut keys: Vec<&str> = tasks.iter().filter_map(|task| task.fields.key.as_deref()).collect();
    keys.sort_unstable();
    canonical::digest(&json!({
        "id": goal.id, "title": goal.title, "description": goal.description,
        "success_criteria": goal.success_criteria, "due_at": goal.due_at, "keys": keys,
    }))
}

/// `sha256:` of what a plan depends on that breaks one task further down: the goal's words, and the task with its words, what it
/// waits for, and whether it can still be broken down. What becomes of other tasks meanwhile does not matter.
pub fn basis_of_expansion(goal: &PresentGoal, whole: &PresentTask) -> String {
    // That a person was asked for it meanwhile is no change: nothing of it is done.
    let asked = whole.status == TaskStatus::Waiting;
    let status = if asked { TaskStatus::Ready } else { whole.status };
    let mut untouched = PresentTask { status, ..whole.clone() };
    if asked {
        // When they were asked is none either.
        untouched.fields.scheduled_at = None;
    }
    canonical::digest(&json!({
        "id": goal.id, "title": goal.title, "description": goal.description,
        "success_criteria": goal.success_criteria, "due_at": goal.due_at, "expanded": told(&untouched),
    }))
}

fn told(task: &PresentTask) -> Value {
    let mut edges = task.depends_on.clone();
    edges.sort_unstable_by_key(|edge| edge.task_id);
    let edges: Vec<_> = edges.iter().map(|edge| json!([edge.task_id, edge.origin])).collect();
    // Which slot or run is next says nothing about what is to be done.
    let mut fields = task.fields.clone();
    if !is_open(task) || fields.schedule.is_some() {
        fields.scheduled_at = None;
    }
    json!({"id": task.id, "fields": fields, "depends_on": edges, "standing": standing(task)})
}

/// What an update may do with a task, and whether others need not wait for it.
const fn standing(task: &PresentTask) -> &'static str {
    match task.status {
        TaskStatus::Pending | TaskStatus::Ready => "open",
        TaskStatus::Running | TaskStatus::Completed => "under_way",
        other => other.as_str(),
    }
}
