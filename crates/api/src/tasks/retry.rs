//! When a task is tried again, as it is read and shown.

use goalwright_domain::execution::{Backoff, OnExhausted};
use poem_openapi::Object;

use crate::values::vocabulary;

vocabulary!(OnExhausted, "on exhausted", { Fail: "fail", Pause: "pause" });

/// When a failed attempt is followed by another one. What is left out is as usual.
#[derive(Debug, Object)]
#[oai(rename = "Retry", deny_unknown_fields, skip_serializing_if_is_none)]
pub(crate) struct RetryBody {
    /// Before the second attempt, in seconds; 1 as usual.
    initial_delay: Option<f64>,
    /// Each delay is this many times the one before; 2 as usual.
    backoff_factor: Option<f64>,
    /// No delay is longer, in seconds; 60 as usual.
    max_delay: Option<f64>,
    /// Whether delays are spread over their upper half; true as usual.
    jitter: Option<bool>,
    /// Types of errors after which it is tried again even if whoever reports them says that it cannot help.
    retryable_errors: Option<Vec<String>>,
    /// Types of errors after which it is never tried again.
    fatal_errors: Option<Vec<String>>,
}

impl From<RetryBody> for Backoff {
    fn from(body: RetryBody) -> Self {
        let usual = Self::default();
        Self {
            initial_delay: body.initial_delay.unwrap_or(usual.initial_delay),
            backoff_factor: body.backoff_factor.unwrap_or(usual.backoff_factor),
            max_delay: body.max_delay.unwrap_or(usual.max_delay),
            jitter: body.jitter.unwrap_or(usual.jitter),
            retryable_errors: body.retryable_errors.unwrap_or_default(),
            fatal_errors: body.fatal_errors.unwrap_or_default(),
        }
    }
}

impl From<Backoff> for RetryBody {
    fn from(backoff: Backoff) -> Self {
        Self {
            initial_delay: Some(backoff.initial_delay),
            backoff_factor: Some(backoff.backoff_factor),
            max_delay: Some(backoff.max_delay),
            jitter: Some(backoff.jitter),
            retryable_errors: Some(backoff.retryable_errors),
            fatal_errors: Some(backoff.fatal_errors),
        }
    }
}
