//! The indented lines that say something about a task: `- depends on: T001`, `- estimate: 30m`.

use serde::Deserialize;
use serde_json::Value;

use super::rules;
use crate::Timestamp;
use crate::execution::{Backoff, OnExhausted};
use crate::plan::outline::fields::Field as Plain;
use crate::plan::outline::item::split_marker;
use crate::plan::{Origin, PlannedAction, PlannedWork};
use crate::schedule::Schedule;

/// Names what a task waits for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reference {
    /// A key in double quotes: it is meant literally.
    Key(String),
    /// A key, an id, `ref 3`, or words with keys among them.
    Word(String),
}

/// What an indented line sets.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Field {
    Waits(Origin, Vec<Reference>),
    Key(String),
    Type(String),
    Estimate(u32),
    Priority(i32),
    Labels(Vec<String>),
    Complexity(u8),
    ComplexityReason(String),
    Attempts(u32),
    Retry(Backoff),
    OnExhausted(OnExhausted),
    Schedule(Box<Schedule>),
    At(Timestamp),
    Slug(String),
    Description(String),
    Action(PlannedAction),
    Work(PlannedWork),
}

/// How a line of the block reads.
#[derive(Debug, PartialEq)]
pub(super) enum Reading {
    Field(&'static str, Box<Field>),
    /// The name of a field, with a value that cannot be read.
    Unreadable(&'static str),
    /// The name of a field, with all that is wrong with its value.
    Wrong(&'static str, Vec<String>),
    Text,
}

/// Names of fields, as they are written.
const NAMES: [&str; 18] = [
    "depends on",
    "follows",
    "uses",
    "key",
    "type",
    "estimate",
    "priority",
    "labels",
    "complexity",
    "complexity reason",
    "attempts",
    "retry",
    "on exhausted",
    "schedule",
    "at",
    "slug",
    "description",
    "by",
];

/// Reads a line without indentation. `use:` with a name is left to the caller: its JSON may go on below.
pub(super) fn read(body: &str) -> Reading {
    let plain = split_marker(body).unwrap_or(body);
    let Some((name, value)) = plain.split_once(':') else {
        return Reading::Text;
    };
    let name = name.trim_matches(['*', '_', ' ']);
    let value = value.trim_start_matches(['*', '_']).trim();
    if name == "use" && value.starts_with('{') {
        return of("use", action(value).map(Field::Action));
    }
    let Some(name) = NAMES.iter().find(|known| name.eq_ignore_ascii_case(known)) else {
        return Reading::Text;
    };
    if let Some(origin) = origin(name) {
        let list = references(value).map(|list| Field::Waits(origin, list));
        return list.map_or(Reading::Text, |list| Reading::Field(name, Box::new(list)));
    }
    if value.starts_with('{')
        && let Some(read) = rules::read(name, value)
    {
        return match read {
            Ok(field) => Reading::Field(name, Box::new(field)),
            Err(problems) => Reading::Wrong(name, problems),
        };
    }
    let field = match *name {
        "on exhausted" => OnExhausted::parse(value).map(Field::OnExhausted),
        "key" => as_json(value).filter(|key| !key.is_empty()).map(Field::Key),
        "slug" => string_of(value).filter(|slug| !slug.is_empty()).map(Field::Slug),
        "description" => as_json(value).map(Field::Description),
        "labels" => serde_json::from_str(value).ok().map(Field::Labels),
        "complexity" => value.parse().ok().filter(|score| (1..=10).contains(score)).map(Field::Complexity),
        "complexity reason" => string_of(value).filter(|_| !value.is_empty()).map(Field::ComplexityReason),
        "attempts" => value.parse().ok().filter(|count| *count > 0).map(Field::Attempts),
        "at" => value.parse().ok().map(Field::At),
        "by" => work(value).map(Field::Work),
        _ => numbers_and_words(name, value),
    };
    of(name, field)
}

fn origin(name: &str) -> Option<Origin> {
    match name {
        "depends on" => Some(Origin::Explicit),
        "follows" => Some(Origin::Structural),
        "uses" => Some(Origin::Inferred),
        _ => None,
    }
}

fn of(name: &'static str, field: Option<Field>) -> Reading {
    field.map_or(Reading::Unreadable(name), |field| Reading::Field(name, Box::new(field)))
}

/// The fields that every plan has.
fn numbers_and_words(name: &str, value: &str) -> Option<Field> {
    if name == "type"
        && let Some(word) = as_json(value)
    {
        return Some(Field::Type(word));
    }
    match Plain::parse(&format!("{name}: {value}"))? {
        Plain::Type(word) => Some(Field::Type(word)),
        Plain::Estimate(minutes) => Some(Field::Estimate(minutes)),
        Plain::Priority(priority) => Some(Field::Priority(priority)),
        _ => None,
    }
}

/// A JSON string and the byte behind it, if the text begins with one.
pub(super) fn json_at(text: &str) -> Option<(String, usize)> {
    if !text.starts_with('"') {
        return None;
    }
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let value = stream.next()?.ok()?;
    Some((value, stream.byte_offset()))
}

/// The string that a text in double quotes stands for; `None` if it is something else.
pub(super) fn as_json(text: &str) -> Option<String> {
    json_at(text).filter(|(_, end)| *end == text.len()).map(|(value, _)| value)
}

/// A text in double quotes as JSON, any other as it is.
pub(super) fn string_of(text: &str) -> Option<String> {
    if text.starts_with('"') { as_json(text) } else { Some(text.to_owned()) }
}

/// Entries between commas; those in double quotes may hold commas. `None` if nothing is named, or if
/// there are sentences among them.
fn references(text: &str) -> Option<Vec<Reference>> {
    let mut list = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some((key, end)) = json_at(rest) {
            list.push(Reference::Key(key));
            rest = rest[end..].trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            continue;
        }
        let (word, behind) = rest.split_once(',').unwrap_or((rest, ""));
        let is_number = word.trim().strip_prefix("ref ").is_some_and(|number| number.parse::<u32>().is_ok());
        if word.trim().contains(char::is_whitespace) && !is_number {
            return None;
        }
        if !word.trim().is_empty() {
            list.push(Reference::Word(word.trim().to_owned()));
        }
        rest = behind.trim_start();
    }
    (!list.is_empty()).then_some(list)
}

/// `{"tool": …, "operation": …, "parameters": …}`, for names that `tool.operation` cannot hold.
fn action(text: &str) -> Option<PlannedAction> {
    serde_json::from_str(text).ok()
}

/// `person {…}`, `model {…}`, `external`.
fn work(text: &str) -> Option<PlannedWork> {
    #[derive(Deserialize)]
    struct Model {
        instructions: String,
        #[serde(default)]
        tools: Vec<String>,
        #[serde(default)]
        output_schema: Option<Value>,
    }
    #[derive(Deserialize)]
    struct Person {
        instructions: String,
    }
    let (who, json) = text.split_once(' ').unwrap_or((text, ""));
    match who {
        "external" => json.trim().is_empty().then_some(PlannedWork::External),
        "person" => {
            let Person { instructions } = serde_json::from_str(json).ok()?;
            Some(PlannedWork::Human { instructions })
        }
        "model" => {
            let Model { instructions, tools, output_schema } = serde_json::from_str(json).ok()?;
            Some(PlannedWork::Orchestrated { instructions, tools, output_schema })
        }
        _ => None,
    }
}
