//! One taxonomy of errors above all use cases; the api maps it to HTTP in one file, the command line to exit codes.

use std::time::Duration;

use goalwright_domain::{Rejection, Timestamp, Violation};

use crate::ports::StorageError;

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input breaks rules; all of them are named.
    #[error("{message}")]
    Invalid {
        /// `invalid_input`, `invalid_plan`, `not_a_plan`, `plan_too_large`, `scheduled_at_required`, …
        code: &'static str,
        /// In one sentence.
        message: String,
        /// One entry per problem.
        violations: Vec<Violation>,
    },
    /// There is no such thing, or not for this caller.
    #[error("there is no {kind} `{id}` in this workspace")]
    NotFound {
        /// `goal`, `task`, `agent`, `experience`.
        kind: &'static str,
        /// What was asked for.
        id: String,
    },
    /// It was not there at the moment that was asked for.
    #[error("{message}")]
    NotThen {
        /// Whether it was made later or had been deleted, and what to do.
        message: String,
    },
    /// The ledger tells no more of the moment that was asked for.
    #[error("what was before {known_from} was pruned; ask for a moment from then on instead of {at}")]
    Pruned {
        /// The moment.
        at: Timestamp,
        /// The earliest that can be asked for.
        known_from: Timestamp,
    },
    /// A rule says no in this state.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Somebody else was first; asking again may help.
    #[error("{message}")]
    Conflict {
        /// `conflict`, `lease_lost`, …
        code: &'static str,
        /// Who won what.
        message: String,
    },
    /// It changed since the caller looked.
    #[error("it changed since you read it and is at revision {revision} now; read it again and decide anew")]
    Stale {
        /// What it is now.
        revision: i64,
    },
    /// No credentials, or none that hold.
    #[error("{message}")]
    Unauthenticated {
        /// What is wrong with them, without repeating them.
        message: String,
    },
    /// Not for this caller.
    #[error("{message}")]
    Forbidden {
        /// Why.
        message: String,
    },
    /// Too much at once.
    #[error("{message}")]
    Limited {
        /// `rate_limited`, `budget_exhausted`.
        code: &'static str,
        /// When to ask again.
        retry_after: Duration,
        /// Which limit.
        message: String,
    },
    /// Something this depends on does not answer.
    #[error("{message}")]
    Unavailable {
        /// `database_unavailable`, `model_not_configured`, …
        code: &'static str,
        /// What it is and what to do.
        message: String,
        /// When to ask again, where that helps and somebody knows.
        retry_after: Option<Duration>,
    },
    /// It took too long.
    #[error("{message}")]
    TimedOut {
        /// What did.
        message: String,
    },
    /// A defect. The cause is for the log only.
    #[error("something went wrong on our side")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Input that breaks rules.
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let message = match violations.as_slice() {
            [one] => format!("{}: {}", one.path, one.message),
            many => format!("the input has {} problems", many.len()),
        };
        Self::Invalid { code: "invalid_input", message, violations }
    }

    /// A missing thing.
    pub fn not_found(kind: &'static str, id: impl ToString) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }

    /// The stable code; each has a page in `docs/problems/`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { code, .. }
            | Self::Conflict { code, .. }
            | Self::Unavailable { code, .. }
            | Self::Limited { code, .. } => code,
            Self::NotFound { .. } | Self::NotThen { .. } => "not_found",
            Self::Pruned { .. } => "history_pruned",
            Self::Rejected(rejection) => rejection.code,
            Self::Stale { .. } => "precondition_failed",
            Self::Unauthenticated { .. } => "unauthenticated",
            Self::Forbidden { .. } => "forbidden",
            Self::TimedOut { .. } => "timed_out",
            Self::Internal(_) => "internal",
        }
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable { .. } => Self::Unavailable {
                code: "database_unavailable",
                message: "the database does not answer; try again in a moment".to_owned(),
                retry_after: Some(Duration::from_secs(1)),
            },
            StorageError::Duplicate { .. } => Self::Conflict {
                code: "conflict",
                message: "somebody else made the same thing at the same moment; ask again".to_owned(),
            },
            StorageError::Contended { .. } => Self::Conflict {
                code: "conflict",
                message: "others changed the same rows at the same time; ask again".to_owned(),
            },
            StorageError::Refused { .. } | StorageError::Corrupt { .. } => Self::Internal(Box::new(error)),
        }
    }
}

impl From<goalwright_domain::task::Refusal> for Error {
    fn from(refusal: goalwright_domain::task::Refusal) -> Self {
        match refusal {
            goalwright_domain::task::Refusal::Rejected(rejection) => rejection.into(),
            goalwright_domain::task::Refusal::Invalid(violations) => violations.into(),
        }
    }
}

impl From<Vec<Violation>> for Error {
    fn from(violations: Vec<Violation>) -> Self {
        Self::invalid(violations)
    }
}
