//! Tables for the graph.

use rstest::rstest;

use crate::plan::graph::{GrowingGraph, Insertion, components, find_cycles, topological_order};

#[rstest]
#[case::nothing(0, &[], vec![])]
#[case::chain(3, &[(0, 1), (1, 2)], vec![])]
#[case::pair(2, &[(0, 1), (1, 0)], vec![vec![0, 1]])]
#[case::itself(2, &[(1, 1)], vec![vec![1]])]
#[case::shortest(4, &[(0, 1), (1, 2), (2, 3), (3, 0), (1, 0)], vec![vec![0, 1]])]
#[case::two_knots(5, &[(0, 1), (1, 0), (2, 3), (3, 4), (4, 2)], vec![vec![0, 1], vec![2, 3, 4]])]
#[case::outside(2, &[(0, 7), (7, 0)], vec![])]
fn cycles(#[case] nodes: usize, #[case] edges: &[(usize, usize)], #[case] expected: Vec<Vec<usize>>) {
    assert_eq!(find_cycles(nodes, edges), expected);
}

#[test]
fn order_puts_the_smallest_first() {
    assert_eq!(topological_order(4, &[(0, 3), (2, 1)]), Some(vec![1, 2, 3, 0]));
    assert_eq!(topological_order(2, &[(0, 1), (1, 0)]), None);
}

#[test]
fn components_are_numbered_by_their_smallest_node() {
    assert_eq!(components(4, &[(3, 1), (1, 3), (2, 0)]), [0, 1, 2, 1]);
}

#[test]
fn a_long_chain_needs_no_stack() {
    let nodes = 300_000;
    let mut edges: Vec<(usize, usize)> = (1..nodes).map(|node| (node - 1, node)).collect();
    assert_eq!(find_cycles(nodes, &edges), Vec::<Vec<usize>>::new());
    edges.push((nodes - 1, 0));
    assert_eq!(find_cycles(nodes, &edges)[0].len(), nodes);
}

#[test]
fn edges_are_taken_until_they_close_a_cycle() {
    let mut graph = GrowingGraph::new(3, &[(0, 2)], 1_000);
    assert!(!graph.agrees(1, 0) || graph.agrees(0, 2));
    assert_eq!(graph.offer(1, 0), Insertion::Added);
    assert_eq!(graph.offer(2, 1), Insertion::ClosesCycle);
    assert_eq!(graph.offer(1, 2), Insertion::Added);
    assert_eq!(graph.offer(1, 1), Insertion::ClosesCycle);
}

#[test]
fn spent_effort_leaves_edges_out() {
    let mut graph = GrowingGraph::new(4, &[(0, 1), (1, 2), (2, 3)], 0);
    assert_eq!(graph.offer(3, 0), Insertion::Undecided);
    assert_eq!(graph.offer(0, 3), Insertion::Added);
}
