//! What tools declare, and whether they keep to it.

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::*;

#[test]
fn parameters_are_checked_before_running() {
    let tools = BuiltinTools::new();
    let problems = |name: &str, parameters: Value| -> Vec<String> {
        let (tool, operation) = name.split_once('.').expect("tool.operation");
        let problems = tools.check(tool, operation, &parameters);
        problems.into_iter().map(|problem| format!("{} {}", problem.path, problem.code)).collect()
    };
    let none: [&str; 0] = [];
    for (name, parameters) in [
        ("file.list", json!({})),
        ("file.list", json!({"paths": "{T001.matches}"})),
        ("file.list", json!({"paths": [{"path": "a", "matches": "{T001}"}], "base": "{T002}"})),
        ("file.list", json!({"path": "docs", "glob": "{T001.glob}"})),
        ("file.read", json!({"paths": "{T001.files}"})),
        ("file.write", json!({"path": "../{T001.name}", "content": "{T002}"})),
        ("text.stats", json!({"texts": ["{a}", {"text": "{b}"}]})),
        ("text.match", json!({"text": "x", "pattern": r"\d{3}[{]"})),
        ("text.match", json!({"text": "{T001}", "pattern": "({x}"})),
        ("json.query", json!({"value": 1, "path": "a[{x}"})),
        ("time.sleep", json!({"seconds": "{T001}"})),
        ("time.now", json!({})),
    ] {
        assert_eq!(problems(name, parameters.clone()), none, "{name} {parameters}");
    }
    for (name, parameters, expected) in [
        ("file.shred", json!({}), "tool parameter"),
        ("file.read", json!({}), "parameters.path parameter_missing"),
        ("file.read", json!({"path": "a", "paths": []}), "parameters.paths parameter_invalid"),
        ("file.read", json!({"file": "{x}", "path": "a"}), "parameters.file parameter_unknown"),
        ("file.read", json!({"paths": ["a", 1]}), "parameters.paths[1] parameter_invalid"),
        ("file.read", json!({"paths": ["a", "/b"]}), "parameters.paths[1] parameter_invalid"),
        ("file.read", json!([]), "parameters parameter_invalid"),
        ("file.write", json!({"path": "a"}), "parameters.content parameter_missing"),
        ("file.write", json!({"path": "../a", "content": ""}), "parameters.path parameter_invalid"),
        ("file.list", json!({"path": "a", "paths": []}), "parameters.paths parameter_invalid"),
        ("file.list", json!({"glob": "[a"}), "parameters.glob parameter_invalid"),
        ("file.list", json!({"base": "a"}), "parameters.base parameter_invalid"),
        ("text.match", json!({"text": "", "pattern": "("}), "parameters.pattern parameter_invalid"),
        ("text.stats", json!({"texts": [{"path": "a"}]}), "parameters.texts[0] parameter_invalid"),
        ("json.query", json!({"value": 1, "path": "a["}), "parameters.path parameter_invalid"),
        ("time.sleep", json!({"seconds": -1}), "parameters.seconds parameter_invalid"),
        ("time.now", json!({"zone": "UTC"}), "parameters.zone parameter_unknown"),
    ] {
        let expected = if name == "file.shred" { "tool tool_unavailable" } else { expected };
        assert_eq!(problems(name, parameters.clone()), [expected], "{name} {parameters}");
    }
}

#[test]
fn result_paths_are_checked() {
    let tools = BuiltinTools::new();
    let check = |name: &str, path: &[&str]| {
        let (tool, operation) = name.split_once('.').expect("tool.operation");
        let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
        tools.check_result_path(tool, operation, &path)
    };
    for (name, path) in [
        ("file.list", &["files"][..]),
        ("file.list", &["files", "0"]),
        ("file.list", &["broken", "0", "link"]),
        ("file.list", &[]),
        ("file.read", &["text"]),
        ("file.read", &["0", "text"]),
        ("json.query", &["anything", "3"]),
        ("shell.run", &["x"]),
    ] {
        assert_eq!(check(name, path), None, "{name} {path:?}");
    }
    for (name, path) in [
        ("file.list", &["filez"][..]),
        ("file.list", &["files", "name"]),
        ("file.list", &["files", "0", "name"]),
        ("file.read", &["texts"]),
        ("text.render", &["x"]),
        ("time.now", &["now", "x"]),
    ] {
        assert!(check(name, path).is_some(), "{name} {path:?}");
    }
    assert_eq!(
        check("file.list", &["filez"]).as_deref(),
        Some("`file.list`: the result has no `filez`; there is: broken, files, missing")
    );
}

#[test]
fn declarations_are_sound() {
    let tools = BuiltinTools::new();
    let names: Vec<String> =
        tools.all().iter().map(|declared| format!("{}.{}", declared.tool, declared.operation)).collect();
    assert!(names.is_sorted());
    assert_eq!(names.len(), 13);
    for registered in tools.operations.values() {
        let declared = &registered.operation;
        assert!(registered.validator.is_some(), "{}", declared.operation);
        assert!(jsonschema::validator_for(&declared.result).is_ok(), "{}", declared.operation);
        assert_eq!(declared.parameters["type"], "object");
    }
    assert_eq!(tools.find("file", "append").map(|declared| declared.effect), Some(Effect::Irreversible));
    assert!(tools.find("file", "shred").is_none());
}

#[test]
fn results_have_the_declared_form() {
    let folder = folder(&[("a.md", "[x](b.md)")]);
    let tools = BuiltinTools::new();
    for (name, parameters) in [
        ("file.list", json!({})),
        ("file.list", json!({"paths": [{"path": "a.md", "matches": ["b.md"]}, "a.md"]})),
        ("file.read", json!({"path": "a.md"})),
        ("file.read", json!({"paths": ["a.md"]})),
        ("file.write", json!({"path": "w", "content": "x"})),
        ("text.stats", json!({"texts": ["x", {"path": "p", "text": "y"}]})),
        ("text.match", json!({"text": "x", "pattern": "."})),
        ("text.render", json!({"template": "x"})),
        ("time.now", json!({})),
    ] {
        let (tool, operation) = name.split_once('.').expect("tool.operation");
        let schema = &tools.find(tool, operation).expect("registered").result;
        let answer = result(folder.path(), name, parameters);
        assert!(jsonschema::is_valid(schema, &answer), "{name}: {answer}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!("GET")),
        Just(json!("http://127.1/")),
        "\\PC{0,8}|[./a*\\[{(\\\\\\x00]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(parameter_name(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn parameter_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "path", "paths", "glob", "base", "content", "text", "texts", "pattern", "template", "value",
        "seconds", "matches", "method", "url", "headers", "json", "timeout", "other",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn nothing_panics(which in any::<prop::sample::Index>(), parameters in any_json()) {
        let folder = TempDir::new().expect("a folder");
        let tools = BuiltinTools::new();
        let declared = *which.get(&tools.all());
        let name = format!("{}.{}", declared.tool, declared.operation);
        let problems = tools.check(&declared.tool, &declared.operation, &parameters);
        let outcome = call(folder.path(), &name, parameters.clone());
        if let Err(failure) = &outcome {
            prop_assert!(failure.kind != "ToolCrashed", "{name} {parameters}: {failure:?}");
        } else {
            prop_assert!(problems.is_empty(), "{name} {parameters}: {problems:?}");
        }
    }
}
