//! What is said about bodies: which are closed, and which numbers fit.

use serde_json::{Map, Value, json};

/// A body that is read has no unknown fields, and null in a field that may be missing is the same as missing. Closes
/// every schema that a body is made of.
pub(super) fn close(document: &mut Value, mut read: Vec<String>) {
    while let Some(reference) = read.pop() {
        if let Some(schema) = document.pointer_mut(reference.trim_start_matches('#')) {
            read.extend(close_one(schema));
        }
    }
}

/// Gives the schemas that this one refers to.
fn close_one(schema: &mut Value) -> Vec<String> {
    if schema["type"] != "object" || schema.get("additionalProperties").is_some() {
        return Vec::new();
    }
    schema["additionalProperties"] = json!(false);
    let required: Vec<Value> = schema["required"].as_array().cloned().unwrap_or_default();
    let mut references = Vec::new();
    let properties = schema["properties"].as_object_mut();
    for (name, property) in properties.into_iter().flatten() {
        let reference =
            property.pointer("/$ref").or(property.pointer("/allOf/0/$ref")).and_then(Value::as_str);
        references.extend(reference.map(str::to_owned));
        if required.iter().any(|one| one == name.as_str()) {
            continue;
        }
        if let Some(reference) = property.get("$ref").cloned() {
            *property = json!({"allOf": [{"$ref": reference}]});
        }
        if property.get("type").is_some() || property.get("allOf").is_some() {
            property["nullable"] = json!(true);
        }
    }
    references
}

/// Where a field refers to a schema, the framework writes its description into a second part of an `allOf`, which
/// generators take for a second schema.
pub(super) fn join_descriptions(schemas: &mut Value) {
    let schemas = schemas.as_object_mut().into_iter().flat_map(Map::values_mut);
    let properties = schemas.filter_map(|schema| schema.get_mut("properties")?.as_object_mut());
    for property in properties.flat_map(Map::values_mut) {
        let Some(parts) = property.get_mut("allOf").and_then(Value::as_array_mut) else { continue };
        let described = parts.iter().position(|part| part.get("$ref").is_none());
        if let Some(Value::Object(described)) = described.map(|index| parts.remove(index)) {
            for (name, value) in described {
                property[name] = value;
            }
        }
    }
}

/// `nullable` counts only beside a type, so beside a reference it says nothing to those who read the standard by its
/// letter. Either the one or null: every tool understands that.
pub(super) fn spell_null(value: &mut Value) {
    match value {
        Value::Object(fields) if fields.contains_key("allOf") && fields.contains_key("nullable") => {
            fields.remove("nullable");
            if let Some(Value::Array(mut parts)) = fields.remove("allOf") {
                parts.push(json!({"type": "string", "nullable": true, "enum": [null]}));
                fields.insert("oneOf".to_owned(), Value::Array(parts));
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(spell_null),
        Value::Array(items) => items.iter_mut().for_each(spell_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Writes the formats of whole numbers as other programs know them: with two names and with bounds.
pub(super) fn spell_numbers(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let (format, least, most) = match fields.get("format").and_then(Value::as_str) {
                Some("uint8") => ("int32", json!(0), Some(json!(u8::MAX))),
                Some("uint16") => ("int32", json!(0), Some(json!(u16::MAX))),
                Some("uint32") => ("int64", json!(0), Some(json!(u32::MAX))),
                Some("uint64") => ("int64", json!(0), None),
                Some("int32") => ("int32", json!(i32::MIN), Some(json!(i32::MAX))),
                _ => {
                    fields.values_mut().for_each(spell_numbers);
                    return;
                }
            };
            fields.insert("format".to_owned(), json!(format));
            fields.entry("minimum").or_insert(least);
            if let Some(most) = most {
                fields.entry("maximum").or_insert(most);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(spell_numbers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_with_a_description_is_one_part() {
        let status = json!({"allOf": [{"$ref": "#/s/Status"}, {"description": "Where it stands."}]});
        let mut schemas = json!({"Goal": {"properties": {"status": status}}});
        join_descriptions(&mut schemas);
        let joined = json!({"allOf": [{"$ref": "#/s/Status"}], "description": "Where it stands."});
        assert_eq!(schemas["Goal"]["properties"]["status"], joined);
    }

    #[test]
    fn a_reference_or_null_is_one_of_both() {
        let mut property = json!({"nullable": true, "description": "Who.", "allOf": [{"$ref": "#/s/Agent"}]});
        spell_null(&mut property);
        let nobody = json!({"type": "string", "nullable": true, "enum": [null]});
        assert_eq!(property, json!({"description": "Who.", "oneOf": [{"$ref": "#/s/Agent"}, nobody]}));
    }

    #[test]
    fn numbers_keep_their_own_bounds() {
        let mut schema = json!({"items": [{"type": "integer", "format": "uint32", "minimum": 1}]});
        spell_numbers(&mut schema);
        let spelled = json!({"type": "integer", "format": "int64", "minimum": 1, "maximum": u32::MAX});
        assert_eq!(schema["items"][0], spelled);
    }
}
