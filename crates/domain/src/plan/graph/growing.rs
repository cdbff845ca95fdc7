//! A graph that takes further edges only as long as they close no cycle.

use super::{components, topological_order};

/// What became of an edge that was offered to a [`GrowingGraph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// It is in the graph now.
    Added,
    /// The task waited for already waits, directly or not, for the one that would wait.
    ClosesCycle,
    /// The effort allowed for the whole graph is spent; the edge was left out to be safe.
    Undecided,
}

/// Edges that were given, plus edges that were offered and close no cycle.
///
/// It keeps an order of the nodes in which everything stands behind what it waits for. An offered
/// edge that agrees with the order costs nothing; another one is decided by a search between the two
/// places and moves only what it finds there (Pearce and Kelly, A dynamic topological sort
/// algorithm for directed acyclic graphs, 2006). Cycles among the edges given at the start count
/// as one node: offering further edges never makes a new one.
pub struct GrowingGraph {
    component: Vec<usize>,
    waits_for: Vec<Vec<usize>>,
    waited_by: Vec<Vec<usize>>,
    place: Vec<usize>,
    visited: Vec<bool>,
    effort: usize,
}

impl GrowingGraph {
    /// Starts with edges that are there whatever they do. `effort` bounds the steps of all
    /// searches together, so that hostile input ends.
    pub fn new(nodes: usize, edges: &[(usize, usize)], effort: usize) -> Self {
        let component = components(nodes, edges);
        let count = component.iter().max().map_or(0, |largest| largest + 1);
        let between: Vec<(usize, usize)> = edges
            .iter()
            .filter(|&&(from, to)| from < nodes && to < nodes)
            .map(|&(from, to)| (component[from], component[to]))
            .filter(|(from, to)| from != to)
            .collect();
        let order = topological_order(count, &between).expect("components form no cycle");
        let mut place = vec![0; count];
        for (position, &node) in order.iter().enumerate() {
            place[node] = position;
        }
        let mut graph = Self {
            component,
            waits_for: vec![Vec::new(); count],
            waited_by: vec![Vec::new(); count],
            place,
            visited: vec![false; count],
            effort,
        };
        for (from, to) in between {
            graph.connect(from, to);
        }
        graph
    }

    /// Whether the edge fits the present order, and so can be added without a search.
    pub fn agrees(&self, from: usize, to: usize) -> bool {
        self.place[self.component[to]] < self.place[self.component[from]]
    }

    /// Adds the edge unless it would close a cycle.
    pub fn offer(&mut self, from: usize, to: usize) -> Insertion {
        let (from, to) = (self.component[from], self.component[to]);
        if from == to {
            return Insertion::ClosesCycle;
        }
        if self.place[to] > self.place[from] {
            let (first, last) = (self.place[from], self.place[to]);
            let below = match self.between(to, Some(from), first, last, Direction::WaitsFor) {
                Ok(nodes) => nodes,
                Err(refusal) => return refusal,
            };
            let above = match self.between(from, None, first, last, Direction::WaitedBy) {
                Ok(nodes) => nodes,
                Err(refusal) => return refusal,
            };
            self.rearrange(below, above);
        }
        self.connect(from, to);
        Insertion::Added
    }

    /// Whether one of two nodes waits, directly or not, for the other; `None` if the effort is spent.
    pub fn is_ordered(&mut self, one: usize, other: usize) -> Option<bool> {
        let (one, other) = (self.component[one], self.component[other]);
        if one == other {
            return Some(true);
        }
        // Only what stands behind in the order can wait for what stands before.
        let (from, to) = if self.place[one] < self.place[other] { (other, one) } else { (one, other) };
        let (first, last) = (self.place[to], self.place[from]);
        match self.between(from, Some(to), first, last, Direction::WaitsFor) {
            Ok(_) => Some(false),
            Err(Insertion::Undecided) => None,
            Err(_) => Some(true),
        }
    }

    fn connect(&mut self, from: usize, to: usize) {
        self.waits_for[from].push(to);
        self.waited_by[to].push(from);
    }

    /// All nodes between two places that can be reached from `start`, or why not.
    fn between(
        &mut self,
        start: usize,
        forbidden: Option<usize>,
        first: usize,
        last: usize,
        direction: Direction,
    ) -> Result<Vec<usize>, Insertion> {
        let edges = match direction {
            Direction::WaitsFor => &self.waits_for,
            Direction::WaitedBy => &self.waited_by,
        };
        let mut found = vec![start];
        self.visited[start] = true;
        let mut next = 0;
        let mut refusal = None;
        'search: while let Some(&node) = found.get(next) {
            next += 1;
            for &other in &edges[node] {
                if self.effort == 0 {
                    refusal = Some(Insertion::Undecided);
                    break 'search;
                }
                self.effort -= 1;
                if Some(other) == forbidden {
                    refusal = Some(Insertion::ClosesCycle);
                    break 'search;
                }
                if !self.visited[other] && (first..=last).contains(&self.place[other]) {
                    self.visited[other] = true;
                    found.push(other);
                }
            }
        }
        for &node in &found {
            self.visited[node] = false;
        }
        refusal.map_or(Ok(found), Err)
    }

    /// Puts what is waited for in front of what waits, in the places both held together.
    fn rearrange(&mut self, mut below: Vec<usize>, mut above: Vec<usize>) {
        below.sort_unstable_by_key(|&node| self.place[node]);
        above.sort_unstable_by_key(|&node| self.place[node]);
        below.append(&mut above);
        let mut places: Vec<usize> = below.iter().map(|&node| self.place[node]).collect();
        places.sort_unstable();
        for (node, place) in below.into_iter().zip(places) {
            self.place[node] = place;
        }
    }
}

enum Direction {
    WaitsFor,
    WaitedBy,
}
