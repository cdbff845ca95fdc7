//! Who waits for whom after the update.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::json;

use super::fields::is_open;
use super::matching::Match;
use super::{Comparison, FieldChange, PresentTask, TaskDependencies, TaskRef, finding};
use crate::plan::graph::find_cycles;
use crate::plan::{Origin, Plan, Severity};
use crate::task::TaskId;

/// The edges before and after.
pub(super) struct Edges<'a> {
    tasks: &'a [PresentTask],
    /// Places of the tasks of the goal.
    places: &'a HashMap<TaskId, usize>,
    plan: &'a Plan,
    matches: &'a [Option<Match>],
    nodes: Vec<TaskRef>,
    /// What the plan says, by position.
    planned: Vec<BTreeMap<TaskRef, Origin>>,
    in_plan: HashSet<TaskId>,
    removed: HashSet<TaskId>,
}

impl<'a> Edges<'a> {
    pub(super) fn new(comparison: &Comparison<'a>, matches: &'a [Option<Match>]) -> Self {
        let (tasks, plan) = (comparison.tasks, comparison.plan);
        let node = |(index, found): (usize, &Option<Match>)| match found {
            Some(found) => TaskRef::Present(tasks[found.present].id),
            None => TaskRef::Added(index),
        };
        let nodes: Vec<TaskRef> = matches.iter().enumerate().map(node).collect();
        let mut planned = vec![BTreeMap::new(); nodes.len()];
        for edge in &plan.dependencies {
            if let (Some(waits), Some(&to)) = (planned.get_mut(edge.from_index), nodes.get(edge.to_index)) {
                waits.entry(to).or_insert(edge.origin);
            }
        }
        let in_plan: HashSet<TaskId> =
            matches.iter().flatten().map(|found| tasks[found.present].id).collect();
        let is_removed = |task: &&PresentTask| is_open(task) && !in_plan.contains(&task.id);
        let removed = tasks.iter().filter(is_removed).map(|task| task.id).collect();
        Self { tasks, places: comparison.places, plan, matches, nodes, planned, in_plan, removed }
    }

    /// Whether a task of the goal has a line.
    pub(super) fn is_in_plan(&self, id: TaskId) -> bool {
        self.in_plan.contains(&id)
    }

    /// What a task of the goal waits for now, as far as that is not removed.
    fn before(&self, present: usize) -> BTreeMap<TaskRef, Origin> {
        let task = &self.tasks[present];
        let left = task.depends_on.iter().filter(|edge| !self.removed.contains(&edge.task_id));
        left.map(|edge| (TaskRef::Present(edge.task_id), edge.origin)).collect()
    }

    /// What the plan makes of it. The plan says nothing of tasks that have no line and stay; an edge that
    /// was there keeps its origin.
    fn stated(&self, index: usize, before: &BTreeMap<TaskRef, Origin>) -> BTreeMap<TaskRef, Origin> {
        let mut stated = self.planned[index].clone();
        for (&to, &origin) in before {
            let is_unspoken = matches!(to, TaskRef::Present(id) if !self.is_in_plan(id));
            if is_unspoken || stated.contains_key(&to) {
                stated.insert(to, origin);
            }
        }
        stated
    }

    /// How the dependencies of a task that has a line change, if they do. Where the task cannot be
    /// touched only what is written out counts: the order of lines is no statement about the past.
    pub(super) fn change(&self, index: usize) -> Option<FieldChange> {
        let present = self.matches[index]?.present;
        let before = self.before(present);
        let after = self.stated(index, &before);
        let is_open = is_open(&self.tasks[present]);
        let planned = &self.planned[index];
        let counts = |(to, origin): (&TaskRef, &Origin), other: &BTreeMap<TaskRef, Origin>| {
            !other.contains_key(to) && (is_open || *origin == Origin::Explicit)
        };
        let is_new = planned.iter().any(|edge| counts(edge, &before));
        let is_gone = before.iter().any(|edge| counts(edge, &after));
        let names = |edges: &BTreeMap<TaskRef, Origin>| {
            let mut names: Vec<String> =
                edges.keys().map(|&to| name_of(self.tasks, self.places, self.plan, to)).collect();
            names.sort_unstable();
            json!(names)
        };
        (is_new || is_gone).then(|| FieldChange {
            field: "depends_on",
            from: names(&before),
            to: names(&after),
        })
    }

    /// The edges of all tasks that are not removed.
    pub(super) fn after(&self) -> Vec<TaskDependencies> {
        let mut after = Vec::with_capacity(self.nodes.len());
        for (index, &task) in self.nodes.iter().enumerate() {
            let edges = match self.matches[index] {
                None => self.planned[index].clone(),
                Some(found) => {
                    let before = self.before(found.present);
                    if is_open(&self.tasks[found.present]) { self.stated(index, &before) } else { before }
                }
            };
            after.push(TaskDependencies { task, depends_on: edges.into_iter().collect() });
        }
        for (present, task) in self.tasks.iter().enumerate() {
            if !self.is_in_plan(task.id) && !is_open(task) {
                let depends_on = self.before(present).into_iter().collect();
                after.push(TaskDependencies { task: TaskRef::Present(task.id), depends_on });
            }
        }
        after
    }
}

impl Comparison<'_> {
    /// The update must not make tasks wait for themselves, even by way of tasks that the plan does not
    /// name.
    pub(super) fn check_cycles(&mut self, dependencies: &[TaskDependencies]) {
        let edges = numbered(dependencies);
        for cycle in find_cycles(dependencies.len(), &edges) {
            let mut names: Vec<String> =
                cycle.iter().map(|&node| self.name_of(dependencies[node].task)).collect();
            names.push(names[0].clone());
            let path = names.join(" → ");
            let message = format!("the dependencies form a cycle: {path} (a → b means a waits for b)");
            let line = self.plan.tasks.get(cycle[0]).and_then(|task| task.line);
            self.findings.push(finding(Severity::Error, "dependency_cycle", line, message));
        }
    }

    /// What a task is called in a message.
    pub(super) fn name_of(&self, task: TaskRef) -> String {
        name_of(self.tasks, self.places, self.plan, task)
    }
}

pub(super) fn name_of(
    tasks: &[PresentTask],
    places: &HashMap<TaskId, usize>,
    plan: &Plan,
    task: TaskRef,
) -> String {
    match task {
        TaskRef::Added(index) => plan.name_of(index),
        TaskRef::Present(id) => places.get(&id).map_or_else(|| id.to_string(), |&place| tasks[place].name()),
    }
}

/// The edges between positions of the list; those that lead out of it are left out.
pub(super) fn numbered(dependencies: &[TaskDependencies]) -> Vec<(usize, usize)> {
    let places: HashMap<TaskRef, usize> =
        dependencies.iter().enumerate().map(|(place, of)| (of.task, place)).collect();
    let mut edges = Vec::new();
    for (from, of) in dependencies.iter().enumerate() {
        edges.extend(of.depends_on.iter().filter_map(|(to, _)| Some((from, *places.get(to)?))));
    }
    edges
}
