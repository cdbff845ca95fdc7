//! Why there is no answer.

use std::time::Duration;

use super::Usage;

/// One attempt to get an answer came to nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFailure {
    /// What went wrong.
    pub cause: Cause,
    /// What it cost all the same, as far as the provider told.
    pub usage: Option<Usage>,
    /// Whether it may have cost more than was told: the model was at work, and nobody heard how much.
    pub untold: bool,
    /// Whether a part of the answer was handed on already: it is not asked for a second time then.
    pub begun: bool,
}

impl From<Cause> for ModelFailure {
    fn from(cause: Cause) -> Self {
        let untold = cause.interrupts();
        Self { cause, usage: None, untold, begun: false }
    }
}

impl ModelFailure {
    /// Whether the same request may succeed later without anybody changing anything.
    pub const fn is_retryable(&self) -> bool {
        !self.begun && self.cause.is_passing()
    }
}

/// What went wrong. `Display` is for people; it names settings and never their values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// No key, or no address, is set.
    #[error("the model cannot be asked: set {setting}")]
    NotConfigured {
        /// What to set.
        setting: &'static str,
    },
    /// The endpoint does not accept our key.
    #[error("the model's endpoint does not accept our key ({status}): check {setting}")]
    Credentials {
        /// What to check.
        setting: &'static str,
        /// What it answered.
        status: u16,
    },
    /// There is no such model, or not for us.
    #[error("the endpoint has no model `{model}`")]
    UnknownModel {
        /// As it was asked for.
        model: String,
    },
    /// Too many requests for now.
    #[error("the model's endpoint limits our requests")]
    RateLimited {
        /// Not before.
        retry_after: Option<Duration>,
    },
    /// What we may spend there is spent; waiting does not help.
    #[error("what may be spent at the model's endpoint is spent: {message}")]
    Quota {
        /// In its words, shortened.
        message: String,
    },
    /// Too many requests from everybody.
    #[error("the model is overloaded")]
    Overloaded {
        /// Not before.
        retry_after: Option<Duration>,
    },
    /// The endpoint failed.
    #[error("the model's endpoint failed ({status})")]
    Server {
        /// What it answered.
        status: u16,
        /// Not before.
        retry_after: Option<Duration>,
    },
    /// No answer in time.
    #[error("the model did not answer within {} s", after.as_secs_f64())]
    TimedOut {
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection could not be made, or broke.
    #[error("the model's endpoint cannot be reached: {message}")]
    Unreachable {
        /// What the network says.
        message: String,
    },
    /// The answer stopped before its end.
    #[error("the model's answer was cut off")]
    CutOff,
    /// The answer is none that the provider's interface knows: a page of a proxy, no UTF-8, without end.
    #[error("the model's endpoint answers something that is no answer of a model: {message}")]
    Unintelligible {
        /// What came instead.
        message: String,
    },
    /// The request is longer than the model reads.
    #[error("the request is too long for the model{}", lengths(*.asked, *.limit))]
    TooLong {
        /// How many tokens it has.
        asked: Option<u64>,
        /// How many the model reads.
        limit: Option<u64>,
    },
    /// The endpoint does not understand the request; the same request will not be understood later.
    #[error("the model's endpoint refuses the request ({status}): {message}")]
    Refused {
        /// What it answered.
        status: u16,
        /// In its words, shortened.
        message: String,
    },
}

impl Cause {
    /// For logs and figures.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::NotConfigured { .. } => "not_configured",
            Self::Credentials { .. } => "credentials",
            Self::UnknownModel { .. } => "unknown_model",
            Self::RateLimited { .. } => "rate_limited",
            Self::Quota { .. } => "quota",
            Self::Overloaded { .. } => "overloaded",
            Self::Server { .. } => "server",
            Self::TimedOut { .. } => "timed_out",
            Self::Unreachable { .. } => "unreachable",
            Self::CutOff => "cut_off",
            Self::Unintelligible { .. } => "unintelligible",
            Self::TooLong { .. } => "too_long",
            Self::Refused { .. } => "refused",
        }
    }

    /// Whether it passes by itself.
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Overloaded { .. }
            | Self::Server { .. }
            | Self::TimedOut { .. }
            | Self::Unreachable { .. }
            | Self::CutOff
            | Self::Unintelligible { .. } => true,
            Self::NotConfigured { .. }
            | Self::Credentials { .. }
            | Self::UnknownModel { .. }
            | Self::Quota { .. }
            | Self::TooLong { .. }
            | Self::Refused { .. } => false,
        }
    }

    /// Whether the model may have been at work when it was given up or went silent. What it consumed until then is charged, and
    /// not told.
    pub const fn interrupts(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::Unreachable { .. } | Self::CutOff | Self::Unintelligible { .. } => {
                true
            }
            // Whoever stands before the model gave up waiting for it.
            Self::Server { status, .. } => matches!(status, 408 | 504 | 524),
            Self::NotConfigured { .. }
            | Self::Credentials { .. }
            | Self::UnknownModel { .. }
            | Self::RateLimited { .. }
            | Self::Quota { .. }
            | Self::Overloaded { .. }
            | Self::TooLong { .. }
            | Self::Refused { .. } => false,
        }
    }

    /// Before when it is of no use to ask again.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after }
            | Self::Overloaded { retry_after }
            | Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

fn lengths(asked: Option<u64>, limit: Option<u64>) -> String {
    match (asked, limit) {
        (Some(asked), Some(limit)) => format!(": it has {asked} tokens, and the model reads {limit}"),
        (Some(asked), None) => format!(": it has {asked} tokens"),
        (None, Some(limit)) => format!(": the model reads {limit} tokens"),
        (None, None) => String::new(),
    }
}
