//! Templates: text with holes.

use goalwright_domain::template::{self, Inspection, Limits, Scope, TemplateError, inspect, resolve};
use serde_json::{Value, json};

use crate::{cost, is_code};

/// Small enough that the fuzzer finds the limits.
const LIMITS: Limits =
    Limits { max_input_bytes: 64 * 1024, max_output_bytes: 64 * 1024, fuel: 20_000, max_depth: 24 };

/// Resolves the text, and the value if the text is JSON, and checks what came out.
///
/// # Panics
/// If a law is broken.
pub fn check(text: &str) {
    let string = Value::from(text);
    let inspection = check_value(&string);
    for hole in &inspection.holes {
        assert_eq!(hole.path, "parameters");
        assert!(text.contains(hole.expression.as_str()), "{hole:?} is a part of the text");
        assert!(!hole.whole || inspection.holes.len() == 1, "{hole:?} is all of the text");
    }
    if !text.contains(['{', '}']) {
        assert!(inspection.holes.is_empty() && inspection.warnings.is_empty(), "{inspection:?}");
        assert_eq!(resolve(&string, &scope(), &LIMITS), Ok(string), "text without holes is the text");
    }
    let escaped = Value::from(template::escape(text));
    assert_eq!(inspect(&escaped), Inspection::default(), "text that was escaped has no holes");
    let resolved = resolve(&escaped, &scope(), &LIMITS);
    if text.len() < LIMITS.max_output_bytes / 2 {
        assert_eq!(resolved, Ok(Value::from(text)), "text that was escaped resolves to itself");
    }
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        check_value(&value);
    }
}

fn check_value(value: &Value) -> Inspection {
    let scope = scope();
    let bytes = value.to_string().len();
    let inspection = cost::bounded(bytes, || inspect(value));
    assert_eq!(inspection, inspect(value), "the same value is inspected in the same way");
    for warning in &inspection.warnings {
        assert!(is_code(warning.code) && warning.path.starts_with("parameters"), "{warning:?}");
    }
    let resolved = resolve(value, &scope, &LIMITS);
    assert_eq!(resolved, resolve(value, &scope, &LIMITS), "the same value is resolved in the same way");
    let names = scope.names();
    let stranger =
        inspection.references().find(|(_, name)| !name.through_tasks && !names.contains(&name.root));
    match resolved {
        Ok(resolved) => {
            assert!(stranger.is_none(), "{stranger:?} has no value, and yet there is {resolved}");
            check_size(value, &resolved);
        }
        Err(error) => check_error(&error),
    }
    inspection
}

fn check_size(value: &Value, resolved: &Value) {
    // What stands outside of holes costs nothing; a character in JSON takes six bytes at most.
    let (given, made) = (value.to_string().len(), resolved.to_string().len());
    assert!(made <= 6 * (given + LIMITS.max_output_bytes), "{made} bytes were made of {given}");
}

/// What holds for every error of a template.
///
/// # Panics
/// If it does not.
pub fn check_error(error: &TemplateError) {
    assert!(is_code(error.code()), "{error:?}");
    assert!(error.at().starts_with("parameters"), "{error:?}");
    assert!(error.to_string().starts_with(error.at()), "{error} begins with its place");
}

/// Names of every type that results have.
pub fn scope() -> Scope {
    let mut scope = Scope::new();
    scope.bind("n", json!(7));
    scope.bind("f", json!(2.5));
    scope.bind("s", json!("some text, {not} a hole"));
    scope.bind("b", json!(true));
    scope.bind("z", Value::Null);
    scope.bind("list", json!([3, 1, 2, "four", null, [5]]));
    scope.bind_task(
        "T001",
        json!({"files": [{"path": "a.md", "words": 3}, {"path": "b.md", "words": 5}], "n": 1}),
    );
    scope.bind_task("1.2", json!({"text": "x", "deep": {"a": {"b": {"c": [1, 2, 3]}}}}));
    scope
}

/// The limits that the targets resolve under.
pub fn limits() -> Limits {
    LIMITS
}
