//! How large a plan is, and how much of it can be done side by side.

use super::Plan;
use super::graph::topological_order;

/// The size of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// How many tasks it has.
    pub tasks: usize,
    /// How many dependencies.
    pub dependencies: usize,
    /// How many tasks stand one behind the other in its longest chain.
    pub depth: usize,
    /// How many tasks stand at most side by side, each as early as its dependencies let it.
    pub width: usize,
    /// The sum of the efforts that are estimated, in minutes; none where no task has one.
    pub estimate_minutes: Option<u64>,
    /// How many tasks have one.
    pub estimated: usize,
}

/// The size of a plan. One whose dependencies form a circle has no depth and no width.
///
/// # Examples
///
/// ```
/// use goalwright_domain::plan::{Format, Limits, read_plan, shape};
///
/// let text = "- [ ] T001 [P] Knead\n- [ ] T002 [P] Heat\n- [ ] T003 Bake (depends on T001, T002)\n";
/// let plan = read_plan(text, Format::Auto, &Limits::IMPORT)?.plan;
/// let shape = shape(&plan);
/// assert_eq!((shape.tasks, shape.depth, shape.width), (3, 2, 2));
/// # Ok::<(), goalwright_domain::plan::OutlineError>(())
/// ```
pub fn shape(plan: &Plan) -> Shape {
    let edges: Vec<(usize, usize)> =
        plan.dependencies.iter().map(|edge| (edge.from_index, edge.to_index)).collect();
    let mut waits_for: Vec<Vec<usize>> = vec![Vec::new(); plan.tasks.len()];
    for &(from, to) in &edges {
        if let Some(waits) = waits_for.get_mut(from).filter(|_| to < plan.tasks.len()) {
            waits.push(to);
        }
    }
    let mut level = vec![0_usize; plan.tasks.len()];
    let mut side_by_side: Vec<usize> = Vec::new();
    for node in topological_order(plan.tasks.len(), &edges).unwrap_or_default() {
        level[node] = waits_for[node].iter().map(|&to| level[to] + 1).max().unwrap_or_default();
        if side_by_side.len() <= level[node] {
            side_by_side.resize(level[node] + 1, 0);
        }
        side_by_side[level[node]] += 1;
    }
    let estimates: Vec<u64> =
        plan.tasks.iter().filter_map(|task| task.estimate_minutes).map(u64::from).collect();
    Shape {
        tasks: plan.tasks.len(),
        dependencies: plan.dependencies.len(),
        depth: side_by_side.len(),
        width: side_by_side.into_iter().max().unwrap_or_default(),
        estimate_minutes: (!estimates.is_empty()).then(|| estimates.iter().sum()),
        estimated: estimates.len(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::plan::{Origin, PlannedDependency, PlannedTask};

    fn plan(estimates: &[Option<u32>], edges: &[(usize, usize)]) -> Plan {
        let task =
            |&estimate_minutes: &Option<u32>| PlannedTask { estimate_minutes, ..PlannedTask::default() };
        let edge = |&(from_index, to_index): &(usize, usize)| PlannedDependency {
            from_index,
            to_index,
            origin: Origin::Explicit,
            line: None,
        };
        Plan {
            tasks: estimates.iter().map(task).collect(),
            dependencies: edges.iter().map(edge).collect(),
            ..Plan::default()
        }
    }

    #[rstest]
    #[case::nothing(&[], &[], (0, 0, None, 0))]
    #[case::one(&[None], &[], (1, 1, None, 0))]
    #[case::side_by_side(&[Some(5), None, Some(7)], &[], (1, 3, Some(12), 2))]
    #[case::chain(&[Some(0), Some(u32::MAX), Some(u32::MAX)], &[(2, 1), (1, 0)], (3, 1, Some(8_589_934_590), 3))]
    #[case::shortcut(&[None, None, None], &[(2, 1), (1, 0), (2, 0)], (3, 1, None, 0))]
    #[case::diamond(&[None, None, None, None], &[(1, 0), (2, 0), (3, 1), (3, 2)], (3, 2, None, 0))]
    #[case::circle(&[None, None], &[(0, 1), (1, 0)], (0, 0, None, 0))]
    #[case::nowhere(&[None, None], &[(0, 7)], (1, 2, None, 0))]
    fn chains_are_deep_and_lists_are_wide(
        #[case] estimates: &[Option<u32>],
        #[case] edges: &[(usize, usize)],
        #[case] expected: (usize, usize, Option<u64>, usize),
    ) {
        let plan = plan(estimates, edges);
        let found = shape(&plan);
        assert_eq!((found.depth, found.width, found.estimate_minutes, found.estimated), expected);
        assert_eq!((found.tasks, found.dependencies), (estimates.len(), edges.len()));
    }
}
