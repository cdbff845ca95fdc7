//! What a command says when it cannot do what was asked, and the codes that processes end with.

use std::error::Error as _;
use std::fmt;
use std::process::ExitCode;

use goalwright_application::Error;

use crate::config::ConfigError;

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The goal is achieved; the command did its work.
    Success,
    /// It did not come to a good end.
    Failed,
    /// Usage or input that cannot be used.
    Usage,
    /// People have to act first.
    Waiting,
    /// Ended by SIGINT.
    Interrupted,
    /// Ended by SIGTERM.
    Terminated,
}

impl Exit {
    /// The number that the shell sees. Those of signals are the shell's own: 128 and the signal's number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Waiting => 3,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command ended without doing its work. Shown as `error: …`, one indented line per detail, and `help: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code that the process ends with.
    pub exit: Exit,
    /// What happened, in one line.
    pub message: String,
    /// Every single problem, if there are several.
    pub details: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), details: Vec::new(), help: None }
    }

    /// Input that cannot be used, and what to do about it.
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message).with_help(help)
    }

    /// Says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", printable(&self.message))?;
        for detail in &self.details {
            write!(f, "\n  {}", printable(detail))?;
        }
        match &self.help {
            Some(help) => write!(f, "\nhelp: {}", printable(help)),
            None => Ok(()),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string(), error.help())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Invalid { violations, .. } => {
                let details = violations.into_iter().map(|violation| violation.message);
                let details = details.filter(|detail| !message.contains(detail.as_str())).collect();
                Self { details, ..Self::new(Exit::Usage, message) }
            }
            Error::NotFound { .. } | Error::Forbidden { .. } | Error::Unauthenticated { .. } => {
                Self::new(Exit::Usage, message)
            }
            Error::Rejected(_) | Error::Stale { .. } | Error::TimedOut { .. } => {
                Self::new(Exit::Failed, message)
            }
            Error::Conflict { .. } | Error::Limited { .. } => Self::new(Exit::Failed, message)
                .with_help("run the same command again; nothing of this attempt was kept"),
            Error::Unavailable { code, .. } => {
                let help = match code {
                    "database_unavailable" => {
                        "look whether the database answers and its disk has room; then run the same command again"
                    }
                    "model_not_configured" => {
                        "set GOALWRIGHT_MODEL and the key of its provider: see `goalwright admin config`"
                    }
                    "model_credentials" => "correct the key; then run the same command again",
                    _ => "run the same command again later",
                };
                Self::new(Exit::Failed, message).with_help(help)
            }
            // Whoever sits at the command line owns the database: the causes are theirs to see.
            Error::Internal(_) => {
                let details = causes(&error);
                Self { details, ..Self::new(Exit::Failed, message) }.with_help(
                    "this is a defect: please report it with the lines above; RUST_LOG=debug shows more",
                )
            }
        }
    }
}

fn causes(error: &Error) -> Vec<String> {
    let (mut causes, mut next) = (Vec::new(), error.source());
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}

/// Text from files and tools, made safe for a terminal: control characters become blanks, so that nothing that was
/// read can move the cursor or forge a line.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use goalwright_domain::Violation;

    #[test]
    fn every_problem_has_its_line_and_none_is_said_twice() {
        let violation = |message: &str| Violation::new("tasks[0]", "cycle", message);
        let many = Error::Invalid {
            code: "invalid_plan",
            message: "the plan cannot be used: it has 2 problems".into(),
            violations: vec![violation("line 3: one"), violation("line 9: two")],
        };
        let failure = Failure::from(many).with_help("mend it");
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(
            failure.to_string(),
            "error: the plan cannot be used: it has 2 problems\n  line 3: one\n  line 9: two\nhelp: mend it"
        );
        let one = Error::Invalid {
            code: "invalid_plan",
            message: "the plan cannot be used: line 3: one".into(),
            violations: vec![violation("line 3: one")],
        };
        assert_eq!(Failure::from(one).to_string(), "error: the plan cannot be used: line 3: one");
    }

    #[test]
    fn causes_of_a_defect_are_shown() {
        let failure = Failure::from(Error::Internal("the row is gone".into()));
        assert_eq!((failure.exit, failure.details), (Exit::Failed, vec!["the row is gone".to_owned()]));
    }

    #[test]
    fn nothing_that_was_read_can_forge_a_line() {
        assert_eq!(printable("a\nhelp: \u{1b}[2Jb\u{9b}"), "a help:  [2Jb ");
    }
}
