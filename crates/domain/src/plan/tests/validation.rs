//! Every rule of validation, and that all problems come at once.

use rstest::rstest;

use crate::plan::{Limits, Origin, Plan, PlannedDependency, PlannedTask, Problem, validate};

fn plan(titles: &[&str], edges: &[(usize, usize)]) -> Plan {
    let task = |(index, title): (usize, &&str)| PlannedTask {
        key: Some(format!("T{:03}", index + 1)),
        title: (*title).to_owned(),
        line: u32::try_from(index + 1).ok(),
        ..PlannedTask::default()
    };
    let edge = |&(from_index, to_index): &(usize, usize)| PlannedDependency {
        from_index,
        to_index,
        origin: Origin::Explicit,
        line: None,
    };
    Plan {
        goal: None,
        title: None,
        tasks: titles.iter().enumerate().map(task).collect(),
        dependencies: edges.iter().map(edge).collect(),
    }
}

fn problems(plan: &Plan) -> Vec<Problem> {
    validate(plan, &Limits::IMPORT).err().unwrap_or_default()
}

#[rstest]
#[case::fine(&["a", "b"], &[(1, 0)], "")]
#[case::itself(&["a"], &[(0, 0)], "self_dependency dependencies[0]")]
#[case::out_of_range(&["a"], &[(0, 1)], "index_out_of_range dependencies[0]")]
#[case::twice(&["a", "b"], &[(1, 0), (1, 0)], "duplicate_dependency dependencies[1]")]
#[case::empty(&["a", " \t"], &[], "empty_title tasks[1].title")]
#[case::pair(&["a", "b"], &[(0, 1), (1, 0)], "dependency_cycle dependencies[0]")]
#[case::all_at_once(
    &["", "b", "c"], &[(0, 0), (9, 0), (1, 2), (2, 1)],
    "empty_title tasks[0].title, self_dependency dependencies[0], index_out_of_range dependencies[1], \
     dependency_cycle dependencies[2]"
)]
fn rules(#[case] titles: &[&str], #[case] edges: &[(usize, usize)], #[case] expected: &str) {
    let found = problems(&plan(titles, edges));
    let found: Vec<String> =
        found.iter().map(|problem| format!("{} {}", problem.code, problem.path)).collect();
    assert_eq!(found.join(", "), expected);
}

#[test]
fn a_cycle_names_every_task_in_order() {
    let found = problems(&plan(&["a", "b", "c", "d"], &[(3, 0), (0, 2), (2, 1), (1, 0)]));
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].message,
        "the dependencies form a cycle: T001 → T003 → T002 → T001 (a → b means a waits for b)"
    );
    assert_eq!(found[0].line, Some(1));
}

#[test]
fn every_knot_is_reported() {
    let found = problems(&plan(&["a", "b", "c", "d"], &[(0, 1), (1, 0), (2, 3), (3, 2)]));
    assert_eq!(found.len(), 2);
}

#[test]
fn titles_are_measured_in_characters() {
    let longest = "ä".repeat(500);
    assert_eq!(problems(&plan(&[&longest], &[])), []);
    let found = problems(&plan(&[&format!("{longest}x")], &[]));
    assert_eq!(found[0].code, "title_too_long");
    assert!(found[0].message.contains("501") && found[0].message.contains("500"));
}

#[test]
fn a_key_belongs_to_one_task() {
    let mut twice = plan(&["a", "b"], &[]);
    twice.tasks[1].key = Some("T001".to_owned());
    let found = problems(&twice);
    assert_eq!((found[0].code, found[0].path.as_str()), ("duplicate_key", "tasks[1].key"));
    twice.tasks.iter_mut().for_each(|task| task.key = None);
    assert_eq!(problems(&twice), []);
}

#[test]
fn sizes_name_the_number_and_the_limit() {
    let limits = Limits { max_tasks: 1, max_edges: 0, max_bytes: 0 };
    let found = validate(&plan(&["a", "b"], &[(1, 0)]), &limits).expect_err("too large");
    assert_eq!(found[0].message, "the plan has 2 tasks; at most 1 are allowed");
    assert_eq!(found[1].message, "the plan has 1 dependencies; at most 0 are allowed");
    assert_eq!((found[0].code, found[1].code), ("too_many_tasks", "too_many_dependencies"));
}

#[test]
fn fifty_thousand_tasks_in_a_circle() {
    let titles = vec!["a"; 50_000];
    let mut edges: Vec<(usize, usize)> = (1..titles.len()).map(|task| (task, task - 1)).collect();
    edges.push((0, titles.len() - 1));
    let found = problems(&plan(&titles, &edges));
    let codes: Vec<&str> = found.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["too_many_tasks", "dependency_cycle"]);
}
