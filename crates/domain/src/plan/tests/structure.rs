//! The order that phases and lists imply.

use rstest::rstest;

use super::{edges, findings, read};
use crate::plan::{Limits, Origin, OutlineError, read_outline, validate};

#[rstest]
#[case::one_after_the_other("- [ ] T1 a\n- [ ] T2 b\n- [ ] T3 c", "T2<T1 T3<T2")]
#[case::group("- [ ] T1 a\n- [ ] T2 [P] b\n- [ ] T3 [P] c\n- [ ] T4 d", "T2<T1 T3<T1 T4<T2 T4<T3")]
#[case::group_first("- [ ] T1 [P] a\n- [ ] T2 [P] b\n- [ ] T3 c", "T3<T1 T3<T2")]
#[case::redundant("- [ ] T1 a\n- [ ] T2 b (depends on T1)", "")]
#[case::phases(
    "## A\n- [ ] T1 a\n## B\n- [ ] T2 [P] b\n- [ ] T3 [P] c\n## C\n- [ ] T4 d",
    "T2<T1 T3<T1 T4<T2 T4<T3"
)]
#[case::empty_phase("## A\n- [ ] T1 a\n## B\ntalk\n## C\n- [ ] T2 b", "T2<T1")]
#[case::subheading("## A\n### x\n- [ ] T1 [P] a\n### y\n- [ ] T2 [P] b", "")]
#[case::third_level("# P\n### A\n- [ ] T1 [P] a\n### B\n- [ ] T2 [P] b", "T2<T1")]
#[case::third_level_in_one("## Tasks\n### Phase 1\n- [ ] T1 [P] a\n### Phase 2\n- [ ] T2 [P] b", "T2<T1")]
#[case::first_level("# A\n- [ ] T1 [P] a\n# B\n- [ ] T2 [P] b", "T2<T1")]
#[case::before_phases("# P\n- [ ] T1 [P] a\n## A\n- [ ] T2 [P] b", "T2<T1")]
#[case::explicit_inside("## A\n- [ ] T1 a\n## B\n- [ ] T2 [P] b\n- [ ] T3 [P] c (depends on T2)", "T2<T1")]
fn orders(#[case] text: &str, #[case] expected: &str) {
    let outline = read(text);
    assert_eq!(edges(&outline.plan, Origin::Structural), expected);
    assert_eq!(findings(&outline), "");
}

#[test]
fn explicit_beats_the_order_of_phases() {
    let outline = read("## A\n- [ ] T1 a (depends on T3)\n## B\n- [ ] T2 [P] b\n- [ ] T3 [P] c");
    assert_eq!(edges(&outline.plan, Origin::Structural), "T2<T1");
    assert_eq!(findings(&outline), "structural_edge_dropped@5");
    let message = &outline.findings[0].message;
    assert!(message.ends_with("T1 waits for T3 by what the plan writes out in line 2"), "{message}");
    assert_eq!(validate(&outline.plan, &Limits::IMPORT), Ok(()));
}

#[test]
fn the_task_out_of_line_gives_way() {
    let outline = read("- [ ] T1 a (depends on T4)\n- [ ] T2 b\n- [ ] T3 c\n- [ ] T4 d");
    assert_eq!(edges(&outline.plan, Origin::Structural), "T3<T2 T4<T3");
    assert_eq!(findings(&outline), "structural_edge_dropped@2");
}

#[test]
fn many_edges_left_out_between_two_phases_are_one_finding() {
    let text = "## A\n- [ ] T1 [P] a (depends on T3, T4)\n- [ ] T2 [P] b (depends on T3, T4)\n\
                ## B\n- [ ] T3 [P] c\n- [ ] T4 [P] d";
    let outline = read(text);
    assert_eq!(findings(&outline), "structural_edge_dropped@5");
    let message = &outline.findings[0].message;
    assert!(message.starts_with("T3 does not wait for T1") && message.contains("3 other"), "{message}");
}

#[test]
fn a_gate_that_cannot_be_is_led_around() {
    // T2, the last of A, waits for T3, the first of B. T3 still waits for T1, and T4 for T2.
    let outline = read("## A\n- [ ] T1 a\n- [ ] T2 b (depends on T3)\n## B\n- [ ] T3 c\n- [ ] T4 d");
    assert_eq!(edges(&outline.plan, Origin::Structural), "T2<T1 T3<T1 T4<T2 T4<T3");
    assert_eq!(findings(&outline), "structural_edge_dropped@5");
}

#[test]
fn the_line_that_stands_against_the_order_is_named() {
    let outline =
        read("## A\n- [ ] T1 a\n- [ ] T2 b\n## B\n- [ ] T3 c\n- [ ] T4 d\n- [ ] T5 e\n\nT4 blocks T1\n");
    assert_eq!(findings(&outline), "structural_edge_dropped@5");
    let message = &outline.findings[0].message;
    assert!(message.ends_with("(line 9: T1 waits for T4)"), "{message}");
    assert_eq!(validate(&outline.plan, &Limits::IMPORT), Ok(()));
}

#[test]
fn a_cycle_that_is_written_out_is_left_to_validation() {
    let outline = read("- [ ] T1 a (depends on T2)\n- [ ] T2 b (depends on T1)\n- [ ] T3 c");
    let problems = validate(&outline.plan, &Limits::IMPORT).expect_err("a cycle");
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("T1 → T2 → T1"), "{}", problems[0].message);
    assert_eq!(problems[0].line, Some(1));
}

#[test]
fn phases_are_counted_among_those_with_tasks() {
    let plan = read("# P\n- [ ] T1 a\n## Talk\n## A\n- [ ] T2 b\n### x\n- [ ] T3 c\n## B\n- [ ] T4 d").plan;
    let phases: Vec<Option<usize>> = plan.tasks.iter().map(|task| task.phase).collect();
    assert_eq!(phases, [None, Some(0), Some(0), Some(1)]);
}

fn two_phases(tasks: usize) -> String {
    let phase = |name: &str, first: usize| {
        let lines = (first..first + tasks).map(|number| format!("- [ ] T{number} [P] t\n"));
        format!("## {name}\n{}", lines.collect::<String>())
    };
    phase("Dig", 1) + &phase("Build", tasks + 1)
}

#[test]
fn a_gate_is_measured_before_it_is_made() {
    let error = read_outline(&two_phases(1_000), &Limits::IMPORT).expect_err("a million edges");
    let expected = OutlineError::TooManyEdges {
        edges: 1_000_000,
        limit: 100_000,
        between: Some(("Build".to_owned(), "Dig".to_owned())),
    };
    assert_eq!(error, expected);
    let message = error.to_string();
    assert!(
        message.contains("1000000") && message.contains("100000") && message.contains("Dig"),
        "{message}"
    );
}

#[test]
fn the_limit_itself_is_allowed() {
    let limits = Limits { max_edges: 4, ..Limits::IMPORT };
    let text = two_phases(2).replace("T3 [P] t", "T3 [P] t (depends on T1)");
    let plan = read_outline(&text, &limits).expect("four edges, one of them written out").plan;
    assert_eq!(plan.dependencies.len(), 4);
    let limits = Limits { max_edges: 3, ..limits };
    assert_eq!(read_outline(&text, &limits).expect_err("four").code(), "too_many_dependencies");
}
