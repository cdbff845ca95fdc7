//! Why a call has no answer, and what callers are told.

use std::time::Duration;

use goalwright_domain::Violation;
use goalwright_domain::model::{Cause, ModelName, Usage};

use crate::Error;

/// A call without an answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct Unanswered {
    /// Why there is none.
    pub why: NoAnswer,
    /// How often it was asked for; 0 if it was not.
    pub attempts: u32,
    /// What was consumed all the same, as far as the provider told.
    pub usage: Usage,
    /// Whether an attempt may have consumed more than was told: then nobody knows what the call cost.
    pub untold: bool,
    /// How long it took, pauses included.
    pub took: Duration,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The last attempt failed.
    #[error("{0}")]
    Failed(Cause),
    /// The model failed several times, and is left alone for a while.
    #[error("the model `{model}` failed several times and is left alone for {} s", seconds(*.retry_after))]
    CircuitOpen {
        /// Which model.
        model: ModelName,
        /// For so long.
        retry_after: Duration,
    },
}

impl NoAnswer {
    /// For logs and figures.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Failed(cause) => cause.class(),
            Self::CircuitOpen { .. } => "circuit_open",
        }
    }
}

impl Unanswered {
    /// Nobody was asked, for this reason.
    pub(super) fn of(cause: Cause) -> Self {
        let (usage, took) = (Usage::default(), Duration::ZERO);
        Self { why: NoAnswer::Failed(cause), attempts: 0, usage, untold: false, took }
    }
}

impl From<Unanswered> for Error {
    fn from(Unanswered { why, attempts, .. }: Unanswered) -> Self {
        let said = why.to_string();
        let cause = match why {
            NoAnswer::CircuitOpen { retry_after, .. } => {
                let message = format!("{said}; try again then");
                return unavailable("model_circuit_open", message, Some(retry_after));
            }
            NoAnswer::Failed(cause) => cause,
        };
        let retry_after = cause.retry_after();
        match cause {
            Cause::NotConfigured { .. } => unavailable("model_not_configured", said, None),
            Cause::Credentials { .. } => unavailable("model_credentials", said, None),
            Cause::TooLong { .. } => Self::Invalid {
                code: "model_context_too_long",
                violations: vec![Violation::new("model", "context_too_long", said.clone())],
                message: format!("{said}; shorten what is sent, or choose a model that reads more"),
            },
            Cause::UnknownModel { .. } => {
                let message = format!("{said}; name another one in the request or in GOALWRIGHT_MODEL");
                unavailable("model_unavailable", message, None)
            }
            Cause::Quota { .. } | Cause::Refused { .. } => unavailable("model_unavailable", said, None),
            Cause::RateLimited { .. }
            | Cause::Overloaded { .. }
            | Cause::Server { .. }
            | Cause::TimedOut { .. }
            | Cause::Unreachable { .. }
            | Cause::CutOff
            | Cause::Unintelligible { .. } => {
                let times = if attempts > 1 { format!(" (asked {attempts} times)") } else { String::new() };
                unavailable("model_unavailable", format!("{said}{times}; try again later"), retry_after)
            }
        }
    }
}

const fn unavailable(code: &'static str, message: String, retry_after: Option<Duration>) -> Error {
    Error::Unavailable { code, message, retry_after }
}

/// Rounded up: nobody is to come a fraction of a second too early.
fn seconds(span: Duration) -> u128 {
    span.as_millis().div_ceil(1000)
}
