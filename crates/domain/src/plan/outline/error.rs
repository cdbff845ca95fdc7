//! Why a text was not read as a plan.

use thiserror::Error;

use crate::plan::Finding;

/// A text that gives no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OutlineError {
    /// Refused before reading.
    #[error("the plan has {bytes} bytes; at most {limit} are allowed: split it into several plans")]
    TooLarge {
        /// Size of the text in bytes.
        bytes: usize,
        /// The most allowed.
        limit: usize,
    },
    /// Nothing in it looks like a plan.
    #[error("{}{found}; expected {expected}", at_line(*line))]
    NotAPlan {
        /// Where it stopped making sense, from 1; `None` if that is nowhere in particular.
        line: Option<u32>,
        /// What stands there instead.
        found: String,
        /// What a plan looks like.
        expected: String,
    },
    /// A plan with mistakes that leave its meaning open. All of them, sorted by line.
    #[error("{}", all_of(.0))]
    Invalid(Vec<Finding>),
    /// More tasks than allowed.
    #[error("the plan has {tasks} tasks; at most {limit} are allowed: split it into several plans")]
    TooManyTasks {
        /// How many there are.
        tasks: usize,
        /// The most allowed.
        limit: usize,
    },
    /// More dependencies than allowed; found before they were made.
    #[error("the plan leads to {edges} dependencies; at most {limit} are allowed{}", most_between(.between.as_ref()))]
    TooManyEdges {
        /// How many there would be.
        edges: usize,
        /// The most allowed.
        limit: usize,
        /// The two phases with the most edges between them: the one that waits, the one waited for.
        between: Option<(String, String)>,
    },
}

impl OutlineError {
    /// Stable name of the kind of refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "plan_too_large",
            Self::NotAPlan { .. } => "not_a_plan",
            Self::Invalid(_) => "invalid_plan",
            Self::TooManyTasks { .. } => "too_many_tasks",
            Self::TooManyEdges { .. } => "too_many_dependencies",
        }
    }
}

fn at_line(line: Option<u32>) -> String {
    line.map(|line| format!("line {line}: ")).unwrap_or_default()
}

fn all_of(findings: &[Finding]) -> String {
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    lines.join("; ")
}

fn most_between(phases: Option<&(String, String)>) -> String {
    phases
        .map(|(waits, waited)| {
            format!(
                ": every last task of “{waited}” gates every first task of “{waits}”; \
                 put one task that gathers the first between them"
            )
        })
        .unwrap_or_default()
}
