//! Lines of a plan and what they mean.

use rstest::rstest;
use serde_json::json;

use super::{codes, edges, findings, read, refusal};
use crate::plan::{Origin, OutlineError, PlannedTask};

fn only_task(line: &str) -> PlannedTask {
    let mut plan = read(line).plan;
    assert_eq!(plan.tasks.len(), 1, "{line}");
    plan.tasks.remove(0)
}

#[rstest]
#[case("- [ ] T001 Title", "T001 | Title |  | open")]
#[case("* [x] T001 Title", "T001 | Title |  | done")]
#[case("+ [X] T001 Title", "T001 | Title |  | done")]
#[case("1. [ ] T001 Title", "T001 | Title |  | open")]
#[case("12) [x] T001 Title", "T001 | Title |  | done")]
#[case("- [] T001 Title", "T001 | Title |  | open")]
#[case("- [ ] T019a Title", "T019a | Title |  | open")]
#[case("- [ ] T009.5 Title", "T009.5 | Title |  | open")]
#[case("- [ ] T001: Title", "T001 | Title |  | open")]
#[case("- [ ] **T001** Title", "T001 | Title |  | open")]
#[case("- [ ] **T001: Title** more", "T001 | Title more |  | open")]
#[case("- [ ] T001 - Title", "T001 | Title |  | open")]
#[case("- [ ] T001 [P] [US1] Title", "T001 | Title | P US1 | open")]
#[case("- [ ] T001 [US1] [P] Title", "T001 | Title | P US1 | open")]
#[case("- [ ] T001 [Setup] [NFR-OFFL-01] Title", "T001 | Title | Setup NFR-OFFL-01 | open")]
#[case("- [ ] [P] T001 Title", "T001 | Title | P | open")]
#[case("- [ ] T001 [manual](a.md) read", "T001 | [manual](a.md) read |  | open")]
#[case("- [ ] T001 [0.0, 2.0] is the range", "T001 | [0.0, 2.0] is the range |  | open")]
#[case("- [ ] T001完成 ok", "T001 | T001完成 ok |  | open")]
#[case("- [ ] Title only", "T001 | Title only |  | open")]
#[case("- [ ] T1000000000000 is no id", "T001 | T1000000000000 is no id |  | open")]
fn items(#[case] line: &str, #[case] expected: &str) {
    let task = only_task(line);
    let mut marks: Vec<&str> = task.labels.iter().map(String::as_str).collect();
    if task.parallel {
        marks.insert(0, "P");
    }
    let done = if task.done { "done" } else { "open" };
    let key = task.key.as_deref().unwrap_or("");
    assert_eq!(format!("{key} | {} | {} | {done}", task.title, marks.join(" ")), expected);
}

#[rstest]
#[case("do it (depends on T001)", "T004<T001", "do it")]
#[case("do it (depends on T001, T002)", "T004<T001 T004<T002", "do it")]
#[case("do it (Depends On T001 and T002).", "T004<T001 T004<T002", "do it")]
#[case("do it (depends on T001-T003)", "T004<T001 T004<T002 T004<T003", "do it")]
#[case("do it (depends on T001–T003)", "T004<T001 T004<T002 T004<T003", "do it")]
#[case("do it (depends on T001…T003)", "T004<T001 T004<T002 T004<T003", "do it")]
#[case("do it (depends on T002 to T003)", "T004<T002 T004<T003", "do it")]
#[case("do it (depends on T003-T001)", "T004<T001 T004<T002 T004<T003", "do it")]
#[case("do it (depends on T001-3)", "T004<T001 T004<T002 T004<T003", "do it")]
#[case("do it (depends on T1)", "T004<T001", "do it")]
#[case("do it (after T001)", "T004<T001", "do it")]
#[case("do it, depends on T001-T002", "T004<T001 T004<T002", "do it, depends on T001-T002")]
#[case("do (depends on T001) more", "T004<T001", "do (depends on T001) more")]
#[case("do it (late, depends on T001)", "T004<T001", "do it (late, depends on T001)")]
#[case("do it (depends on the models of T001)", "T004<T001", "do it")]
#[case("do it (depends on T001 (the base), T002)", "T004<T001 T004<T002", "do it")]
#[case("do it (depends on T001, which blocks T002)", "T004<T001", "do it")]
#[case("add to the dependencies list of T001", "", "add to the dependencies list of T001")]
#[case("do it (completed in T001)", "", "do it (completed in T001)")]
#[case("do it (already implemented in T001)", "", "do it (already implemented in T001)")]
#[case("check after the T001 change", "", "check after the T001 change")]
#[case("rest (after lunch)", "", "rest (after lunch)")]
#[case("say `(depends on T001)` aloud", "", "say `(depends on T001)` aloud")]
#[case("what no longer depends on T001", "", "what no longer depends on T001")]
#[case("do it (depends on the API)", "", "do it (depends on the API)")]
#[case("independents on T001", "", "independents on T001")]
fn clauses(#[case] words: &str, #[case] expected: &str, #[case] title: &str) {
    // All in parallel, and without phases, so that no structural edge stands in the way.
    let text = format!("- [ ] T001 [P] a\n- [ ] T002 [P] b\n- [ ] T003 [P] c\n- [ ] T004 [P] {words}");
    let outline = read(&text);
    assert_eq!(edges(&outline.plan, Origin::Explicit), expected);
    assert_eq!(outline.plan.tasks[3].title, title);
    assert_eq!(findings(&outline), "");
}

#[rstest]
#[case("  depends on: T001, T002", "T003<T001 T003<T002", "")]
#[case("  - Depends on T001", "T003<T001", "")]
#[case("  - **Depends on**: T001-T002", "T003<T001 T003<T002", "")]
#[case("\tDependencies: T001", "T003<T001", "")]
#[case("  see (depends on T001)", "T003<T001", "see (depends on T001)")]
#[case("  this talks of T001", "", "this talks of T001")]
#[case("  depends on the weather", "", "depends on the weather")]
#[case("  depends once more on T001", "", "depends once more on T001")]
#[case("  depends:T001", "T003<T001", "")]
#[case("  - [ ] a small step", "", "- [ ] a small step")]
#[case("  one\n\n  two\n    three", "", "one\n\ntwo\n  three")]
#[case("  ```\n  depends on: T001\n  - [ ] T009 no\n  ```", "", "```\ndepends on: T001\n- [ ] T009 no\n```")]
#[case("not indented (depends on T001)", "", "")]
fn lines_below(#[case] lines: &str, #[case] expected: &str, #[case] description: &str) {
    let outline = read(&format!("- [ ] T001 [P] a\n- [ ] T002 [P] b\n- [ ] T003 [P] c\n{lines}"));
    assert_eq!(edges(&outline.plan, Origin::Explicit), expected);
    assert_eq!(outline.plan.tasks[2].description, description);
    assert_eq!(outline.plan.tasks.len(), 3);
}

#[rstest]
#[case("type: build", Some("build"), None, 0, "")]
#[case("- **Type**: build", Some("build"), None, 0, "")]
#[case("estimate: 30m", None, Some(30), 0, "")]
#[case("estimate: 2h", None, Some(120), 0, "")]
#[case("estimate: 30", None, Some(30), 0, "")]
#[case("estimate: 1h30m", None, Some(90), 0, "")]
#[case("estimate: 1.5 hours", None, Some(90), 0, "")]
#[case("estimate: soon", None, None, 0, "unreadable_field@2")]
#[case("estimate: 99999999999h", None, None, 0, "unreadable_field@2")]
#[case("priority: -3", None, None, -3, "")]
#[case("priority: high", None, None, 0, "unreadable_field@2")]
#[case("priority: 1\n  priority: 2", None, None, 2, "repeated_field@3")]
fn fields(
    #[case] line: &str,
    #[case] task_type: Option<&str>,
    #[case] minutes: Option<u32>,
    #[case] priority: i32,
    #[case] expected: &str,
) {
    let outline = read(&format!("- [ ] T001 a\n  {line}"));
    let task = &outline.plan.tasks[0];
    assert_eq!(task.task_type.as_deref(), task_type);
    assert_eq!((task.estimate_minutes, task.priority), (minutes, priority));
    assert_eq!(findings(&outline), expected);
}

#[rstest]
#[case("use: http.request", json!({}))]
#[case("- use: http.request {\"url\": \"a\"}", json!({"url": "a"}))]
#[case("use: http.request{\"url\": \"a\"}", json!({"url": "a"}))]
#[case("use: http.request {\n    \"a\": [1,\n\n    2]\n  }", json!({"a": [1, 2]}))]
#[case("use: http.request\n    {\"a\": 1}", json!({"a": 1}))]
#[case("use: http.request {\"a\": \"} \\\" {\"}", json!({"a": "} \" {"}))]
#[case("use: http.request {\"a\": \"<!-- no comment -->\"}", json!({"a": "<!-- no comment -->"}))]
#[case("use: http.request {\n    \"a\":\n    \"- [ ] T009 x\"}", json!({"a": "- [ ] T009 x"}))]
fn actions(#[case] lines: &str, #[case] parameters: serde_json::Value) {
    let outline = read(&format!("- [ ] T001 a\n  {lines}\n  described\n- [ ] T002 b"));
    let action = outline.plan.tasks[0].action.as_ref().expect("an action");
    assert_eq!((action.tool.as_str(), action.operation.as_str()), ("http", "request"));
    assert_eq!((&action.parameters, action.line), (&parameters, Some(2)));
    assert_eq!(outline.plan.tasks[0].description, "described");
    assert_eq!(outline.plan.tasks.len(), 2);
}

#[rstest]
#[case::no_dot("- [ ] T001 a\n  use: http", "invalid_action@2", "`http` is no tool")]
#[case::no_name("- [ ] T001 a\n  use:", "invalid_action@2", "names no tool")]
#[case::no_object("- [ ] T001 a\n  use: a.b [1]", "invalid_action@2", "column 12")]
#[case::bad_json("- [ ] T001 a\n  use: a.b {\"x\": nope}", "invalid_action@2", "column 19")]
#[case::bad_below("- [ ] T001 a\n  use: a.b {\n    \"ä\": 1,\n  }", "invalid_action@4", "column 3")]
#[case::never_closed("- [ ] T001 a\n  use: a.b {\"x\": 1\n- [ ] T002 b", "invalid_action@2", "EOF")]
#[case::behind("- [ ] T001 a\n  use: a.b {} c", "invalid_action@2", "trailing characters")]
#[case::two("- [ ] T001 a\n  use: a.b\n  use: c.d", "second_action@3", "line 2")]
#[case::alone("use: a.b {}\n- [ ] T001 a", "action_without_task@1", "belongs to no task")]
#[case::twice("- [ ] T001 a\n\n- [x] T001 b", "duplicate_id@3", "line 1 and again in line 3")]
#[case::itself("- [ ] T001 a (depends on T001)", "self_dependency@1", "depends on itself")]
#[case::in_range("- [ ] T001 a (depends on T001-T004)", "self_dependency@1", "itself")]
#[case::own("- [ ] T001 a\n  use: a.b {\"x\": \"{T001.y}\"}", "self_dependency@2", "own result")]
#[case::all(
    "- [ ] T001 a (depends on T001)\n  use: x\n- [ ] T001 b",
    "self_dependency@1 invalid_action@2 duplicate_id@3",
    "line 2"
)]
fn mistakes(#[case] text: &str, #[case] expected: &str, #[case] says: &str) {
    let error = refusal(text);
    assert!(error.to_string().contains(says), "{error}");
    let OutlineError::Invalid(found) = error else {
        panic!("{error}");
    };
    assert_eq!(codes(&found), expected);
}

#[rstest]
#[case("{T001.files}", "T003<T001")]
#[case("{ T001 }", "T003<T001")]
#[case("{T001.n + T002.n}", "T003<T001 T003<T002")]
#[case("{tasks['T001'].x} {tasks[\"T002\"]}", "T003<T001 T003<T002")]
#[case("tasks['T001'].ok", "T003<T001")]
#[case("{{T001}}", "")]
#[case("{T0011} {T001x} {x.T001}", "")]
#[case("{'T001'}", "")]
#[case("{T009.x}", "")]
#[case("\\\\d{3} T001", "")]
#[case("{open T002 and {T001.x}", "T003<T001")]
fn results_used(#[case] template: &str, #[case] expected: &str) {
    let template = template.replace('"', "\\\"");
    let text = format!(
        "- [ ] T001 [P] a\n- [ ] T002 [P] b\n- [ ] T003 [P] c\n  use: x.y {{\"a\": [{{\"b\": \"{template}\"}}]}}"
    );
    assert_eq!(edges(&read(&text).plan, Origin::Inferred), expected);
}

#[test]
fn explicit_beats_inferred() {
    let plan = read("- [ ] T001 a\n- [ ] T002 b (depends on T001)\n  use: x.y {\"a\": \"{T001.b}\"}").plan;
    assert_eq!(edges(&plan, Origin::Explicit), "T002<T001");
    assert_eq!(plan.dependencies.len(), 1);
}

#[rstest]
#[case::unknown("- [ ] T001 a (depends on T007)", "unknown_dependency@1", 1)]
#[case::unknown_end("- [ ] T001 [P] a\n- [ ] T002 b (depends on T001-T007)", "", 0)]
#[case::generated("- [ ] a\n- [x] b", "generated_keys@1", 2)]
#[case::mixed("- [ ] T005 a\n- [ ] b", "missing_id@2", 2)]
#[case::nested("- [ ] T005 a\n  - [ ] b", "", 1)]
#[case::between("- [~] T001 a", "mark_in_between@1", 1)]
#[case::dropped("- [-] T001 a", "", 1)]
#[case::ticked("- [✓] T001 a", "unusual_checkbox@1", 1)]
#[case::odd("- [>] T001 a", "unusual_checkbox@1", 1)]
#[case::notes("- [ ] T001 a\n## Notes\n- [ ] remember", "checkbox_ignored@3", 1)]
#[case::repeated("- [ ] T001 a\n## Parallel Example\n- [ ] T001 a\n- [ ] T002 b", "", 2)]
#[case::unclosed("- [ ] T001 a\n```\n- [ ] T002 b", "unclosed_fence@2", 1)]
#[case::fence_in_item("- [ ] T001 a\n  ```\n  x\n- [ ] T002 b", "", 2)]
#[case::tilde("~~~\n- [ ] T001 a\n```\n~~~\n- [ ] T002 b", "", 1)]
#[case::table("| - [ ] T001 a |\n- [ ] T002 b", "", 1)]
#[case::comment("- [ ] T001 a <!-- b\n- [ ] T002 c\n--> \n- [ ] T003 d", "", 2)]
#[case::open_comment("- [ ] T001 a <!-- b\n- [ ] T002 c", "", 2)]
#[case::code_comment("- [ ] T001 drop `<!--` marks\n- [ ] T002 c -->", "", 2)]
#[case::links("- [link](a.md)\n- [ ] T001 a\n- [P] means parallel", "", 1)]
fn choices(#[case] text: &str, #[case] expected: &str, #[case] tasks: usize) {
    if tasks == 0 {
        // The range covers the task itself: an error that wins over the unknown end.
        assert_eq!(refusal(text).code(), "invalid_plan");
        return;
    }
    let outline = read(text);
    assert_eq!(findings(&outline), expected);
    assert_eq!(outline.plan.tasks.len(), tasks);
}

#[test]
fn ranges_take_what_lies_between() {
    let text = "- [ ] T001 a\n- [ ] T003 b\n- [ ] T003a c\n- [ ] T003.5 d\n- [ ] T004 e\n\
                - [ ] T009 f (depends on T003–T004, T006-T008)";
    let outline = read(text);
    assert_eq!(edges(&outline.plan, Origin::Explicit), "T009<T003 T009<T003a T009<T003.5 T009<T004");
    assert_eq!(findings(&outline), "unknown_dependency@6 unknown_dependency@6");
}

#[test]
fn generated_keys_do_not_collide() {
    let plan = read("- [ ] first\n- [ ] T002 second\n- [ ] third").plan;
    let keys: Vec<&str> = plan.tasks.iter().filter_map(|task| task.key.as_deref()).collect();
    assert_eq!(keys, ["T003", "T002", "T004"]);
}

#[test]
fn a_title_that_is_too_long_moves_to_the_description() {
    let long = "word ".repeat(200);
    let outline = read(&format!("- [ ] T001 {long}\n  more"));
    let task = &outline.plan.tasks[0];
    assert!(task.title.chars().count() <= 500 && task.title.ends_with("word…"));
    assert_eq!(task.description, format!("{}\nmore", long.trim()));
    assert_eq!(findings(&outline), "title_shortened@1");
}

#[rstest]
#[case("# Tasks: Boat\n- [ ] a", Some("Boat"))]
#[case("# PLAN: Boat\n- [ ] a", Some("Boat"))]
#[case("# Boat #\n# Other\n- [ ] a", Some("Boat"))]
#[case("---\ntitle: \"Ship\"\n---\n# Boat\n- [ ] a", Some("Ship"))]
#[case("---\nno end\n# Boat\n- [ ] a", Some("Boat"))]
#[case("\u{feff}# Boat\n- [ ] a", Some("Boat"))]
#[case("- [ ] a", None)]
fn titles(#[case] text: &str, #[case] expected: Option<&str>) {
    assert_eq!(read(text).plan.title.as_deref(), expected);
}
