//! An order in which everything can be done.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Adjacency;

/// The nodes such that each stands behind all it waits for; among those that could come next, the
/// smallest comes first. `None` if the edges form a cycle.
pub fn topological_order(nodes: usize, edges: &[(usize, usize)]) -> Option<Vec<usize>> {
    let waited_by = Adjacency::new(nodes, edges.iter().map(|&(from, to)| (to, from)));
    let mut open = vec![0_usize; nodes];
    for node in 0..nodes {
        for &waiter in waited_by.of(node) {
            open[waiter] += 1;
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..nodes).filter(|&node| open[node] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(nodes);
    while let Some(Reverse(node)) = ready.pop() {
        order.push(node);
        for &waiter in waited_by.of(node) {
            open[waiter] -= 1;
            if open[waiter] == 0 {
                ready.push(Reverse(waiter));
            }
        }
    }
    (order.len() == nodes).then_some(order)
}
