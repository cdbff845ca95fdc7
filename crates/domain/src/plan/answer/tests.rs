use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::plan::{Limits, Origin, validate};

fn task(key: &str, title: &str, depends_on: &[&str]) -> Value {
    json!({
        "key": key, "title": title, "description": "d", "task_type": "general", "estimate_minutes": 30, "complexity": 3,
        "complexity_reason": "r", "labels": ["US1"], "parallel": true, "depends_on": depends_on, "use": null,
    })
}

fn codes(text: &str) -> Vec<(String, &'static str)> {
    read_answer(text, &[]).problems.into_iter().map(|problem| (problem.path, problem.code)).collect()
}

#[test]
fn everything_of_an_answer_arrives_in_the_plan() {
    let mut second = task("T002", "Bake", &["T001"]);
    second["use"] = json!({"tool": "file.write", "parameters": "{\"path\": \"a\", \"content\": \"{T001}\"}"});
    let answer = json!({"tasks": [task("T001", " Knead ", &[]), second]}).to_string();
    let Answered { plan, problems } = read_answer(&answer, &[]);
    assert_eq!(problems, []);
    let first = &plan.tasks[0];
    assert_eq!((first.key.as_deref(), first.title.as_str(), first.parallel), (Some("T001"), "Knead", true));
    assert_eq!((first.estimate_minutes, first.complexity), (Some(30), Some(3)));
    assert_eq!(
        (first.complexity_reason.as_deref(), first.labels.as_slice()),
        (Some("r"), &["US1".to_owned()][..])
    );
    let action = plan.tasks[1].action.as_ref().expect("an action");
    assert_eq!((action.tool.as_str(), action.operation.as_str()), ("file", "write"));
    assert_eq!(action.parameters, json!({"path": "a", "content": "{T001}"}));
    let edge = &plan.dependencies[0];
    assert_eq!((edge.from_index, edge.to_index, edge.origin), (1, 0, Origin::Explicit));
}

#[test]
fn fences_and_words_around_it_change_nothing() {
    let bare = json!({"tasks": [task("T001", "Use ``` and {braces}", &[])]}).to_string();
    let expected = read_answer(&bare, &[]);
    assert_eq!(expected.problems, []);
    for text in [
        format!("```json\n{bare}\n```"),
        format!("Here is the plan:\n\n```\n{bare}\n```\nGood luck!"),
        format!("  {bare}\n\nThat is all."),
        format!("```json\n{bare}"),
        json!([task("T001", "Use ``` and {braces}", &[])]).to_string(),
    ] {
        assert_eq!(read_answer(&text, &[]), expected, "{text}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let answer = json!({"steps": [], "tasks": [
        {"key": "T001", "title": 7, "complexity": 11, "estimate_minutes": -1, "depends_on": ["T009", 3], "colour": "red"},
        "Bake",
        {"title": "No key", "parallel": "yes", "labels": "US1", "use": {"tool": "file", "parameters": "{}"}},
        {"key": "T003", "title": "Odd", "use": {"tool": "file.read", "parameters": "[1]"}},
    ]})
    .to_string();
    let mut expected = [
        ("steps", "unknown_field"),
        ("tasks[0].colour", "unknown_field"),
        ("tasks[0].title", "wrong_type"),
        ("tasks[0].complexity", "out_of_range"),
        ("tasks[0].estimate_minutes", "out_of_range"),
        ("tasks[0].depends_on[1]", "wrong_type"),
        ("tasks[0].depends_on[0]", "unknown_dependency"),
        ("tasks[1]", "wrong_type"),
        ("tasks[2].key", "missing_field"),
        ("tasks[2].parallel", "wrong_type"),
        ("tasks[2].labels", "wrong_type"),
        ("tasks[2].use.tool", "invalid_action"),
        ("tasks[3].use.parameters", "invalid_action"),
    ]
    .map(|(path, code)| (path.to_owned(), code));
    let mut found = codes(&answer);
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    for (text, code) in [
        ("", "not_json"),
        ("I cannot do that.", "not_json"),
        ("{\"tasks\": [{\"key\": \"T001\"", "not_json"),
        ("7", "not_json"),
        ("{\"tasks\": []} {\"tasks\": []}", "not_json"),
        ("[7]", "wrong_type"),
        ("{}", "missing_field"),
        ("{\"tasks\": {}}", "wrong_type"),
        ("{\"tasks\": []}", "no_tasks"),
    ] {
        assert_eq!(codes(text).first().map(|(_, code)| *code), Some(code), "{text}");
    }
}

#[test]
fn what_no_database_could_keep_is_a_problem_without_it() {
    let mut deep = json!("x");
    for _ in 0..70 {
        deep = json!([deep]);
    }
    for parameters in [json!({"path": deep}).to_string(), json!({"path": "a\u{0}b"}).to_string()] {
        let mut one = task("T001", "Read", &[]);
        one["use"] = json!({"tool": "file.read", "parameters": parameters});
        let found = codes(&json!({"tasks": [one]}).to_string());
        assert_eq!(found, [("tasks[0].use.parameters".to_owned(), "invalid_action")]);
    }
    let mut odd = task("T001", "Odd", &["T\u{0}2"]);
    odd["a\u{0}"] = json!(1);
    for problem in read_answer(&json!({"tasks": [odd]}).to_string(), &[]).problems {
        assert!(!problem.path.contains('\0') && !problem.message.contains('\0'), "{problem:?}");
    }
    let many: Vec<Value> = (0..10_001).map(|_| json!(1)).collect();
    assert_eq!(codes(&json!(many).to_string()), [("tasks".to_owned(), "too_many_tasks")]);
}

#[test]
fn an_answer_in_parts_is_one_plan() {
    let whole = json!({"tasks": [task("T001", "A", &[]), task("T002", "B", &["T001"]), task("T003", "C", &["T002"])]});
    let text = whole.to_string();
    let cut = &text[..text.find("\"C\"").expect("there")];
    let part = complete_tasks(cut);
    assert_eq!(part.tasks.len(), 2);
    let rest = json!({"tasks": [task("T003", "C", &["T002"])]}).to_string();
    let joined = read_answer(&rest, &part.tasks);
    assert_eq!(joined, read_answer(&text, &[]));
    assert_eq!(complete_tasks("").tasks, Vec::<Value>::new());
    assert_eq!(complete_tasks("{\"tasks\": [{\"key\":").tasks, Vec::<Value>::new());
}

proptest! {
    #[test]
    fn wherever_an_answer_is_cut_only_whole_tasks_are_kept(cut in any::<prop::sample::Index>(), titles in prop::collection::vec(".{0,12}", 0..5)) {
        let tasks: Vec<Value> = titles.iter().enumerate().map(|(at, title)| task(&format!("T{at}"), title, &[])).collect();
        let text = json!({"tasks": tasks}).to_string();
        let mut end = cut.index(text.len() + 1);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let part = complete_tasks(&text[..end]);
        prop_assert!(part.tasks.len() <= tasks.len());
        prop_assert_eq!(&part.tasks[..], &tasks[..part.tasks.len()]);
    }

    #[test]
    fn no_answer_panics_and_none_without_problems_loses_a_task_or_an_edge(text in "[\\[\\]{}\",:a-z0-9` \\n]{0,60}", known in any::<bool>()) {
        let _ = complete_tasks(&text);
        let _ = read_answer(&text, &[]);
        let edge = if known { "T0" } else { "T7" };
        let answer = json!({"tasks": [task("T0", &text, &[]), task("T1", "b", &[edge])]}).to_string();
        let Answered { plan, problems } = read_answer(&answer, &[]);
        prop_assert_eq!(problems.is_empty(), known);
        prop_assert_eq!(plan.tasks.len(), 2);
        prop_assert_eq!(plan.dependencies.len(), usize::from(known));
        if validate(&plan, &Limits::IMPORT).is_ok() {
            prop_assert!(!plan.tasks[0].title.is_empty());
        }
    }
}
