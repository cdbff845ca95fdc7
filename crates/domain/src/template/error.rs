//! What keeps a template from being resolved.

use thiserror::Error;

/// Why a template has no value. Every message names the hole and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// Something is not there, and no `default` stands in for it.
    #[error("{at}: `{path}` in `{{{expression}}}` is undefined{}", note(.available))]
    Undefined {
        /// Where the hole stands: `parameters.items[2].text`.
        at: String,
        /// The expression of the hole.
        expression: String,
        /// The shortest path that leads nowhere: `T001.a`.
        path: String,
        /// What is there instead: "`T001` has: files, missing".
        available: Option<String>,
    },
    /// The expression starts from a name that is not bound.
    #[error("{at}: `{root}` in `{{{expression}}}` is not known here; {}", known_names(.known))]
    UnknownRoot {
        /// Where the hole stands.
        at: String,
        /// The expression of the hole.
        expression: String,
        /// The unknown name.
        root: String,
        /// The names that are bound.
        known: Vec<String>,
    },
    /// The expression is no valid one. Only conditions fail so; in text it is no hole at all.
    #[error("{at}: `{expression}` is no valid expression: {message}")]
    Syntax {
        /// Where the expression stands.
        at: String,
        /// The expression.
        expression: String,
        /// What the engine says.
        message: String,
    },
    /// The expression cannot be computed from these values.
    #[error("{at}: `{{{expression}}}` cannot be evaluated: {message}")]
    Evaluation {
        /// Where the hole stands.
        at: String,
        /// The expression of the hole.
        expression: String,
        /// What the engine says.
        message: String,
    },
    /// The expression takes too many steps.
    #[error("{at}: `{{{expression}}}` takes too many steps; split it over several tasks or steps")]
    OutOfFuel {
        /// Where the hole stands.
        at: String,
        /// The expression of the hole.
        expression: String,
    },
    /// The template, or what comes out of it, is too large.
    #[error("{at}: {what} is larger than {limit} bytes; pass less, or write it to a file and pass its path")]
    TooLarge {
        /// Where it happened.
        at: String,
        /// "the template" or "the result".
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// Objects and lists nest too deep.
    #[error("{at}: objects and lists nest deeper than {limit} levels")]
    TooDeep {
        /// Where it happened.
        at: String,
        /// The limit.
        limit: usize,
    },
}

impl TemplateError {
    /// A stable code, one for each kind of failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Undefined { .. } => "template_undefined",
            Self::UnknownRoot { .. } => "template_unknown_root",
            Self::Syntax { .. } => "template_syntax",
            Self::Evaluation { .. } => "template_evaluation_failed",
            Self::OutOfFuel { .. } => "template_out_of_fuel",
            Self::TooLarge { .. } => "template_too_large",
            Self::TooDeep { .. } => "template_too_deep",
        }
    }

    /// Where the failing hole stands: `parameters.items[2].text`.
    pub fn at(&self) -> &str {
        match self {
            Self::Undefined { at, .. }
            | Self::UnknownRoot { at, .. }
            | Self::Syntax { at, .. }
            | Self::Evaluation { at, .. }
            | Self::OutOfFuel { at, .. }
            | Self::TooLarge { at, .. }
            | Self::TooDeep { at, .. } => at,
        }
    }
}

fn note(available: &Option<String>) -> String {
    let hint = "add `|default(…)` if that is all right";
    match available {
        Some(available) => format!("; {available}; {hint}"),
        None => format!("; {hint}"),
    }
}

fn known_names(known: &[String]) -> String {
    const SHOWN: usize = 12;
    if known.is_empty() {
        return "no results are available here; write `{{` for a literal brace".to_owned();
    }
    let more = if known.len() > SHOWN { ", …" } else { "" };
    format!(
        "known: {}{more}; write `{{{{` for a literal brace",
        known.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ")
    )
}
