//! Checks a value against a schema of the document, and finds everything that is wrong with it.

use goalwright_domain::{Timestamp, Violation};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use serde_json::{Map, Value};
use uuid::Uuid;

/// What the whole body is called where a path is needed.
pub(crate) const ROOT: &str = "body";
/// More violations than these are not listed.
const MOST: usize = 100;

/// What is wrong with `value`: at most 100 violations, each with its path.
pub(crate) fn violations(value: &Value, schema: &MetaSchemaRef, registry: &Registry) -> Vec<Violation> {
    let mut check = Check { registry, found: Vec::new() };
    check.against(schema, value, "");
    check.texts(value, "");
    check.found.truncate(MOST);
    check.found
}

struct Check<'a> {
    registry: &'a Registry,
    found: Vec<Violation>,
}

impl Check<'_> {
    fn report(&mut self, path: &str, code: &str, message: impl Into<String>) {
        let path = if path.is_empty() { ROOT } else { path };
        self.found.push(Violation::new(path, code, message));
    }

    fn against(&mut self, schema: &MetaSchemaRef, value: &Value, path: &str) {
        if self.found.len() >= MOST {
            return;
        }
        let registry = self.registry;
        let schema: &MetaSchema = match schema {
            MetaSchemaRef::Inline(schema) => schema,
            MetaSchemaRef::Reference(name) => match registry.schemas.get(name) {
                Some(schema) => schema,
                None => return,
            },
        };
        if schema.nullable && value.is_null() {
            return;
        }
        for part in &schema.all_of {
            self.against(part, value, path);
        }
        match (schema.ty, value) {
            ("string", Value::String(text)) => self.text(schema, text, path),
            ("integer", Value::Number(number)) => self.integer(schema, number, path),
            ("array", Value::Array(items)) => {
                if let Some(of) = &schema.items {
                    for (index, item) in items.iter().enumerate() {
                        self.against(of, item, &format!("{path}[{index}]"));
                    }
                }
            }
            ("object", Value::Object(fields)) => self.object(schema, fields, path),
            ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) | ("", _) => {}
            (wanted, _) => self.report(path, "invalid_type", format!("expected {}", named(wanted))),
        }
    }

    fn text(&mut self, schema: &MetaSchema, text: &str, path: &str) {
        if !schema.enum_items.is_empty() && !schema.enum_items.iter().any(|word| word == text) {
            let words: Vec<&str> = schema.enum_items.iter().filter_map(Value::as_str).collect();
            self.report(path, "unknown_value", format!("expected one of {}", words.join(", ")));
        }
        let (sound, wanted) = match schema.format {
            Some("uuid") => (text.parse::<Uuid>().is_ok(), "a UUID"),
            Some("date-time") => {
                (text.parse::<Timestamp>().is_ok(), "an RFC 3339 time such as 2026-01-31T12:00:00Z")
            }
            _ => (true, ""),
        };
        if !sound {
            self.report(path, "invalid_format", format!("expected {wanted}"));
        }
    }

    fn integer(&mut self, schema: &MetaSchema, number: &serde_json::Number, path: &str) {
        let (least, most) = match schema.format {
            Some("uint8") => (0, i64::from(u8::MAX)),
            Some("uint32") => (0, i64::from(u32::MAX)),
            Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
            Some("uint64") => (0, i64::MAX),
            _ => (i64::MIN, i64::MAX),
        };
        match number.as_i64() {
            Some(number) if (least..=most).contains(&number) => {}
            Some(_) => self.report(path, "out_of_range", format!("between {least} and {most}")),
            None if number.is_f64() => self.report(path, "invalid_type", "expected a whole number"),
            None => self.report(path, "out_of_range", format!("between {least} and {most}")),
        }
    }

    fn object(&mut self, schema: &MetaSchema, fields: &Map<String, Value>, path: &str) {
        for &name in &schema.required {
            if fields.get(name).is_none_or(Value::is_null) && !self.takes_null(schema, name) {
                self.report(&below(path, name), "required", "this field is needed");
            }
        }
        for (name, value) in fields {
            match schema.properties.iter().find(|(known, _)| known == name) {
                // Null is the same as leaving the field out, which was looked at above.
                Some(_) if value.is_null() => {}
                Some((_, of)) => self.against(of, value, &below(path, name)),
                None if schema.properties.is_empty() => {}
                None => {
                    let known: Vec<&str> = schema.properties.iter().map(|(name, _)| *name).collect();
                    self.report(
                        &below(path, name),
                        "unknown_field",
                        format!("there is no such field; there are {}", known.join(", ")),
                    );
                }
            }
        }
    }

    fn takes_null(&self, schema: &MetaSchema, name: &str) -> bool {
        let field = schema.properties.iter().find(|(known, _)| *known == name);
        matches!(field, Some((_, MetaSchemaRef::Inline(field))) if field.nullable)
    }

    /// U+0000 cannot be stored in a text by every database, wherever in a body it stands.
    fn texts(&mut self, value: &Value, path: &str) {
        match value {
            _ if self.found.len() >= MOST => {}
            Value::String(text) if text.contains('\0') => self.zero(path),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.texts(item, &format!("{path}[{index}]"));
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    if name.contains('\0') {
                        self.zero(path);
                    }
                    self.texts(value, &below(path, name));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn zero(&mut self, path: &str) {
        self.report(
            path,
            "control_character",
            "contains the character U+0000, as pictures and other binary files do; send text",
        );
    }
}

fn below(path: &str, name: &str) -> String {
    // A name that was made up may be long; the path only has to lead there.
    let name: String = name.chars().take(100).collect();
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

fn named(ty: &str) -> &'static str {
    match ty {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "an object",
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::Type;
    use serde_json::json;

    use super::*;

    fn found(value: &Value) -> Vec<(String, String)> {
        type Wanted = crate::tasks::NewTaskBody;
        let mut registry = Registry::new();
        Wanted::register(&mut registry);
        violations(value, &Wanted::schema_ref(), &registry)
            .into_iter()
            .map(|one| (one.path, one.code))
            .collect()
    }

    #[test]
    fn everything_that_is_wrong_is_found_with_its_path() {
        assert_eq!(found(&json!({"title": "a", "goal_id": null, "action": {"kind": "external"}})), []);
        let value = json!({
            "goal_id": "7", "complexity": -1, "estimate_minutes": 1.5, "labels": ["a", 1], "depends_on": "none",
            "action": {"kind": "magic", "parameters": {"text": "a\u{0}"}}, "colour": "red",
        });
        let mut found = found(&value);
        found.sort();
        let wanted = [
            ("action.kind", "unknown_value"),
            ("action.parameters.text", "control_character"),
            ("colour", "unknown_field"),
            ("complexity", "out_of_range"),
            ("depends_on", "invalid_type"),
            ("estimate_minutes", "invalid_type"),
            ("goal_id", "invalid_format"),
            ("labels[1]", "invalid_type"),
            ("title", "required"),
        ];
        assert_eq!(found, wanted.map(|(path, code)| (path.to_owned(), code.to_owned())));
    }

    #[test]
    fn a_body_that_is_no_object_is_one_violation() {
        assert_eq!(found(&json!([1, 2])), [("body".to_owned(), "invalid_type".to_owned())]);
    }
}
