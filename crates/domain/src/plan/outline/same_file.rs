//! Inferred dependencies: tasks that work on the same file.

use std::collections::BTreeMap;

use crate::plan::graph::{GrowingGraph, Insertion, topological_order};
use crate::plan::{Finding, Origin, PlannedDependency, PlannedTask};

use super::files::files_of;

/// Steps that all searches together may cost.
const EFFORT: usize = 20_000_000;

/// Adds an edge where two tasks name the same file and nothing orders them.
///
/// The later one waits for the nearest earlier one. Tasks that are both marked `[P]` are left alone,
/// whatever they name: their author says that they do not meet. That is told in a finding. At most
/// `spare` edges are added.
pub(super) fn infer(
    tasks: &[PlannedTask],
    dependencies: &mut Vec<PlannedDependency>,
    spare: usize,
    findings: &mut Vec<Finding>,
) {
    let mut sharing = tasks_by_file(tasks);
    if sharing.is_empty() {
        return;
    }
    let given: Vec<(usize, usize)> =
        dependencies.iter().map(|edge| (edge.from_index, edge.to_index)).collect();
    // What the plan writes out may run against the order of the file. In an order that agrees with both
    // as far as it can, a later task never has an earlier one wait for it.
    if let Some(order) = topological_order(tasks.len(), &given) {
        let mut place = vec![0; tasks.len()];
        for (position, &task) in order.iter().enumerate() {
            place[task] = position;
        }
        sharing.values_mut().for_each(|users| users.sort_unstable_by_key(|&task| place[task]));
    }
    let mut inference = Inference {
        tasks,
        graph: GrowingGraph::new(tasks.len(), &given, EFFORT),
        added: Vec::new(),
        spare,
        findings,
    };
    for (file, users) in &sharing {
        inference.order(file, users);
    }
    dependencies.extend(inference.added);
}

/// The files that several tasks name, and the positions of these tasks.
fn tasks_by_file(tasks: &[PlannedTask]) -> BTreeMap<String, Vec<usize>> {
    let mut users: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, task) in tasks.iter().enumerate().filter(|(_, task)| !task.dropped) {
        for file in files_of(task) {
            users.entry(file).or_default().push(index);
        }
    }
    users.retain(|_, tasks| tasks.len() > 1);
    users
}

struct Inference<'a> {
    tasks: &'a [PlannedTask],
    graph: GrowingGraph,
    added: Vec<PlannedDependency>,
    spare: usize,
    findings: &'a mut Vec<Finding>,
}

impl Inference<'_> {
    /// Orders the tasks that name a file. Tasks marked `[P]` in a row wait for the last unmarked one
    /// before them, and the next unmarked one waits for all of them, so this stays linear.
    fn order(&mut self, file: &str, users: &[usize]) {
        let mut unmarked = None;
        let mut marked: Vec<usize> = Vec::new();
        let mut meeting: Option<(usize, usize)> = None;
        for &task in users {
            if self.tasks[task].parallel {
                if let Some(earlier) = unmarked {
                    self.connect(task, earlier);
                }
                if let Some(&earlier) = marked.last()
                    && meeting.is_none()
                    && self.graph.is_ordered(task, earlier) == Some(false)
                {
                    meeting = Some((task, earlier));
                }
                marked.push(task);
            } else {
                for earlier in std::mem::take(&mut marked).into_iter().chain(unmarked) {
                    self.connect(task, earlier);
                }
                unmarked = Some(task);
            }
        }
        if let Some((task, earlier)) = meeting {
            self.report(file, task, earlier);
        }
    }

    fn connect(&mut self, from_index: usize, to_index: usize) {
        if self.spare == 0 || self.graph.is_ordered(from_index, to_index) != Some(false) {
            return;
        }
        if self.graph.offer(from_index, to_index) != Insertion::Added {
            return;
        }
        self.spare -= 1;
        let line = self.tasks[from_index].line;
        self.added.push(PlannedDependency { from_index, to_index, origin: Origin::Inferred, line });
    }

    fn report(&mut self, file: &str, task: usize, earlier: usize) {
        let name = |task: usize| self.tasks[task].key.as_deref().unwrap_or("?");
        let message = format!(
            "{} and {} are both marked [P] and both name {file}; they may run at the same time",
            name(earlier),
            name(task)
        );
        let line = self.tasks[task].line.unwrap_or(1);
        self.findings.push(Finding::info("parallel_same_file", line, message));
    }
}
