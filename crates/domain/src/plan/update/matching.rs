//! Which task of the plan is which task of the goal.

use std::collections::{HashMap, VecDeque};

use super::fields::is_open;
use super::{Comparison, finding};
use crate::plan::{PlannedTask, Severity};

/// The task of the goal that a line of the plan stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match {
    /// Its place among the tasks of the goal.
    pub(super) present: usize,
    /// Whether the id says so. Then the line also says what the key is.
    pub(super) by_id: bool,
}

/// For each task of the plan its task in the goal: by id, else by key; by title where the text gives it
/// neither, and then by its place in the list.
/// Each task of the goal is found once.
pub(super) fn matches(comparison: &mut Comparison<'_>) -> Vec<Option<Match>> {
    let (tasks, plan) = (comparison.tasks, comparison.plan);
    let mut is_taken = vec![false; tasks.len()];
    let mut matches: Vec<Option<Match>> = vec![None; plan.tasks.len()];
    let is_foreign = is_foreign(comparison);
    for (index, task) in plan.tasks.iter().enumerate() {
        let Some(id) = task.id else {
            continue;
        };
        match comparison.places.get(&id) {
            Some(&present) if !is_taken[present] => {
                is_taken[present] = true;
                matches[index] = Some(Match { present, by_id: true });
            }
            _ if is_foreign => {}
            _ => {
                let name = plan.name_of(index);
                let message =
                    format!("the id of {name} is that of no task of this goal; it counts as a new task");
                comparison.findings.push(finding(Severity::Warning, "unknown_id", task.line, message));
            }
        }
    }
    let keyed = tasks.iter().enumerate().filter_map(|(at, task)| Some((task.fields.key.as_deref()?, at)));
    let by_key: HashMap<&str, usize> = keyed.collect();
    let without_id = || plan.tasks.iter().enumerate().filter(|(_, task)| task.id.is_none());
    let (nameless, named): (Vec<_>, Vec<_>) =
        without_id().partition(|(_, task)| task.key.is_none() || task.key_generated);
    let with_key = |task: &PlannedTask| by_key.get(task.key.as_deref()?).copied();
    for (index, task) in named {
        if let Some(present) = with_key(task).filter(|&present| !is_taken[present]) {
            is_taken[present] = true;
            matches[index] = Some(Match { present, by_id: false });
        }
    }
    let mut by_title: HashMap<&str, VecDeque<usize>> = HashMap::new();
    for (at, task) in tasks.iter().enumerate().filter(|&(at, _)| !is_taken[at]) {
        by_title.entry(task.fields.title.trim()).or_default().push_back(at);
    }
    for &(index, task) in &nameless {
        if let Some(present) = by_title.get_mut(task.title.trim()).and_then(VecDeque::pop_front) {
            is_taken[present] = true;
            matches[index] = Some(Match { present, by_id: false });
        }
    }
    // What is left at the same place of the list is the same task with another title, unless that is
    // finished: then a new task took its place.
    for (index, task) in nameless {
        let free = |&present: &usize| !is_taken[present] && is_open(&tasks[present]);
        if let Some(present) = with_key(task).filter(free).filter(|_| matches[index].is_none()) {
            is_taken[present] = true;
            matches[index] = Some(Match { present, by_id: false });
        }
    }
    matches
}

/// Whether the plan was exported from another goal. Said once, not for every task.
fn is_foreign(comparison: &mut Comparison<'_>) -> bool {
    let exported_from = comparison.plan.goal.as_ref().and_then(|goal| goal.id);
    let Some(other) = exported_from.filter(|&id| id != comparison.goal.id) else {
        return false;
    };
    let message = format!("the file was exported from the goal {other}; its tasks count as new tasks here");
    comparison.findings.push(finding(Severity::Warning, "other_goal", None, message));
    true
}
