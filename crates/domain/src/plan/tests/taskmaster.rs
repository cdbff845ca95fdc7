//! Task Master's files: two whole ones, and the meanings of single entries.

use rstest::rstest;

use super::{edges, findings};
use crate::plan::{Format, Limits, Origin, Outline, OutlineError, Plan, read_plan, validate};

const ORCHARD: &str = include_str!("../../../fixtures/orchard.json");
const BAKERY: &str = include_str!("../../../fixtures/bakery.json");

fn read(text: &str) -> Outline {
    read_plan(text, Format::Auto, &Limits::IMPORT).expect("the text is a plan")
}

fn refusal(text: &str) -> OutlineError {
    read_plan(text, Format::Auto, &Limits::IMPORT).expect_err("the text is refused")
}

fn keys(plan: &Plan, wanted: impl Fn(usize) -> bool) -> String {
    let keys: Vec<String> =
        (0..plan.tasks.len()).filter(|&index| wanted(index)).map(|index| plan.name_of(index)).collect();
    keys.join(" ")
}

#[test]
fn tasks_of_the_orchard() {
    let outline = read(ORCHARD);
    let plan = &outline.plan;
    assert_eq!(plan.title.as_deref(), Some("Orchard"));
    let all = "0 1 1.1 1.2 1.3 2 2.1 2.2 3 3.1 autumn:1 autumn:2 autumn:2.1 autumn:2.2";
    assert_eq!(keys(plan, |_| true), all);
    assert_eq!(keys(plan, |index| plan.tasks[index].done), "0 1.1 3 autumn:1 autumn:2.1");
    assert_eq!(keys(plan, |index| plan.tasks[index].dropped), "1.3");
    let priorities: Vec<i32> = plan.tasks.iter().map(|task| task.priority).collect();
    assert_eq!(priorities, [20, 10, 0, 0, 0, -10, 0, 0, 0, 0, 0, 0, 0, 0]);
    let description = "Walk every row.\n\n### Details\n\nBegin in the north.\nTake the map.\n\n\
        ### Test strategy\n\nEvery tree has a number.";
    assert_eq!(plan.tasks[0].description, description);
    assert_eq!(plan.tasks[0].line, Some(20));
    assert_eq!(validate(plan, &Limits::IMPORT), Ok(()));
}

#[test]
fn edges_of_the_orchard() {
    let plan = read(ORCHARD).plan;
    let explicit = "1<0 1.2<1.1 1.3<0 1.3<1.2 2<1 2<1.2 2.2<2.1 2.2<3 3.1<2.1 autumn:2<autumn:1 \
        autumn:2.2<autumn:2.1";
    assert_eq!(edges(&plan, Origin::Explicit), explicit);
    let structural = "1<1.1 1<1.2 1.1<0 1.2<0 2<2.1 2<2.2 2.1<1 2.1<1.2 2.2<1 2.2<1.2 3<3.1 \
        autumn:2<autumn:2.1 autumn:2<autumn:2.2 autumn:2.1<autumn:1 autumn:2.2<autumn:1";
    assert_eq!(edges(&plan, Origin::Structural), structural);
}

#[test]
fn findings_of_the_orchard() {
    let expected = "tag_prefixed@2 unknown_dependency@9 deferred@45 done_with_open_subtasks@53 empty_tag@66";
    assert_eq!(findings(&read(ORCHARD)), expected);
}

#[test]
fn ids_that_are_words_have_parts_of_their_own() {
    let outline = read(BAKERY);
    let plan = &outline.plan;
    assert_eq!(plan.title.as_deref(), Some("Bakery"));
    assert_eq!(keys(plan, |_| true), "OVEN.1 OVEN.1.1 OVEN.1.2 FLOUR.1 SHOP.1");
    assert_eq!(keys(plan, |index| plan.tasks[index].done), "OVEN.1.1");
    assert_eq!(edges(plan, Origin::Explicit), "OVEN.1.2<OVEN.1.1 SHOP.1<OVEN.1 SHOP.1<FLOUR.1");
    assert_eq!(edges(plan, Origin::Structural), "OVEN.1<OVEN.1.1 OVEN.1<OVEN.1.2");
    assert_eq!(plan.tasks[0].description, "### Test strategy\n\nIt bakes a loaf.");
    assert_eq!(plan.tasks[0].complexity, Some(8));
    assert_eq!(findings(&outline), "");
}

/// Task 2 has parts 1 and 2; what does `word` mean inside 2.2?
#[rstest]
#[case("1", "2.2<2.1")]
#[case("\"1\"", "2.2<2.1")]
#[case("3", "2.2<3")]
#[case("\"2.1\"", "2.2<2.1")]
#[case("2.1", "2.2<2.1")]
#[case("\"3.1\"", "2.2<3.1")]
#[case("\"1, 3\"", "2.2<3 2.2<2.1")]
#[case("[1, 1, \"2.1\"]", "2.2<2.1")]
#[case("null", "")]
fn dependencies_of_a_subtask(#[case] written: &str, #[case] expected: &str) {
    let text = format!(
        r#"[{{"id": 1, "title": "a"}}, {{"id": "3.1", "title": "b"}}, {{"id": 3, "title": "c"}},
           {{"id": 2, "title": "d", "subtasks": [{{"id": 1, "title": "e"}},
            {{"id": 2, "title": "f", "dependencies": {written}}}]}}]"#
    );
    assert_eq!(edges(&read(&text).plan, Origin::Explicit), expected);
}

#[test]
fn another_tag_is_reached_by_its_name_only() {
    let text = r#"{"a": {"tasks": [{"id": 1, "title": "x"}]},
                   "b": {"tasks": [{"id": 2, "title": "y", "dependencies": [1, "a:1"]}]},
                   "c": {"tasks": [{"id": 2, "title": "z", "dependencies": ["b:2"]}]}}"#;
    let outline = read(text);
    assert_eq!(edges(&outline.plan, Origin::Explicit), "c:2<b:2");
    assert!(findings(&outline).contains("unknown_dependency@2"));
}

#[rstest]
#[case::twice(
    r#"[{"id": 1, "title": "a"},
 {"id": "1", "title": "b"}]"#,
    "duplicate_id@2"
)]
#[case::part_and_task(
    r#"[{"id": 1, "title": "a", "subtasks": [{"id": 2, "title": "b"}]},
 {"id": "1.2", "title": "c"}]"#,
    "duplicate_id@2"
)]
#[case::itself(
    r#"[{"id": 1, "title": "a",
 "dependencies": [
 1]}]"#,
    "self_dependency@3"
)]
#[case::no_title(
    r#"[{"id": 1, "title": "a"},
 {"id": 2, "status": "done"}]"#,
    "missing_title@2"
)]
fn mistakes_are_named_with_their_line(#[case] text: &str, #[case] expected: &str) {
    let OutlineError::Invalid(findings) = refusal(text) else {
        panic!("another refusal");
    };
    assert_eq!(super::codes(&findings), expected);
}

#[rstest]
#[case(r#"[{"title": "a"}, {"id": 4, "title": "b"}]"#, "missing_id@1")]
#[case(r#"[{"id": 1, "title": "a"}, 7]"#, "not_a_task@1")]
#[case(r#"[{"id": 1, "title": "a", "status": "asleep"}]"#, "unknown_status@1")]
#[case(r#"[{"id": 1, "title": "a", "priority": "purple"}]"#, "unknown_priority@1")]
#[case(r#"[{"id": 1, "title": "a", "dependencies": [{}]}]"#, "unreadable_dependency@1")]
#[case(r#"[{"id": 1, "title": "a", "subtasks": 3}]"#, "unreadable_field@1")]
#[case(r#"[{"id": 1, "title": "a", "colour": 3}]"#, "fields_ignored@1")]
#[case(r#"{"tasks": [{"id": 1, "title": "a"}], "other": 1}"#, "member_ignored@1")]
#[case(
    r#"[{"id": 1, "title": "a", "status": "done", "dependencies": [2]}, {"id": 2, "title": "b"}]"#,
    "done_before_dependencies@1"
)]
#[case(
    r#"[{"id": 1, "title": "a", "dependencies": [2]}, {"id": 2, "title": "b", "status": "cancelled"}]"#,
    "waits_for_dropped@1"
)]
#[case(
    r#"[{"id": 1, "title": "a", "subtasks": [{"id": 2, "title": "b", "dependencies": ["1"]}]}]"#,
    "structural_edge_dropped@1"
)]
fn choices_are_told(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(findings(&read(text)), expected);
}

#[test]
fn an_entry_without_an_id_gets_the_next_number() {
    let plan = read(r#"[{"title": "a"}, {"id": 4, "title": "b"}, {"title": "c"}]"#).plan;
    assert_eq!(keys(&plan, |_| true), "5 4 6");
}

#[rstest]
#[case("{\n\"tasks\": [\n{\"id\": 1,}]}", "line 3: the JSON cannot be read at column 10: ")]
#[case("{\"tasks\": []} x", "line 1: the JSON cannot be read at column 15: trailing characters")]
#[case("{\"tasks\": 3}", "line 1: `tasks` is a number and no list")]
#[case("{\"a\": 1, \"b\": 2}", "line 1: an object with `a`, `b`, and no `tasks` among them")]
#[case("{}", "line 1: an empty object")]
#[case("[]", "line 1: an empty list")]
#[case("[1, 2]", "line 1: the entries of the list have no `title`")]
#[case(r#"{"name": "x", "version": "1", "dependencies": {}}"#, "line 1: this looks like a package.json")]
#[case(r#"{"openapi": "3.1", "paths": {}}"#, "line 1: this looks like an OpenAPI document")]
#[case(r#"{"compilerOptions": {}}"#, "line 1: this looks like a TypeScript configuration")]
#[case(r#"{"type": "FeatureCollection", "features": []}"#, "line 1: this looks like GeoJSON")]
#[case(r#"[{"role": "user", "content": "hi"}]"#, "line 1: this looks like a chat: a list of messages")]
#[case(
    r#"{"version": "2.0.0", "tasks": [{"label": "b"}]}"#,
    "line 1: this looks like a task list of an editor"
)]
fn json_that_is_no_plan(#[case] text: &str, #[case] says: &str) {
    let error = refusal(text);
    assert_eq!(error.code(), "not_a_plan");
    assert!(error.to_string().starts_with(says), "{error}");
}

#[test]
fn limits_hold_before_edges_are_made() {
    let task = |number: usize| format!(r#"{{"id": {number}, "title": "t"}}"#);
    let tasks: Vec<String> = (0..10_001).map(task).collect();
    let error = refusal(&format!("[{}]", tasks.join(",")));
    assert_eq!(error, OutlineError::TooManyTasks { tasks: 10_001, limit: 10_000 });
    let numbers: Vec<String> = (0..400).map(|number| number.to_string()).collect();
    let parts: Vec<String> = (0..400).map(task).collect();
    let (parts, numbers) = (parts.join(","), numbers.join(","));
    let whole = format!(r#"{{"id": "a", "title": "t", "dependencies": [{numbers}], "subtasks": [{parts}]}}"#);
    let error = refusal(&format!("[{},{whole}]", tasks[..400].join(",")));
    assert_eq!(error, OutlineError::TooManyEdges { edges: 160_800, limit: 100_000, between: None });
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_change_nothing() {
    let windows = format!("\u{feff}{}", ORCHARD.replace('\n', "\r\n"));
    assert_eq!(read(&windows), read(ORCHARD));
}

#[test]
fn deep_nesting_is_refused_and_no_crash() {
    let deep = format!("{}1{}", "{\"tasks\":[".repeat(100_000), "]}".repeat(100_000));
    assert_eq!(refusal(&deep).code(), "not_a_plan");
    let parts = (0..40)
        .fold("1".to_owned(), |inner, id| format!(r#"[{{"id": {id}, "title": "t", "subtasks": {inner}}}]"#));
    assert_eq!(read(&parts).plan.tasks.len(), 40);
}
