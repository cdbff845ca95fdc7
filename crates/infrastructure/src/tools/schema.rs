//! What schemas say about parameters with holes, and about paths into results.

use goalwright_application::ports::tools::ParameterProblem;
use goalwright_domain::template::{inspect, is_name};
use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value};

use super::failure::shortened;
use super::operation::Registered;

/// Every problem of parameters that can be known before their holes are filled. With `filled`, they are: then
/// a brace is only a brace.
pub(super) fn check(registered: &Registered, parameters: &Value, filled: bool) -> Vec<ParameterProblem> {
    let Some(object) = parameters.as_object() else {
        let name = format!("{}.{}", registered.operation.tool, registered.operation.operation);
        let message = format!("`{name}` takes a JSON object, such as {}", example(registered));
        return vec![problem("parameters".to_owned(), "parameter_invalid", message)];
    };
    let has_hole = |value: &Value| !filled && !inspect(value).holes.is_empty();
    let mut problems = check_forms(registered, object);
    let known = properties(registered);
    for name in object.keys().filter(|name| known.is_none_or(|known| !known.contains_key(*name))) {
        let message =
            format!("there is no parameter `{}`; there are: {}", shortened(name), names(registered));
        problems.push(problem(format!("parameters{}", step(name)), "parameter_unknown", message));
    }
    for error in registered.validator.iter().flat_map(|validator| validator.iter_errors(parameters)) {
        let path = location(parameters, error.instance_path().as_str());
        let (code, message) = match error.kind() {
            // What was said of forms and names already says it better.
            ValidationErrorKind::OneOfNotValid { .. }
            | ValidationErrorKind::OneOfMultipleValid { .. }
            | ValidationErrorKind::AdditionalProperties { .. }
            | ValidationErrorKind::FalseSchema
                if path == "parameters" =>
            {
                continue;
            }
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                let message = format!("`{name}` is missing{}", described(registered, name));
                problems.push(problem(format!("{path}{}", step(name)), "parameter_missing", message));
                continue;
            }
            _ if has_hole(error.instance()) => continue,
            ValidationErrorKind::AnyOf { .. } => {
                ("parameter_invalid", "the value has none of the forms that are accepted here".to_owned())
            }
            _ => ("parameter_invalid", error.masked_with("the value").to_string()),
        };
        problems.push(problem(path, code, message));
    }
    // A value of the wrong type has been told of; what it says is not looked at.
    let lints = if problems.is_empty() { (registered.lint)(parameters) } else { Vec::new() };
    problems.extend(lints.into_iter().filter_map(|(pointer, failure)| {
        let value = parameters.pointer(&pointer).unwrap_or(&Value::Null);
        (!has_hole(value))
            .then(|| problem(location(parameters, &pointer), "parameter_invalid", failure.message))
    }));
    problems
}

fn check_forms(registered: &Registered, object: &Map<String, Value>) -> Vec<ParameterProblem> {
    let forms = registered.forms;
    let given: Vec<&&[&str]> =
        forms.iter().filter(|form| form.iter().any(|name| object.contains_key(*name))).collect();
    let listed = |forms: &mut dyn Iterator<Item = &&[&str]>| {
        let names: Vec<String> = forms.map(|form| format!("`{}`", form.join("`, `"))).collect();
        names.join(" or ")
    };
    // A form without names may be left out altogether.
    if given.is_empty() && !forms.is_empty() && forms.iter().all(|form| !form.is_empty()) {
        let first = forms[0][0];
        let message = format!("{} is missing", listed(&mut forms.iter()));
        return vec![problem(format!("parameters.{first}"), "parameter_missing", message)];
    }
    if given.len() > 1 {
        let extra = given[1].iter().find(|name| object.contains_key(**name)).unwrap_or(&"");
        let message = format!(
            "{} do not go together; keep one",
            listed(&mut given.iter().copied()).replace(" or ", " and ")
        );
        return vec![problem(format!("parameters.{extra}"), "parameter_invalid", message)];
    }
    Vec::new()
}

fn problem(path: String, code: &str, message: String) -> ParameterProblem {
    ParameterProblem { path, code: code.to_owned(), message }
}

fn properties(registered: &Registered) -> Option<&Map<String, Value>> {
    registered.operation.parameters.get("properties")?.as_object()
}

fn names(registered: &Registered) -> String {
    let names: Vec<&str> =
        properties(registered).into_iter().flat_map(Map::keys).map(String::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn described(registered: &Registered, name: &str) -> String {
    let description = properties(registered)
        .and_then(|properties| properties.get(name)?.get("description")?.as_str())
        .map(|description| description.replace('\n', " "));
    description.map_or_else(String::new, |description| format!(": {description}"))
}

fn example(registered: &Registered) -> String {
    let names = properties(registered).into_iter().flat_map(Map::keys);
    let pairs: Vec<String> = names.map(|name| format!("\"{name}\": …")).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// A JSON Pointer as a path from `parameters`.
fn location(parameters: &Value, pointer: &str) -> String {
    let mut path = "parameters".to_owned();
    let mut value = Some(parameters);
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if value.is_some_and(Value::is_array) {
            path.push_str(&format!("[{part}]"));
            value = value.and_then(|value| value.get(part.parse::<usize>().ok()?));
        } else {
            path.push_str(&step(&part));
            value = value.and_then(|value| value.get(&part));
        }
    }
    path
}

fn step(name: &str) -> String {
    if is_name(name) { format!(".{name}") } else { format!("['{}']", shortened(name)) }
}

/// Why a value of this schema cannot have this path; `None` when it can.
pub(super) fn rules_out(schema: &Value, path: &[String]) -> Option<String> {
    /// Deeper than any of our own; foreign schemas may refer to themselves.
    const MAX_DEPTH: usize = 32;

    fn possible(
        root: &Value,
        schema: &Value,
        path: &[String],
        depth: usize,
        known: &mut Vec<String>,
    ) -> bool {
        let Some((name, rest)) = path.split_first() else { return true };
        let Some(schema) = schema.as_object() else { return schema != &Value::Bool(false) };
        if depth == 0 {
            return true;
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let target = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
            return target.is_none_or(|target| possible(root, target, path, depth - 1, known));
        }
        for choice in ["anyOf", "oneOf"] {
            if let Some(choices) = schema.get(choice).and_then(Value::as_array) {
                let mut any = false;
                for choice in choices {
                    any |= possible(root, choice, path, depth - 1, known);
                }
                return any;
            }
        }
        let of_type = |wanted: &str| match schema.get("type") {
            Some(Value::String(kind)) => kind == wanted,
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == wanted),
            _ => true,
        };
        if of_type("array") && name.parse::<i64>().is_ok() {
            let items = schema.get("items").unwrap_or(&Value::Bool(true));
            return possible(root, items, rest, depth - 1, known);
        }
        if !of_type("object") {
            return false;
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return true };
        known.extend(properties.keys().cloned());
        match (properties.get(name), schema.get("additionalProperties")) {
            (Some(inner), _) => possible(root, inner, rest, depth - 1, known),
            (None, None | Some(Value::Bool(false))) => false,
            (None, Some(other)) => possible(root, other, rest, depth - 1, known),
        }
    }

    let mut known = Vec::new();
    if possible(schema, schema, path, MAX_DEPTH, &mut known) {
        return None;
    }
    known.sort();
    known.dedup();
    let has = if known.is_empty() {
        "it is a single value".to_owned()
    } else {
        format!("there is: {}", known.join(", "))
    };
    Some(format!("the result has no `{}`; {has}", path.join(".")))
}
