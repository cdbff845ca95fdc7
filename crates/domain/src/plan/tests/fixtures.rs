//! A whole plan with the traps of real ones.

use super::{edges, findings, read};
use crate::plan::{Limits, Origin, plan_hash, validate};

const LIGHTHOUSE: &str = include_str!("../../../fixtures/lighthouse.md");

#[test]
fn counts_of_the_lighthouse() {
    let outline = read(LIGHTHOUSE);
    let plan = &outline.plan;
    assert_eq!(plan.title.as_deref(), Some("Lighthouse Keeper"));
    assert_eq!(plan.tasks.len(), 23);
    assert_eq!(plan.tasks.iter().filter(|task| task.done).count(), 21);
    assert_eq!(plan.tasks.iter().filter(|task| task.parallel).count(), 13);
    assert_eq!(edges(plan, Origin::Explicit), "T010<T008 T010<T009 T019<T016 T019<T017 T019<T018");
    assert_eq!(edges(plan, Origin::Inferred), "");
    // Line 110 shows an open box for a task that is done.
    assert_eq!(findings(&outline), "contradicting_state@110");
    assert_eq!(validate(plan, &Limits::IMPORT), Ok(()));
}

#[test]
fn structure_of_the_lighthouse() {
    let plan = read(LIGHTHOUSE).plan;
    let expected = "T002<T001 T003<T001 T004<T002 T004<T003 T005<T004 T006<T005 T007<T005 \
        T008<T006 T008<T007 T009<T006 T009<T007 T011<T010 T012<T011 \
        T013<T012 T014<T013 T015<T014 T016<T006 T016<T007 T017<T006 T017<T007 T018<T006 T018<T007 \
        T020<T019 T021<T015 T021<T020 T022<T021 T023<T022";
    assert_eq!(edges(&plan, Origin::Structural), expected);
}

#[test]
fn details_of_the_lighthouse() {
    let plan = read(LIGHTHOUSE).plan;
    let valve = &plan.tasks[15];
    assert_eq!(valve.title, "Forge the valve in horn/valve.rs");
    assert_eq!(valve.labels, ["US3"]);
    assert_eq!((valve.phase, valve.line), (Some(4), Some(76)));
    assert_eq!(plan.tasks[9].title, "Trim the wick in tower/wick.rs");
    assert_eq!(plan.tasks[12].title, "Bind the book in log/book.rs (completed in T001)");
}

#[test]
fn every_line_ending_reads_the_same() {
    let windows = LIGHTHOUSE.replace('\n', "\r\n");
    assert_eq!(read(&windows), read(LIGHTHOUSE));
}

#[test]
fn the_hash_is_that_of_the_content() {
    let plan = read(LIGHTHOUSE).plan;
    let hash = plan_hash(&plan);
    assert_eq!(hash, plan_hash(&plan.clone()));
    assert!(hash.starts_with("sha256:") && hash.len() == 7 + 64);
    let text = serde_json::to_string(&plan).expect("a plan is JSON");
    assert_eq!(plan_hash(&serde_json::from_str(&text).expect("and back")), hash);
    let mut changed = plan;
    changed.tasks[3].done = false;
    assert_ne!(plan_hash(&changed), hash);
}
