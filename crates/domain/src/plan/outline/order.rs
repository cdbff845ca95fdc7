//! Which phase waits for which.

use crate::plan::Finding;
use crate::plan::graph::{GrowingGraph, Insertion, topological_order};

use super::phase::Phase;
use super::statement::Stated;

/// Steps that deciding about phases may cost; no plan of people comes near it.
const EFFORT: usize = 20_000_000;

/// For each phase the phases it waits for directly.
///
/// Without statements each phase waits for the one before it. With statements a phase waits for what
/// they say; one they do not speak of, or not clearly, waits for all before it.
pub(super) fn phases_waited_for(
    phases: &[Phase],
    stated: &[Option<Stated>],
    findings: &mut Vec<Finding>,
) -> Vec<Vec<usize>> {
    let is_settled = |stated: &Stated| stated.is_clear || stated.free_of_stories;
    if !stated.iter().flatten().any(is_settled) {
        report_unclear(phases, stated, findings);
        return (0..phases.len()).map(|index| index.checked_sub(1).into_iter().collect()).collect();
    }
    let mut order = Order {
        graph: GrowingGraph::new(phases.len(), &[], EFFORT),
        waits_for: vec![Vec::new(); phases.len()],
        open: Vec::new(),
        open_outside_stories: Vec::new(),
    };
    for (index, entry) in stated.iter().enumerate() {
        let Some(entry) = entry.as_ref().filter(|entry| entry.is_clear) else {
            continue;
        };
        for &on in &entry.on {
            if !order.connect(index, on) {
                let message = format!(
                    "“{}” cannot wait for “{}”, which waits for it; the statement was left out",
                    phases[index].name, phases[on].name
                );
                findings.push(Finding::warning("phase_dependency_dropped", entry.line, message));
            }
        }
    }
    for (index, entry) in stated.iter().enumerate() {
        match entry {
            Some(entry) if entry.is_clear => {}
            Some(entry) if entry.free_of_stories => order.follow(index, true),
            _ => order.follow(index, false),
        }
        order.pass(index, phases[index].story.is_some());
    }
    report_unclear(phases, stated, findings);
    without_detours(order.waits_for)
}

struct Order {
    graph: GrowingGraph,
    waits_for: Vec<Vec<usize>>,
    /// Phases so far that no other phase so far waits for.
    open: Vec<usize>,
    /// The same among the phases that are no stories.
    open_outside_stories: Vec<usize>,
}

impl Order {
    fn connect(&mut self, from: usize, to: usize) -> bool {
        if self.waits_for[from].contains(&to) {
            return true;
        }
        let added = self.graph.offer(from, to) == Insertion::Added;
        if added {
            self.waits_for[from].push(to);
        }
        added
    }

    /// Lets a phase wait for all before it, through those that nothing else waits for. What is
    /// stated the other way round takes precedence, so a refusal here is no finding.
    fn follow(&mut self, index: usize, outside_stories: bool) {
        let before = if outside_stories { &self.open_outside_stories } else { &self.open };
        for earlier in before.clone() {
            self.connect(index, earlier);
        }
    }

    fn pass(&mut self, index: usize, is_story: bool) {
        let waited_for: std::collections::HashSet<usize> = self.waits_for[index].iter().copied().collect();
        self.open.retain(|earlier| !waited_for.contains(earlier));
        self.open.push(index);
        if !is_story {
            self.open_outside_stories.retain(|earlier| !waited_for.contains(earlier));
            self.open_outside_stories.push(index);
        }
    }
}

fn report_unclear(phases: &[Phase], stated: &[Option<Stated>], findings: &mut Vec<Finding>) {
    for (phase, entry) in phases.iter().zip(stated) {
        let Some(line) = entry.as_ref().and_then(|entry| entry.unclear) else {
            continue;
        };
        let settled = entry.as_ref().is_some_and(|entry| entry.is_clear || entry.free_of_stories);
        let then = if settled {
            "only the rest of what is said about it counts"
        } else {
            "it waits for the phases before it"
        };
        let message = format!("what “{}” depends on was not understood; {then}", phase.name);
        findings.push(Finding::info("phase_dependency_unclear", line, message));
    }
}

/// Leaves out what is waited for through another phase anyway: every gate costs last tasks times
/// first tasks.
fn without_detours(waits_for: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    let count = waits_for.len();
    let edges: Vec<(usize, usize)> =
        waits_for.iter().enumerate().flat_map(|(from, on)| on.iter().map(move |&to| (from, to))).collect();
    let Some(order) = topological_order(count, &edges) else {
        return waits_for;
    };
    let mut place = vec![0; count];
    for (position, &phase) in order.iter().enumerate() {
        place[phase] = position;
    }
    let mut reach = vec![vec![false; count]; count];
    let mut kept = vec![Vec::new(); count];
    for phase in order {
        let mut on = waits_for[phase].clone();
        on.sort_unstable_by_key(|&other| std::cmp::Reverse(place[other]));
        let mut reached = vec![false; count];
        for other in on {
            if !reached[other] {
                kept[phase].push(other);
                reached[other] = true;
                for (mine, &theirs) in reached.iter_mut().zip(&reach[other]) {
                    *mine |= theirs;
                }
            }
        }
        reach[phase] = reached;
        kept[phase].sort_unstable();
    }
    kept
}
