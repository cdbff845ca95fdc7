//! Structural dependencies: the order inside a phase, and the gates between phases.

use std::collections::{HashMap, HashSet};

use crate::plan::graph::{GrowingGraph, Insertion};
use crate::plan::{Finding, Limits, Origin, PlannedDependency, PlannedTask};

use super::OutlineError;
use super::phase::Phase;

/// Steps that all searches for cycles together may cost: well under a second.
const EFFORT: usize = 50_000_000;

/// A task that waits, and the one it waits for.
type Edge = (usize, usize);

/// Adds structural dependencies to those that are written out or inferred.
pub(super) struct Structure<'a> {
    tasks: &'a [PlannedTask],
    phases: &'a [Phase],
    phase_of: Vec<usize>,
    graph: GrowingGraph,
    /// All edges so far, of any origin.
    known: HashSet<Edge>,
    added: Vec<Edge>,
    /// For two phases the first edge that runs against their order, with its line.
    against: HashMap<(usize, usize), (Edge, u32)>,
}

/// First and last tasks of a phase, as far as its own order goes.
struct Ends {
    sources: Vec<usize>,
    sinks: Vec<usize>,
}

impl<'a> Structure<'a> {
    /// Starts from the edges that stand whatever the structure says.
    pub(super) fn new(tasks: &'a [PlannedTask], phases: &'a [Phase], given: &[PlannedDependency]) -> Self {
        let mut phase_of = vec![0; tasks.len()];
        for (index, phase) in phases.iter().enumerate() {
            phase_of[phase.tasks.clone()].fill(index);
        }
        let mut against = HashMap::new();
        for edge in given.iter().filter(|edge| edge.from_index < edge.to_index) {
            let (from, to) = (edge.from_index, edge.to_index);
            if let Some(line) = edge.line {
                against.entry((phase_of[to], phase_of[from])).or_insert(((from, to), line));
            }
        }
        let given: Vec<Edge> = given.iter().map(|edge| (edge.from_index, edge.to_index)).collect();
        Self {
            tasks,
            phases,
            phase_of,
            graph: GrowingGraph::new(tasks.len(), &given, EFFORT),
            known: given.into_iter().collect(),
            added: Vec::new(),
            against,
        }
    }

    /// Orders the tasks of every phase, then the phases, and gives the new edges.
    pub(super) fn build(
        mut self,
        waits_for: &[Vec<usize>],
        limits: &Limits,
        findings: &mut Vec<Finding>,
    ) -> Result<Vec<PlannedDependency>, OutlineError> {
        for phase in 0..self.phases.len() {
            let edges = self.order_inside(phase);
            let left_out = self.offer(&edges);
            self.report(&left_out, findings);
        }
        let ends: Vec<Ends> = self.ends();
        let mut spare = self.check_size(waits_for, &ends, limits)?;
        let mut detours = None;
        for (phase, earlier) in waits_for.iter().enumerate() {
            for &earlier in earlier {
                let edges: Vec<Edge> = pairs(&ends[phase].sources, &ends[earlier].sinks).collect();
                let left_out = self.offer(&edges);
                self.report(&left_out, findings);
                self.gate_around(&left_out, &mut detours, &mut spare);
            }
        }
        let edges = self.added.into_iter();
        Ok(edges
            .map(|(from_index, to_index)| PlannedDependency {
                from_index,
                to_index,
                origin: Origin::Structural,
                line: None,
            })
            .collect())
    }

    /// Neighbouring `[P]` tasks form one group, any other task is a group of its own; every group
    /// waits for the one before it. One of two neighbours is a single task, so this stays linear.
    fn order_inside(&self, phase: usize) -> Vec<Edge> {
        let mut edges = Vec::new();
        let mut previous = 0..0;
        let mut group = 0..0;
        for task in self.phases[phase].tasks.clone() {
            let joins = self.tasks[task].parallel && !group.is_empty() && self.tasks[task - 1].parallel;
            if !joins {
                previous = group;
                group = task..task;
            }
            group.end = task + 1;
            edges.extend(previous.clone().map(|earlier| (task, earlier)));
        }
        edges
    }

    /// Adds edges unless they close a cycle, and gives those left out. Edges that agree with the order
    /// so far come first: where one has to give way, it is that of the task out of line.
    fn offer(&mut self, edges: &[Edge]) -> Vec<(Edge, Insertion)> {
        let (agreeing, others): (Vec<Edge>, Vec<Edge>) =
            edges.iter().partition(|&&(from, to)| self.graph.agrees(from, to));
        let mut left_out = Vec::new();
        for edge in agreeing.into_iter().chain(others) {
            if self.known.contains(&edge) {
                continue;
            }
            match self.graph.offer(edge.0, edge.1) {
                Insertion::Added => {
                    self.known.insert(edge);
                    self.added.push(edge);
                }
                refusal => left_out.push((edge, refusal)),
            }
        }
        left_out
    }

    fn ends(&self) -> Vec<Ends> {
        let mut waits = vec![false; self.tasks.len()];
        let mut is_waited_for = vec![false; self.tasks.len()];
        for &(from, to) in &self.known {
            if self.phase_of[from] == self.phase_of[to] {
                waits[from] = true;
                is_waited_for[to] = true;
            }
        }
        let ends = |phase: &Phase| Ends {
            sources: phase.tasks.clone().filter(|&task| !waits[task]).collect(),
            sinks: phase.tasks.clone().filter(|&task| !is_waited_for[task]).collect(),
        };
        self.phases.iter().map(ends).collect()
    }

    /// Counts before anything is made: two phases of a thousand parallel tasks make a million edges.
    /// Gives how many more there may be.
    fn check_size(
        &self,
        waits_for: &[Vec<usize>],
        ends: &[Ends],
        limits: &Limits,
    ) -> Result<usize, OutlineError> {
        let gates =
            || waits_for.iter().enumerate().flat_map(|(phase, on)| on.iter().map(move |&on| (phase, on)));
        let size =
            |(phase, on): (usize, usize)| ends[phase].sources.len().saturating_mul(ends[on].sinks.len());
        let gated = gates().map(size).fold(0, usize::saturating_add);
        let total = self.known.len().saturating_add(gated);
        let edges = total - self.already_known(gates().collect(), ends);
        if let Some(spare) = limits.max_edges.checked_sub(edges) {
            return Ok(spare);
        }
        let name = |phase: usize| self.phases[phase].name.clone();
        Err(OutlineError::TooManyEdges {
            edges,
            limit: limits.max_edges,
            between: gates().max_by_key(|&gate| size(gate)).map(|(phase, on)| (name(phase), name(on))),
        })
    }

    /// Gate edges that the plan writes out as well.
    fn already_known(&self, gates: HashSet<(usize, usize)>, ends: &[Ends]) -> usize {
        let is_gate_edge = |&&(from, to): &&Edge| {
            let (phase, on) = (self.phase_of[from], self.phase_of[to]);
            gates.contains(&(phase, on))
                && ends[phase].sources.binary_search(&from).is_ok()
                && ends[on].sinks.binary_search(&to).is_ok()
        };
        self.known.iter().filter(is_gate_edge).count()
    }

    /// Where a first task cannot wait for a last one, its phase still waits for the other as far as
    /// it can: for what stands before the last task, and with what stands behind the first.
    fn gate_around(
        &mut self,
        left_out: &[(Edge, Insertion)],
        detours: &mut Option<Detours>,
        spare: &mut usize,
    ) {
        let mut open = closing(left_out);
        if open.is_empty() {
            return;
        }
        let detours = detours.get_or_insert_with(|| self.detours());
        while let Some(edge) = open.pop() {
            for around in detours.around(edge) {
                if *spare == 0 {
                    return;
                }
                let known = self.known.len();
                open.extend(closing(&self.offer(&[around])));
                *spare -= self.known.len() - known;
            }
        }
    }

    /// The neighbours of every task inside its phase. Gates do not change them.
    fn detours(&self) -> Detours {
        let mut before = vec![Vec::new(); self.tasks.len()];
        let mut behind = vec![Vec::new(); self.tasks.len()];
        for &(from, to) in &self.known {
            if self.phase_of[from] == self.phase_of[to] {
                before[from].push(to);
                behind[to].push(from);
            }
        }
        before.iter_mut().chain(&mut behind).for_each(|list| list.sort_unstable());
        Detours { before, behind, seen: HashSet::new() }
    }

    /// Where the plan writes out what stands against the order of two tasks, as far as one line does.
    fn written_line(&self, from: usize, to: usize) -> String {
        let Some(&((waits, waited_for), line)) = self.against.get(&(self.phase_of[from], self.phase_of[to]))
        else {
            return String::new();
        };
        let name = |task: usize| self.tasks[task].key.as_deref().unwrap_or("?");
        if (waits, waited_for) == (to, from) {
            return format!(" in line {line}");
        }
        format!(" (line {line}: {} waits for {})", name(waits), name(waited_for))
    }

    /// One finding for each pair of phases, named by its first two tasks.
    fn report(&self, left_out: &[(Edge, Insertion)], findings: &mut Vec<Finding>) {
        let Some(&((from, to), reason)) = left_out.iter().min_by_key(|&&(edge, _)| edge) else {
            return;
        };
        let name = |task: usize| self.tasks[task].key.as_deref().unwrap_or("?");
        let (from_name, to_name) = (name(from), name(to));
        let because = match reason {
            Insertion::Undecided => "whether that closes a cycle took too long to find out".to_owned(),
            _ => format!(
                "{to_name} waits for {from_name} by what the plan writes out{}",
                self.written_line(from, to)
            ),
        };
        let others = match left_out.len() - 1 {
            0 => String::new(),
            1 => ", nor does one other pair of these phases".to_owned(),
            count => format!(", nor do {count} other pairs of these phases"),
        };
        let message = format!(
            "{from_name} does not wait for {to_name} as their order would have it{others}: {because}"
        );
        let line = self.tasks[from].line.unwrap_or(1);
        findings.push(Finding::info("structural_edge_dropped", line, message));
    }
}

/// Ways around a pair of tasks that cannot be ordered.
struct Detours {
    before: Vec<Vec<usize>>,
    behind: Vec<Vec<usize>>,
    seen: HashSet<Edge>,
}

impl Detours {
    /// The pairs next to this one that were not looked at before, as long as there are not too many.
    fn around(&mut self, (first, last): Edge) -> Vec<Edge> {
        const MOST: usize = 20_000;
        if self.seen.len() >= MOST {
            return Vec::new();
        }
        let before = self.before[last].iter().map(|&earlier| (first, earlier));
        let behind = self.behind[first].iter().map(|&later| (later, last));
        let next: Vec<Edge> = before.chain(behind).take(MOST).collect();
        let fresh = next.into_iter().filter(|&edge| self.seen.len() < MOST && self.seen.insert(edge));
        fresh.collect()
    }
}

fn closing(left_out: &[(Edge, Insertion)]) -> Vec<Edge> {
    let closes = |&&(_, reason): &&(Edge, Insertion)| reason == Insertion::ClosesCycle;
    left_out.iter().filter(closes).map(|&(edge, _)| edge).collect()
}

fn pairs<'a>(from: &'a [usize], to: &'a [usize]) -> impl Iterator<Item = Edge> + 'a {
    from.iter().flat_map(move |&from| to.iter().map(move |&to| (from, to)))
}
