//! Values as they are written: words of a vocabulary, moments, free objects.

use std::borrow::Cow;

use goalwright_domain::Timestamp;
use goalwright_domain::agent::{AgentKind, AgentStatus};
use goalwright_domain::api_key::Scope;
use goalwright_domain::execution::{Mode, RunStatus, WaitKind};
use goalwright_domain::experience::ExperienceType;
use goalwright_domain::goal::GoalStatus;
use goalwright_domain::plan::{Origin, Severity};
use goalwright_domain::task::TaskStatus;
use goalwright_domain::workspace::ActorKind;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type};
use serde_json::Value;

/// Describes a type by a schema that stands where the type is used.
macro_rules! inline_type {
    ([$($generics:tt)*] $type:ty, $name:expr, $schema:expr) => {
        impl<$($generics)*> Type for $type {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                $name.into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new($schema))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }
    };
}
pub(crate) use inline_type;

/// An enumerated value, spelled as the domain spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word<V>(pub(crate) V);

/// The values that a [`Word`] may have.
pub(crate) trait Vocabulary: Copy + PartialEq + Send + Sync + 'static {
    /// Names the vocabulary in messages, and in one word in the document: no two have the same.
    const NAME: &'static str;
    /// Every value.
    const ALL: &'static [Self];
    /// Its spelling.
    fn word(self) -> &'static str;
}

/// A [`Vocabulary`] over an enum that knows its spelling, or over one that is given here.
macro_rules! vocabulary {
    ($type:ty, $name:literal, [$($value:ident),+ $(,)?]) => {
        impl Vocabulary for $type {
            const NAME: &'static str = $name;
            const ALL: &'static [Self] = &[$(<$type>::$value),+];
            fn word(self) -> &'static str {
                self.as_str()
            }
        }
    };
    ($type:ty, $name:literal, {$($value:ident: $word:literal),+ $(,)?}) => {
        impl $crate::values::Vocabulary for $type {
            const NAME: &'static str = $name;
            const ALL: &'static [Self] = &[$(<$type>::$value),+];
            fn word(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)+
                }
            }
        }
    };
}
pub(crate) use vocabulary;

vocabulary!(GoalStatus, "goal status", [Draft, Active, Achieved, Abandoned]);
vocabulary!(
    TaskStatus,
    "task status",
    [Pending, Ready, Running, Waiting, Completed, Failed, Cancelled, Skipped]
);
vocabulary!(AgentKind, "agent kind", [Tool, Llm, Human, External]);
vocabulary!(AgentStatus, "agent status", [Active, Retired]);
vocabulary!(Scope, "scope", [Read, Write, Work, Admin]);
vocabulary!(RunStatus, "run status", [Queued, Running, Waiting, Succeeded, Failed, Cancelled]);
vocabulary!(Mode, "run mode", [Scheduled, Manual]);
vocabulary!(Origin, "dependency origin", [Explicit, Structural, Inferred]);
vocabulary!(ActorKind, "actor type", [User, Agent, System]);
vocabulary!(
    ExperienceType,
    "experience type",
    [Observation, Conversation, Reflection, Belief, TaskExecution, ChainExecution]
);
vocabulary!(WaitKind, "wait kind", { Person: "person", Decision: "decision", Time: "time", Model: "model", Budget: "budget" });
vocabulary!(Severity, "severity", { Error: "error", Warning: "warning", Info: "info" });

/// A schema of its own, so that programs that are generated from the document have one type for it.
impl<V: Vocabulary> Type for Word<V> {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        in_one_word(V::NAME).into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference(in_one_word(V::NAME))
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>(in_one_word(V::NAME), |_| MetaSchema {
            enum_items: V::ALL.iter().map(|value| Value::from(value.word())).collect(),
            ..MetaSchema::new("string")
        });
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

/// `task status` as `TaskStatus`.
fn in_one_word(name: &str) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    name.split(' ').map(capital).collect()
}

impl<V: Vocabulary> Word<V> {
    fn read(text: &str) -> ParseResult<Self> {
        V::ALL.iter().find(|value| value.word() == text).map(|value| Self(*value)).ok_or_else(|| {
            let words: Vec<&str> = V::ALL.iter().map(|value| value.word()).collect();
            ParseError::custom(format!("no {}; use one of {}", V::NAME, words.join(", ")))
        })
    }
}

impl<V: Vocabulary> ParseFromParameter for Word<V> {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Self::read(value)
    }
}

impl<V: Vocabulary> ParseFromJSON for Word<V> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Self::read(value.as_ref().and_then(Value::as_str).unwrap_or_default())
    }
}

impl<V: Vocabulary> ToJSON for Word<V> {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.word().into())
    }
}

/// A moment: RFC 3339, read with any offset, shown in UTC with six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

inline_type!([] Moment, "moment", MetaSchema::new_with_format("string", "date-time"));

impl ParseFromJSON for Moment {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        let text = value.as_ref().and_then(Value::as_str).unwrap_or_default();
        text.parse().map(Self).map_err(ParseError::custom)
    }
}

impl ParseFromParameter for Moment {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        value.parse().map(Self).map_err(ParseError::custom)
    }
}

impl ToJSON for Moment {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.to_string().into())
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

/// An object with fields that are not fixed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FreeObject(pub(crate) Value);

inline_type!([] FreeObject, "object", MetaSchema {
    additional_properties: Some(Box::new(MetaSchemaRef::Inline(Box::new(MetaSchema::ANY)))),
    ..MetaSchema::new("object")
});

impl ParseFromJSON for FreeObject {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value.unwrap_or_default() {
            object @ Value::Object(_) => Ok(Self(object)),
            other => Err(ParseError::expected_type(other)),
        }
    }
}

impl ToJSON for FreeObject {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.clone())
    }
}
