//! Structural edges: a task is finished when its parts are, and they wait for what it waits for.

use std::collections::HashSet;

use crate::plan::graph::{GrowingGraph, Insertion};
use crate::plan::{Finding, Limits, Origin, OutlineError, PlannedDependency};

use super::field::Entry;

/// Steps that all searches for cycles together may cost: well under a second.
const EFFORT: usize = 50_000_000;

/// Counts before anything is made: a few parents with long lists and many parts make millions of edges.
///
/// # Errors
///
/// `TooManyEdges`.
pub(super) fn check_size(
    entries: &[Entry<'_>],
    explicit: &[PlannedDependency],
    limits: &Limits,
) -> Result<(), OutlineError> {
    let mut own = vec![0_usize; entries.len()];
    for edge in explicit {
        own[edge.from_index] += 1;
    }
    let mut inherited = vec![0_usize; entries.len()];
    let mut edges = explicit.len();
    for (index, entry) in entries.iter().enumerate() {
        if let Some(parent) = entry.parent {
            inherited[index] = inherited[parent] + own[parent];
            edges += inherited[index] + 1;
        }
    }
    let limit = limits.max_edges;
    if edges <= limit { Ok(()) } else { Err(OutlineError::TooManyEdges { edges, limit, between: None }) }
}

/// Adds the structural edges that contradict nothing. `edges` holds the explicit ones.
pub(super) fn add(entries: &[Entry<'_>], edges: &mut Vec<PlannedDependency>, findings: &mut Vec<Finding>) {
    let given: Vec<(usize, usize)> = edges.iter().map(|edge| (edge.from_index, edge.to_index)).collect();
    let mut growing = Growing {
        entries,
        graph: GrowingGraph::new(entries.len(), &given, EFFORT),
        known: given.iter().copied().collect(),
        added: Vec::new(),
        findings,
    };
    growing.gather_parts();
    growing.hand_down(&given);
    let structural = growing.added.into_iter().map(|(from_index, to_index)| PlannedDependency {
        from_index,
        to_index,
        origin: Origin::Structural,
        line: None,
    });
    edges.extend(structural);
}

struct Growing<'a> {
    entries: &'a [Entry<'a>],
    graph: GrowingGraph,
    known: HashSet<(usize, usize)>,
    added: Vec<(usize, usize)>,
    findings: &'a mut Vec<Finding>,
}

impl Growing<'_> {
    /// Parents wait for their parts. A part that was dropped is none any more: it would hold its parent
    /// for ever.
    fn gather_parts(&mut self) {
        let mut open_parts = vec![0_usize; self.entries.len()];
        for (index, entry) in self.entries.iter().enumerate() {
            let Some(parent) = entry.parent.filter(|_| !entry.task.dropped) else {
                continue;
            };
            open_parts[parent] += usize::from(!entry.task.done);
            self.offer(parent, index);
        }
        for (entry, count) in self.entries.iter().zip(open_parts).filter(|&(_, count)| count > 0) {
            if entry.task.done {
                let are = if count == 1 { "1 of its subtasks is" } else { "some of its subtasks are" };
                let message = format!("{} is done although {are} not ({count} open)", entry.key());
                self.findings.push(Finding::info("done_with_open_subtasks", entry.line, message));
            }
        }
    }

    /// Parts wait for what their parents wait for, except for other parts of the same whole.
    fn hand_down(&mut self, explicit: &[(usize, usize)]) {
        let mut waits_for = vec![Vec::new(); self.entries.len()];
        for &(from, to) in explicit {
            waits_for[from].push(to);
        }
        for index in 0..self.entries.len() {
            let mut around = self.entries[index].parent;
            while let Some(parent) = around {
                for &to in &waits_for[parent] {
                    if !self.is_part_of(to, parent) {
                        self.offer(index, to);
                    }
                }
                around = self.entries[parent].parent;
            }
        }
    }

    fn is_part_of(&self, part: usize, whole: usize) -> bool {
        let mut around = Some(part);
        while let Some(entry) = around {
            if entry == whole {
                return true;
            }
            around = self.entries[entry].parent;
        }
        false
    }

    fn offer(&mut self, from: usize, to: usize) {
        if !self.known.insert((from, to)) {
            return;
        }
        let because = match self.graph.offer(from, to) {
            Insertion::Added => return self.added.push((from, to)),
            Insertion::ClosesCycle => "by what the plan writes out",
            Insertion::Undecided => "perhaps; to find out took too long",
        };
        let (key, other) = (self.entries[from].key(), self.entries[to].key());
        let message = format!(
            "{key} does not wait for {other} as parent and part do: {other} waits for {key} {because}"
        );
        self.findings.push(Finding::info("structural_edge_dropped", self.entries[from].line, message));
    }
}
