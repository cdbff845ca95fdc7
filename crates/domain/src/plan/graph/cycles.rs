//! Cycles: which nodes are on one, and one example each.

use std::collections::VecDeque;

use super::Adjacency;

/// One simple cycle for every strongly connected component that has one, in time O(nodes + edges).
///
/// Each cycle starts at the smallest node of its component, is the shortest through that node, and
/// names every node once: `[a, b]` stands for a → b → a, `[a]` for an edge from a node to itself.
/// The cycles are sorted by their first node.
pub fn find_cycles(nodes: usize, edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let graph = Adjacency::new(nodes, edges.iter().copied());
    let component = strong_components(&graph);
    let mut parent = vec![usize::MAX; nodes];
    let mut tried = vec![false; nodes];
    let mut cycles = Vec::new();
    for start in 0..nodes {
        if !std::mem::replace(&mut tried[component[start]], true) {
            cycles.extend(cycle_through(start, &graph, &component, &mut parent));
        }
    }
    cycles
}

/// The strongly connected component of each node. Components are numbered by their smallest node,
/// so an acyclic graph gives `[0, 1, 2, …]`.
pub fn components(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    strong_components(&Adjacency::new(nodes, edges.iter().copied()))
}

/// Breadth first from `start` inside its component until an edge leads back to it.
fn cycle_through(
    start: usize,
    graph: &Adjacency,
    component: &[usize],
    parent: &mut [usize],
) -> Option<Vec<usize>> {
    let mut queue = VecDeque::from([start]);
    parent[start] = start;
    while let Some(node) = queue.pop_front() {
        for &next in graph.of(node) {
            if next == start {
                return Some(path_to(node, start, parent));
            }
            if component[next] == component[start] && parent[next] == usize::MAX {
                parent[next] = node;
                queue.push_back(next);
            }
        }
    }
    None
}

fn path_to(mut node: usize, start: usize, parent: &[usize]) -> Vec<usize> {
    let mut path = vec![node];
    while node != start {
        node = parent[node];
        path.push(node);
    }
    path.reverse();
    path
}

/// Tarjan's algorithm (Depth-first search and linear graph algorithms, 1972) with its own stack.
fn strong_components(graph: &Adjacency) -> Vec<usize> {
    let nodes = graph.nodes();
    let mut search = Search {
        graph,
        seen_as: vec![usize::MAX; nodes],
        low: vec![0; nodes],
        pending: Vec::new(),
        is_pending: vec![false; nodes],
        component: vec![0; nodes],
        seen: 0,
        found: 0,
    };
    for root in 0..nodes {
        if search.seen_as[root] == usize::MAX {
            search.explore(root);
        }
    }
    numbered_by_smallest(&search.component)
}

struct Search<'a> {
    graph: &'a Adjacency,
    seen_as: Vec<usize>,
    low: Vec<usize>,
    pending: Vec<usize>,
    is_pending: Vec<bool>,
    component: Vec<usize>,
    seen: usize,
    found: usize,
}

impl Search<'_> {
    fn explore(&mut self, root: usize) {
        let mut frames = vec![(root, 0)];
        self.enter(root);
        while let Some(&mut (node, ref mut edge)) = frames.last_mut() {
            if let Some(&next) = self.graph.of(node).get(*edge) {
                *edge += 1;
                if self.seen_as[next] == usize::MAX {
                    self.enter(next);
                    frames.push((next, 0));
                } else if self.is_pending[next] {
                    self.low[node] = self.low[node].min(self.seen_as[next]);
                }
            } else {
                frames.pop();
                if let Some(&(caller, _)) = frames.last() {
                    self.low[caller] = self.low[caller].min(self.low[node]);
                }
                if self.low[node] == self.seen_as[node] {
                    self.close(node);
                }
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.seen_as[node] = self.seen;
        self.low[node] = self.seen;
        self.seen += 1;
        self.pending.push(node);
        self.is_pending[node] = true;
    }

    fn close(&mut self, root: usize) {
        while let Some(node) = self.pending.pop() {
            self.is_pending[node] = false;
            self.component[node] = self.found;
            if node == root {
                break;
            }
        }
        self.found += 1;
    }
}

fn numbered_by_smallest(component: &[usize]) -> Vec<usize> {
    let mut number = vec![usize::MAX; component.len()];
    let mut next = 0;
    component
        .iter()
        .map(|&old| {
            if number[old] == usize::MAX {
                number[old] = next;
                next += 1;
            }
            number[old]
        })
        .collect()
}
