//! What a reader of plans noticed.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The plan cannot be taken as it is.
    Error,
    /// The plan was taken, but probably not as its author meant it.
    Warning,
    /// A choice was made that the author may want to know.
    Info,
}

/// A remark about one line of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// Stable snake_case name of the kind of finding.
    pub code: Cow<'static, str>,
    /// Line of the source, from 1; `None` where it concerns the file as a whole.
    pub line: Option<u32>,
    /// What was found and what was done about it, for a person.
    pub message: String,
}

impl Finding {
    /// A finding that makes the plan unusable.
    pub fn error(code: &'static str, line: u32, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, Some(line), message.into())
    }

    /// A finding about something that was probably meant differently.
    pub fn warning(code: &'static str, line: u32, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, Some(line), message.into())
    }

    /// A finding about a choice that was made.
    pub fn info(code: &'static str, line: u32, message: impl Into<String>) -> Self {
        Self::new(Severity::Info, code, Some(line), message.into())
    }

    fn new(severity: Severity, code: &'static str, line: Option<u32>, message: String) -> Self {
        Self { severity, code: Cow::Borrowed(code), line, message }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}
