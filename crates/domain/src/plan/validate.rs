//! The rules every plan has to pass before anything is written, whoever made it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde::Serialize;

use super::graph::find_cycles;
use super::{Limits, Plan, PlannedDependency, TITLE_MAX_CHARS};

/// One rule that a plan breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where: `tasks`, `tasks[2].title`, `dependencies[3]`.
    pub path: String,
    /// Stable name of the rule.
    pub code: &'static str,
    /// What is wrong, in terms of the plan.
    pub message: String,
    /// Line of the source, from 1, where there is one.
    pub line: Option<u32>,
}

/// Checks the whole plan and reports everything that is wrong, in time O(tasks + dependencies).
///
/// # Errors
///
/// All problems at once, sizes first, then tasks, then dependencies: `too_many_tasks`,
/// `too_many_dependencies`, `empty_title`, `title_too_long`, `duplicate_key`, `index_out_of_range`,
/// `self_dependency`, `duplicate_dependency`, `dependency_cycle` (one per knot of cycles).
pub fn validate(plan: &Plan, limits: &Limits) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    check_sizes(plan, limits, &mut problems);
    check_tasks(plan, &mut problems);
    let edges = check_edges(plan, &mut problems);
    check_cycles(plan, &edges, &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn check_sizes(plan: &Plan, limits: &Limits, problems: &mut Vec<Problem>) {
    let (tasks, edges) = (plan.tasks.len(), plan.dependencies.len());
    if tasks > limits.max_tasks {
        let message = format!("the plan has {tasks} tasks; at most {} are allowed", limits.max_tasks);
        problems.push(problem("tasks".into(), "too_many_tasks", message, None));
    }
    if edges > limits.max_edges {
        let most = limits.max_edges;
        let message = format!("the plan has {edges} dependencies; at most {most} are allowed");
        problems.push(problem("dependencies".into(), "too_many_dependencies", message, None));
    }
}

fn check_tasks(plan: &Plan, problems: &mut Vec<Problem>) {
    let mut keys: HashMap<&str, usize> = HashMap::new();
    for (index, task) in plan.tasks.iter().enumerate() {
        if task.title.trim().is_empty() {
            let message = match &task.key {
                Some(key) => format!("{key} has no title"),
                None => format!("task {index} has no title"),
            };
            problems.push(problem(format!("tasks[{index}].title"), "empty_title", message, task.line));
        }
        let length = task.title.chars().count();
        if length > TITLE_MAX_CHARS {
            let name = plan.name_of(index);
            let message =
                format!("the title of {name} has {length} characters; at most {TITLE_MAX_CHARS} are allowed");
            problems.push(problem(format!("tasks[{index}].title"), "title_too_long", message, task.line));
        }
        if let Some(key) = &task.key {
            match keys.entry(key) {
                Entry::Vacant(free) => {
                    free.insert(index);
                }
                Entry::Occupied(first) => {
                    let message = format!("{key} is also the key of tasks[{}]", first.get());
                    problems.push(problem(
                        format!("tasks[{index}].key"),
                        "duplicate_key",
                        message,
                        task.line,
                    ));
                }
            }
        }
    }
}

/// Checks each dependency by itself; gives the usable edges and where each stands.
fn check_edges(plan: &Plan, problems: &mut Vec<Problem>) -> HashMap<(usize, usize), usize> {
    let mut edges = HashMap::with_capacity(plan.dependencies.len());
    for (position, dependency) in plan.dependencies.iter().enumerate() {
        let PlannedDependency { from_index: from, to_index: to, line, .. } = *dependency;
        let report = |code, message| problem(format!("dependencies[{position}]"), code, message, line);
        if let Some(wrong) = [from, to].into_iter().find(|&index| index >= plan.tasks.len()) {
            let tasks = plan.tasks.len();
            let message = format!("there is no task {wrong}; the plan has {tasks}, counted from 0");
            problems.push(report("index_out_of_range", message));
        } else if from == to {
            let message = format!("{} cannot wait for itself", plan.name_of(from));
            problems.push(report("self_dependency", message));
        } else {
            match edges.entry((from, to)) {
                Entry::Vacant(free) => {
                    free.insert(position);
                }
                Entry::Occupied(first) => {
                    let (waits, waited) = (plan.name_of(from), plan.name_of(to));
                    let first = first.get();
                    let message =
                        format!("dependencies[{first}] already says that {waits} waits for {waited}");
                    problems.push(report("duplicate_dependency", message));
                }
            }
        }
    }
    edges
}

fn check_cycles(plan: &Plan, edges: &HashMap<(usize, usize), usize>, problems: &mut Vec<Problem>) {
    let mut in_order: Vec<(usize, (usize, usize))> =
        edges.iter().map(|(&edge, &position)| (position, edge)).collect();
    in_order.sort_unstable();
    let list: Vec<(usize, usize)> = in_order.into_iter().map(|(_, edge)| edge).collect();
    for cycle in find_cycles(plan.tasks.len(), &list) {
        let mut names: Vec<String> = cycle.iter().map(|&index| plan.name_of(index)).collect();
        names.push(plan.name_of(cycle[0]));
        let message =
            format!("the dependencies form a cycle: {} (a → b means a waits for b)", names.join(" → "));
        let position = edges[&(cycle[0], cycle[1 % cycle.len()])];
        let line = plan.dependencies[position].line.or(plan.tasks[cycle[0]].line);
        problems.push(problem(format!("dependencies[{position}]"), "dependency_cycle", message, line));
    }
}

fn problem(path: String, code: &'static str, message: String, line: Option<u32>) -> Problem {
    Problem { path, code, message, line }
}
