//! A value that may be null.
//!
//! `Option` in a document that is answered would be described as a field that may be missing, while it is there and
//! null; clients that are generated from the description would stumble over it.

use std::borrow::Cow;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;

/// Always present, possibly null.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Nullable<T>(pub(crate) Option<T>);

impl<T> From<Option<T>> for Nullable<T> {
    fn from(value: Option<T>) -> Self {
        Self(value)
    }
}

impl<T: Type> Type for Nullable<T> {
    const IS_REQUIRED: bool = true;
    type RawValueType = T::RawValueType;
    type RawElementValueType = T::RawElementValueType;

    fn name() -> Cow<'static, str> {
        format!("nullable_{}", T::name()).into()
    }

    fn schema_ref() -> MetaSchemaRef {
        match T::schema_ref() {
            // A reference cannot have siblings in OpenAPI 3.0. The document spells it out (`document::bodies`).
            reference @ MetaSchemaRef::Reference(_) => MetaSchemaRef::Inline(Box::new(MetaSchema {
                nullable: true,
                all_of: vec![reference],
                ..MetaSchema::ANY
            })),
            // A schema without a type takes everything, null as well.
            MetaSchemaRef::Inline(schema) if schema.ty.is_empty() => MetaSchemaRef::Inline(schema),
            MetaSchemaRef::Inline(schema) => {
                MetaSchemaRef::Inline(Box::new(MetaSchema { nullable: true, ..*schema }))
            }
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Self::RawValueType> {
        self.0.as_ref().and_then(T::as_raw_value)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
        match &self.0 {
            Some(value) => value.raw_element_iter(),
            None => Box::new(std::iter::empty()),
        }
    }
}

impl<T: ParseFromJSON> ParseFromJSON for Nullable<T> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value.unwrap_or_default() {
            Value::Null => Ok(Self(None)),
            value => {
                T::parse_from_json(Some(value)).map(|value| Self(Some(value))).map_err(ParseError::propagate)
            }
        }
    }
}

impl<T: ToJSON> ToJSON for Nullable<T> {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.as_ref().and_then(T::to_json).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use goalwright_domain::task::TaskStatus;
    use serde_json::json;

    use super::*;
    use crate::values::Word;

    fn schema<T: Type>() -> Value {
        serde_json::to_value(Nullable::<T>::schema_ref()).expect("serialises")
    }

    #[test]
    fn the_schema_says_so_for_every_kind_of_value() {
        assert_eq!(schema::<String>(), json!({"type": "string", "nullable": true}));
        assert_eq!(
            schema::<crate::goals::GoalBody>(),
            json!({"nullable": true, "allOf": [{"$ref": "#/components/schemas/Goal"}]})
        );
        let words = json!({"nullable": true, "allOf": [{"$ref": "#/components/schemas/TaskStatus"}]});
        assert_eq!(schema::<Word<TaskStatus>>(), words);
        assert_eq!(schema::<Value>(), json!({}));
    }

    #[test]
    fn null_is_shown_and_read() {
        assert_eq!(Nullable::<String>(None).to_json(), Some(Value::Null));
        assert_eq!(Nullable(Some("a".to_owned())).to_json(), Some(json!("a")));
        assert_eq!(Nullable::<String>::parse_from_json(None).expect("null"), Nullable(None));
    }
}
