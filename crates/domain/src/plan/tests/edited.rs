//! Exported plans that people have edited.

use rstest::rstest;

use super::{edges, findings};
use crate::plan::{Format, Limits, Origin, Outline, OutlineError, PlannedWork, read_plan, write_plan};

const EXPORT: &str = r#"---
goalwright: 1
goal: 0198c0de-0000-7000-8000-000000000001
due: 2026-03-01T12:00:00.000000Z
---

# Open the lighthouse

For the ships.

- It is dark.

## Success criteria

- The light turns
- "\"Ahoy\""

## Tasks

- [x] T001 [US1] Clean the lens <!-- id: 0198c0de-0000-7000-8000-0000000000a1 -->
- [ ] [#1.2] [P] Wind the clock <!-- id: 0198c0de-0000-7000-8000-0000000000a2 -->
  - follows: T001
  - estimate: 90m
  - priority: 3
  Turn it slowly.

  Forty times.
- [-] "T009 is a ship (depends on T001)" <!-- id: 0198c0de-0000-7000-8000-0000000000a3 -->
- [ ] T003 Light the lamp <!-- id: 0198c0de-0000-7000-8000-0000000000a4 -->
  - depends on: T001, 1.2, 0198c0de-0000-7000-8000-0000000000a3
  - complexity: 4
  - attempts: 2
  - at: 2026-02-01T12:00:00.000000Z
  - slug: lamp
  - use: file.write {"content":"{T001.x}","path":"log"}
  > type: none
- [ ] T004 Watch <!-- id: 0198c0de-0000-7000-8000-0000000000a5 -->
  - uses: T003
  - by: person {"instructions":"Stay awake"}
"#;

#[rstest]
#[case("it is far up", Some("it is far up"))]
#[case("\"it is: \\\"far\\\" up\"", Some("it is: \"far\" up"))]
#[case("", None)]
fn why_a_task_is_complex_is_read(#[case] written: &str, #[case] expected: Option<&str>) {
    let outline = with(&format!("- [ ] T005 a\n  - complexity reason: {written}\n"));
    assert_eq!(outline.plan.tasks[5].complexity_reason.as_deref(), expected);
}

fn read(text: &str) -> Outline {
    read_plan(text, Format::Auto, &Limits::IMPORT).expect("the text is a plan")
}

/// The export with further lines below its tasks.
fn with(lines: &str) -> Outline {
    read(&format!("{EXPORT}{lines}"))
}

#[test]
fn an_export_reads_as_it_looks() {
    let outline = read(EXPORT);
    let plan = &outline.plan;
    assert_eq!(plan.title.as_deref(), Some("Open the lighthouse"));
    let goal = plan.goal.as_ref().expect("a goal");
    assert_eq!(goal.description, "For the ships.\n\n- It is dark.");
    assert_eq!(goal.success_criteria, ["The light turns", "\"Ahoy\""]);
    assert_eq!(edges(plan, Origin::Structural), "1.2<T001");
    assert_eq!(edges(plan, Origin::Inferred), "T004<T003");
    assert_eq!(edges(plan, Origin::Explicit), "T003<T001 T003<1.2 T003<“T009 is a ship (depends on T001)”");
    assert_eq!(plan.tasks[1].description, "Turn it slowly.\n\nForty times.");
    assert_eq!((plan.tasks[2].dropped, plan.tasks[2].key.as_deref()), (true, None));
    let lamp = &plan.tasks[3];
    assert_eq!((lamp.complexity, lamp.max_attempts, lamp.slug.as_deref()), (Some(4), Some(2), Some("lamp")));
    assert_eq!((lamp.description.as_str(), lamp.task_type.as_deref()), ("type: none", None));
    let work = PlannedWork::Human { instructions: "Stay awake".to_owned() };
    assert_eq!(plan.tasks[4].work, Some(work));
    assert_eq!(findings(&outline), "");
}

#[test]
fn what_was_read_is_written_the_same() {
    assert_eq!(write_plan(&read(EXPORT).plan), EXPORT);
}

#[rstest]
#[case("- [ ] T005 Row home (depends on T003)\n", "T005<T003")]
#[case("- [ ] T005 \"Row home\" (depends on T003)\n", "T005<T003")]
#[case("- [ ] T005 Row home\n  depends on: T003\n", "T005<T003")]
#[case("- [ ] T005 Row home\n    - **Depends on**: T3 and T004\n", "T005<T003 T005<T004")]
#[case("- [ ] T005 Row home\n  - depends on: T003-T004\n", "T005<T003 T005<T004")]
#[case("* [ ] T005: Row home\n\n  - depends on: \"1.2\"\n", "T005<1.2")]
#[case("- [ ] Row home (depends on T004)\n", "“Row home”<T004")]
#[case("- [ ] T005 Row home\n  Not before dark (depends on nothing).\n", "")]
fn tasks_added_by_hand(#[case] lines: &str, #[case] expected: &str) {
    let outline = with(lines);
    assert_eq!(outline.plan.tasks[5].title, "Row home");
    let added = edges(&outline.plan, Origin::Explicit);
    let before = edges(&read(EXPORT).plan, Origin::Explicit);
    assert_eq!(added.strip_prefix(&before).map(str::trim), Some(expected));
    assert_eq!(findings(&outline), "");
}

#[rstest]
#[case("- [ ] T005 a <!-- id: 12 -->\n", "unreadable_id@40")]
#[case("- [ ] T005 a <!-- id: 0198c0de-0000-7000-8000-0000000000a1 -->\n", "repeated_id@40")]
#[case("- [ ] T005 a\n  - depends on: T099\n", "unknown_dependency@41")]
#[case("- [ ] T005 a\n  - depends on: 0198c0de-0000-7000-8000-0000000000ff\n", "unknown_dependency@41")]
#[case("- [ ] T005 a (depends on T099)\n", "unknown_dependency@40")]
#[case("- [ ] T005 a\n  - estimate: soon\n", "unreadable_field@41")]
#[case("- [ ] T005 a\n  - slug: b\n  - slug: c\n", "repeated_field@42")]
#[case("- [?] T005 a\n", "unusual_checkbox@40")]
#[case("- [ ] T005 a\n  - use: text.render {\"template\": \"{T001.x}\"}\n", "unstated_use@41")]
#[case("\n## Notes\n\nRemember the oil.\n", "text_ignored@41")]
fn what_cannot_be_read_is_told(#[case] lines: &str, #[case] expected: &str) {
    let outline = with(lines);
    assert_eq!(findings(&outline), expected);
}

#[rstest]
#[case("- [ ] T001 again\n", "duplicate_id@40")]
#[case("- [ ] T005 a\n  - depends on: T005\n", "self_dependency@41")]
#[case("- [ ] T005 a\n  - use: a.b\n  - by: external\n", "second_action@42")]
#[case("- [ ] T005 a\n  - use: a.b {\"x\": }\n", "invalid_action@41")]
fn mistakes_refuse_the_file(#[case] lines: &str, #[case] expected: &str) {
    let error = read_plan(&format!("{EXPORT}{lines}"), Format::Auto, &Limits::IMPORT).expect_err("refused");
    let OutlineError::Invalid(findings) = error else {
        panic!("another refusal");
    };
    assert_eq!(super::codes(&findings), expected);
}

#[test]
fn json_may_go_on_below() {
    let outline = with("- [ ] T005 a\n  - use: file.read {\n      \"path\": \"log\"\n    }\n  Look it up.\n");
    let task = &outline.plan.tasks[5];
    let action = task.action.as_ref().expect("an action");
    assert_eq!((action.tool.as_str(), action.parameters["path"].as_str()), ("file", Some("log")));
    assert_eq!(task.description, "Look it up.");
}

#[rstest]
#[case("---\ngoalwright: 2\n---\n## Tasks\n", "line 1: the front matter names another version")]
#[case("---\ngoalwright: 1\n---\n# Title\n", "there is no heading `## Tasks`")]
fn files_that_cannot_be_exports(#[case] text: &str, #[case] says: &str) {
    let error = read_plan(text, Format::Auto, &Limits::IMPORT).expect_err("refused");
    assert!(error.to_string().starts_with(says), "{error}");
}

/// A minute in quadratic time; see the refusals of plain plans.
#[rstest]
#[case("- [ ] T001 a ", "<!-- ", 300_000, "")]
#[case("- [ ] T001 a ", "<!-- x -->", 200_000, "")]
#[case("- [ ] T001 ", "\"", 1_000_000, "")]
#[case("- [ ] T001 a\n  - depends on: ", "T001-T001,", 100_000, "")]
#[case("- [ ] T001 a\n  - depends on: ", "\"T001\",", 100_000, "")]
#[case("- [ ] T001 a\n", "  - [ ] b\n", 200_000, "")]
#[case("- [ ] T001 a\n", "  > b\n", 200_000, "")]
#[case("- [ ] T001 a\n  - use: a.b {", "\n[", 500_000, "")]
#[case("- [ ] T001 a\n", "text\n", 400_000, "")]
#[case("- [ ] T001 a\n", "```\n", 400_000, "")]
fn hostile_exports_take_linear_time(
    #[case] before: &str,
    #[case] repeated: &str,
    #[case] times: usize,
    #[case] after: &str,
) {
    let tasks = format!("{before}{}{after}", repeated.repeat(times));
    let text = format!("---\ngoalwright: 1\n---\n## Tasks\n{tasks}");
    assert!(text.len() <= Limits::IMPORT.max_bytes, "{}", text.len());
    let _ = read_plan(&text, Format::Auto, &Limits::IMPORT);
}
