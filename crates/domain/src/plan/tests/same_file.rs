//! Dependencies inferred from the files that tasks name.

use rstest::rstest;

use super::{edges, findings, read};
use crate::plan::{Limits, Origin, validate};

/// Two stories that nothing orders: T1 and T2, T3 and T4.
fn stories(titles: [&str; 4]) -> String {
    let [one, two, three, four] = titles;
    format!(
        "## Phase 1: User Story 1\n- [ ] T1 {one}\n- [ ] T2 {two}\n## Phase 2: User Story 2\n- [ ] T3 {three}\n\
         - [ ] T4 {four}\n## Phase Dependencies\n- **User Stories**: no dependencies\n"
    )
}

#[rstest]
#[case::plain(["in src/a.rs", "b", "c", "in src/a.rs"], "T4<T1", "")]
#[case::code(["in `a.rs`", "b", "c", "in `a.rs`"], "T4<T1", "")]
#[case::nearest(["`a.rs`", "`a.rs`", "`a.rs`", "d"], "T3<T2", "")]
#[case::followed(["`a.rs`", "b", "`a.rs`", "`a.rs`"], "T3<T1", "")]
#[case::unknown_ending(["`lamp.light`", "b", "`lamp.light`", "d"], "", "")]
#[case::folder(["src/lamp.light", "b", "src/lamp.light", "d"], "T3<T1", "")]
#[case::line_number(["./src/a.rs:12", "b", "`src/a.rs`", "d"], "T3<T1", "")]
#[case::pointer(["src/a.rs", "b", "see src/a.rs and src/b.rs", "src/b.rs"], "", "")]
#[case::papers(["plan.md", "specs/1/plan.md", "`plan.md`", "specs/1/plan.md"], "", "")]
#[case::address(["http://a.b/c.rs", "b", "http://a.b/c.rs", "d"], "", "")]
#[case::command(["`cat a.rs`", "b", "`cat a.rs`", "d"], "", "")]
#[case::one_parallel(["[P] `a.rs`", "b", "`a.rs`", "d"], "T3<T1", "")]
#[case::both_parallel(["[P] `a.rs`", "b", "[P] `a.rs`", "d"], "", "parallel_same_file@5")]
#[case::around_parallel(["`a.rs`", "b", "[P] `a.rs`", "[P] `a.rs`"], "T3<T1 T4<T1", "parallel_same_file@6")]
#[case::written(["`a.rs` (depends on T3)", "b", "`a.rs`", "d"], "", "")]
#[case::written_far(["`a.rs` (depends on T4)", "b", "`a.rs`", "d"], "", "")]
#[case::japanese(["（src/a.rs、b）", "b", "「src/a.rs」を直す", "d"], "", "")]
#[case::full_width(["実装（src/a.rs）", "b", "試験（src/a.rs、二回）", "d"], "T3<T1", "")]
fn inferred(#[case] titles: [&str; 4], #[case] expected: &str, #[case] noticed: &str) {
    let outline = read(&stories(titles));
    assert_eq!(edges(&outline.plan, Origin::Inferred), expected);
    assert_eq!(findings(&outline), noticed);
    assert_eq!(validate(&outline.plan, &Limits::IMPORT), Ok(()));
}

#[test]
fn an_order_that_is_there_is_not_inferred_again() {
    let outline = read("- [ ] T1 in src/a.rs\n- [ ] T2 b\n- [ ] T3 in src/a.rs\n");
    assert_eq!(edges(&outline.plan, Origin::Inferred), "");
}

#[test]
fn the_limit_of_edges_holds() {
    let limits = Limits { max_edges: 2, ..Limits::IMPORT };
    let text = stories(["`a.rs`", "b", "`a.rs`", "d"]);
    let plan = crate::plan::read_outline(&text, &limits).expect("two edges inside the stories").plan;
    assert_eq!(edges(&plan, Origin::Inferred), "");
    assert_eq!(validate(&plan, &limits), Ok(()));
}

/// Two long stories that meet in every file: each task of the second waits for its partner.
#[test]
fn long_stories_that_share_their_files_are_ordered() {
    let mut text = String::new();
    for story in 1..=2 {
        text += &format!("## Phase {story}: User Story {story}\n");
        for number in 1..=2_000 {
            text += &format!("- [ ] T{}{number:04} in src/{number}.rs\n", story);
        }
    }
    text += "## Phase Dependencies\n- **User Stories**: no dependencies\n";
    let outline = read(&text);
    let inferred = edges(&outline.plan, Origin::Inferred);
    assert!(inferred.starts_with("T20001<T10001 T20002<T10002 "), "{}", &inferred[..40]);
    assert_eq!(inferred.split(' ').count(), 2_000);
    assert_eq!(validate(&outline.plan, &Limits::IMPORT), Ok(()));
}
