//! Whether a result is of the form that a task asks for.

use goalwright_domain::Violation;
use serde_json::Value;

/// So many problems of a result are told.
const MOST: usize = 50;
/// The most characters of what a problem quotes.
const QUOTED: usize = 300;

/// What is wrong with a result; nothing if it holds, or no form is asked for.
pub(super) fn problems(schema: Option<&Value>, result: &Value) -> Vec<String> {
    let Some(schema) = schema else { return Vec::new() };
    match jsonschema::validator_for(schema) {
        Ok(validator) => validator
            .iter_errors(result)
            .take(MOST)
            .map(|error| {
                let path = error.instance_path().to_string();
                let path = if path.is_empty() { "the result" } else { path.as_str() };
                format!("{path}: {}", quoted(&error.to_string()))
            })
            .collect(),
        Err(error) => vec![format!("the task's output schema is none: {}", quoted(&error.to_string()))],
    }
}

/// What is wrong with a form that somebody asks for.
pub(crate) fn unsound(path: &str, schema: &Value) -> Option<Violation> {
    let error = match jsonschema::validator_for(schema) {
        Ok(_) if schema.is_object() => return None,
        Ok(_) => "it is no object".to_owned(),
        Err(error) => quoted(&error.to_string()),
    };
    let message = format!("not a JSON Schema: {error}; references to other documents are not followed");
    Some(Violation::new(path, "invalid_schema", message))
}

fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

/// The schema as a part of another one: what it refers to within itself moves to the top.
pub(super) fn nested(schema: &Value, root: &mut Value) -> Value {
    let mut part = schema.clone();
    rebase(&mut part);
    if let Some(fields) = part.as_object_mut() {
        fields.remove("$schema");
        fields.remove("$id");
        for shared in ["$defs", "definitions"] {
            if let Some(definitions) = fields.remove(shared) {
                root[shared] = definitions;
            }
        }
    }
    part
}

/// What refers to a place in the schema refers to that place where the schema stands from now on, as `result`.
fn rebase(part: &mut Value) {
    match part {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get_mut("$ref")
                && let Some(place) = reference.strip_prefix('#')
                && !place.starts_with("/$defs/")
                && !place.starts_with("/definitions/")
                && (place.is_empty() || place.starts_with('/'))
            {
                *reference = format!("#/properties/result{place}");
            }
            fields.values_mut().for_each(rebase);
        }
        Value::Array(items) => items.iter_mut().for_each(rebase),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_problem_of_a_result_is_told_with_its_place() {
        let schema = json!({
            "type": "object", "required": ["city", "days"], "additionalProperties": false,
            "properties": {"city": {"type": "string"}, "days": {"type": "array", "items": {"$ref": "#/$defs/day"}}},
            "$defs": {"day": {"type": "integer", "minimum": 1}},
        });
        assert!(problems(Some(&schema), &json!({"city": "York", "days": [1, 2]})).is_empty());
        assert!(problems(None, &json!(null)).is_empty());
        let told = problems(Some(&schema), &json!({"city": 7, "days": [1, 0, "x"], "more": true}));
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told.iter().any(|one| one.starts_with("/days/1: 0 is less than")), "{told:?}");
        assert!(problems(Some(&schema), &json!("text"))[0].starts_with("the result: "));
    }

    #[test]
    fn what_is_no_schema_is_said_to_be_none() {
        assert!(unsound("action.output_schema", &json!({"type": "object"})).is_none());
        for wrong in [
            json!({"type": "objekt"}),
            json!("object"),
            json!(true),
            json!({"$ref": "https://example.org/s"}),
        ] {
            let violation = unsound("action.output_schema", &wrong).expect("a violation");
            assert_eq!(violation.path, "action.output_schema");
        }
    }

    #[test]
    fn a_schema_inside_of_another_one_keeps_what_it_refers_to() {
        let schema = json!({"$schema": "x", "type": "object", "properties": {"a": {"$ref": "#/$defs/a"}},
                            "$defs": {"a": {"type": "integer"}}});
        let mut root = json!({"type": "object"});
        root["properties"] = json!({"result": nested(&schema, &mut root)});
        assert!(problems(Some(&root), &json!({"result": {"a": 1}})).is_empty());
        assert_eq!(problems(Some(&root), &json!({"result": {"a": "x"}})).len(), 1);
        let tree = json!({"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string"}, "same": {"$ref": "#/properties/name"}, "children": {"type": "array", "items": {"$ref": "#"}},
        }});
        let mut root = json!({"type": "object"});
        root["properties"] = json!({"result": nested(&tree, &mut root)});
        let fine = json!({"result": {"name": "a", "same": "b", "children": [{"name": "c"}]}});
        assert_eq!(problems(Some(&root), &fine), Vec::<String>::new());
        assert_eq!(
            problems(Some(&root), &json!({"result": {"name": "a", "same": 1, "children": [{}]}})).len(),
            2
        );
    }
}
