//! `text.stats`, `text.match` and `text.render`.

use goalwright_application::ports::tools::{Reply, ToolFailure};
use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::failure::{failure, shortened};
use super::operation::{Call, done};

const MAX_PATTERN_BYTES: usize = 4 * 1024;
const MAX_COMPILED_BYTES: usize = 1024 * 1024;
/// The most matches one call answers, over all texts.
const MAX_MATCHES: usize = 200_000;

/// A text, or an entry that has one, such as `file.read` answers.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Text {
    /// Only the text.
    Plain(String),
    /// A text with the file it comes from; the path is carried over to the result.
    Entry {
        /// Where it comes from.
        path: Option<String>,
        /// The text.
        text: String,
    },
}

impl Text {
    fn into_parts(self) -> (Option<String>, String) {
        match self {
            Self::Plain(text) => (None, text),
            Self::Entry { path, text } => (path, text),
        }
    }
}

/// Parameters of `text.stats`: one `text`, or `texts`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StatsParameters {
    /// The text to count, or an entry of `file.read`.
    text: Option<Text>,
    /// Several; the result is a list with one entry for each, in the same order.
    texts: Option<Vec<Text>>,
}

/// The counts of a text.
#[derive(Serialize, JsonSchema)]
pub(super) struct Stats {
    /// Where it comes from, if that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Runs of characters without white space.
    words: usize,
    /// Lines; an end of line at the very end starts no new one.
    lines: usize,
    /// Unicode scalar values.
    characters: usize,
}

/// What an operation on one text or several answers.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "states the schema; the parts are serialized by themselves")]
pub(super) enum OneOrMany<T> {
    /// For `text`.
    One(T),
    /// For `texts`.
    Many(Vec<T>),
}

pub(super) fn stats(call: &Call, parameters: StatsParameters) -> Result<Reply, ToolFailure> {
    each(call, parameters.text, parameters.texts, |path, text| {
        Ok(Stats {
            path,
            words: text.split_whitespace().count(),
            lines: text.lines().count(),
            characters: text.chars().count(),
        })
    })
}

/// Parameters of `text.match`: a `pattern`, and one `text` or `texts`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MatchParameters {
    /// The text to search, or an entry of `file.read`.
    text: Option<Text>,
    /// Several; the result is a list with one entry for each, in the same order.
    texts: Option<Vec<Text>>,
    /// A regular expression in the syntax of Rust's regex crate, which has no look-around and no
    /// back-references. With a group the first group is the match.
    pattern: String,
}

/// The matches in a text.
#[derive(Serialize, JsonSchema)]
pub(super) struct Matches {
    /// Where the text comes from, if that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// The matches, in order: the first group where the pattern has one, else all of it.
    matches: Vec<String>,
}

pub(super) fn find(call: &Call, parameters: MatchParameters) -> Result<Reply, ToolFailure> {
    let pattern = compile(&parameters.pattern)?;
    let mut left = MAX_MATCHES;
    each(call, parameters.text, parameters.texts, |path, text| {
        let mut matches = Vec::new();
        for found in pattern.captures_iter(&text) {
            let Some(part) = found.get(usize::from(found.len() > 1)) else { continue };
            left = left.checked_sub(1).ok_or_else(|| {
                let message = format!("there are more than {MAX_MATCHES} matches; use a narrower pattern");
                failure("TooManyMatches", message)
            })?;
            matches.push(part.as_str().to_owned());
        }
        Ok(Matches { path, matches })
    })
}

/// A regular expression of bounded size.
///
/// # Errors
/// `InvalidPattern`, with what is wrong with it.
pub(super) fn compile(pattern: &str) -> Result<Regex, ToolFailure> {
    if pattern.len() > MAX_PATTERN_BYTES {
        let message = format!("the pattern is longer than {MAX_PATTERN_BYTES} bytes; use several calls");
        return Err(failure("InvalidPattern", message));
    }
    RegexBuilder::new(pattern)
        .size_limit(MAX_COMPILED_BYTES)
        .dfa_size_limit(MAX_COMPILED_BYTES)
        .build()
        .map_err(|error| {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            failure("InvalidPattern", format!("`{}` is no valid pattern: {why}", shortened(pattern)))
        })
}

fn each<T: Serialize>(
    call: &Call,
    text: Option<Text>,
    texts: Option<Vec<Text>>,
    mut work: impl FnMut(Option<String>, String) -> Result<T, ToolFailure>,
) -> Result<Reply, ToolFailure> {
    let mut one = |text: Text| {
        call.check_cancelled()?;
        let (path, text) = text.into_parts();
        work(path, text)
    };
    match (text, texts) {
        (Some(text), _) => done(one(text)?),
        (None, texts) => {
            let answers: Result<Vec<T>, ToolFailure> = texts.into_iter().flatten().map(one).collect();
            done(answers?)
        }
    }
}

/// Parameters of `text.render`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RenderParameters {
    /// The template. Its holes are filled before the call, as those of every parameter.
    template: Value,
}

/// The text; what is no text appears as compact JSON.
pub(super) fn render(_: &Call, parameters: RenderParameters) -> Result<Reply, ToolFailure> {
    done(match parameters.template {
        Value::String(text) => text,
        other => other.to_string(),
    })
}
