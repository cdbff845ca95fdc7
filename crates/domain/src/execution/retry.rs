//! When a failed attempt is tried again, and when it is not.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Violation;
use crate::task::NAME_LIMIT;

/// So many lost leases send a task to a person: something about it kills workers.
pub const STRIKE_LIMIT: u32 = 3;

/// The longest delay between two attempts.
pub const LONGEST_DELAY: Duration = Duration::from_secs(24 * 60 * 60);

/// So many types of errors may be named.
pub const ERROR_TYPES: usize = 50;

/// What becomes of a task whose last attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExhausted {
    /// It has failed.
    #[default]
    Fail,
    /// It waits for a person's decision.
    Pause,
}

impl OnExhausted {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Pause => "pause",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Fail, Self::Pause].into_iter().find(|one| one.as_str() == text)
    }
}

/// When a task is tried again, as somebody set it. Durations are in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backoff {
    /// Before the second attempt.
    #[serde(serialize_with = "as_in_ledger")]
    pub initial_delay: f64,
    /// Each delay is this many times the one before.
    #[serde(serialize_with = "as_in_ledger")]
    pub backoff_factor: f64,
    /// No delay is longer.
    #[serde(serialize_with = "as_in_ledger")]
    pub max_delay: f64,
    /// Whether delays are spread over their upper half, so that not all come back at once.
    pub jitter: bool,
    /// Types of errors after which it is tried again even if whoever reports them says that it cannot help.
    pub retryable_errors: Vec<String>,
    /// Types of errors after which it is never tried again.
    pub fatal_errors: Vec<String>,
}

/// The ledger has whole numbers without a fraction ([`crate::canonical`]), and what is folded from it must be what is stored.
#[expect(clippy::cast_possible_truncation, reason = "whole and small, as was just seen")]
fn as_in_ledger<S: serde::Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        serializer.serialize_i64(*number as i64)
    } else {
        serializer.serialize_f64(*number)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            initial_delay: 1.0,
            backoff_factor: 2.0,
            max_delay: 60.0,
            jitter: true,
            retryable_errors: Vec::new(),
            fatal_errors: Vec::new(),
        }
    }
}

impl Backoff {
    /// Every rule that it breaks.
    pub fn violations(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        let longest = LONGEST_DELAY.as_secs_f64();
        let numbers = [
            ("retry.initial_delay", self.initial_delay, 0.0, longest),
            ("retry.backoff_factor", self.backoff_factor, 1.0, 100.0),
            ("retry.max_delay", self.max_delay, 0.0, longest),
        ];
        for (path, number, least, most) in numbers {
            if !(least..=most).contains(&number) {
                let message = format!("between {least} and {most}");
                violations.push(Violation::new(path, "out_of_range", message));
            }
        }
        let lists =
            [("retry.retryable_errors", &self.retryable_errors), ("retry.fatal_errors", &self.fatal_errors)];
        for (path, types) in lists {
            if types.len() > ERROR_TYPES {
                violations.push(Violation::new(path, "too_many", format!("at most {ERROR_TYPES} types")));
            }
            for (index, kind) in types.iter().enumerate() {
                violations.extend(Violation::of_text(&format!("{path}[{index}]"), kind, NAME_LIMIT));
            }
        }
        let both = self.fatal_errors.iter().find(|kind| self.retryable_errors.contains(kind));
        if let Some(kind) = both {
            let message = format!("`{kind}` is among the retryable errors, too; leave it out of one of them");
            violations.push(Violation::new("retry.fatal_errors", "contradiction", message));
        }
        violations
    }
}

/// How often and when a failed attempt is tried again, and what happens when it is not.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub max_attempts: u32,
    /// The delays, and the errors.
    pub backoff: Backoff,
    /// What becomes of the task after the last one.
    pub on_exhausted: OnExhausted,
}

impl RetryPolicy {
    /// The default schedule with this many attempts.
    pub fn with_attempts(max_attempts: u32) -> Self {
        Self { max_attempts, backoff: Backoff::default(), on_exhausted: OnExhausted::Fail }
    }

    /// Whether trying again can help after an error of this type, of which whoever reports it says so or not.
    pub fn can_help(&self, kind: &str, retryable: bool) -> bool {
        let among = |types: &[String]| types.iter().any(|one| one == kind);
        !among(&self.backoff.fatal_errors) && (retryable || among(&self.backoff.retryable_errors))
    }

    /// The delay after attempt `number` (from 1) failed: exponential, and with jitter in `[d/2, d]`. `chance` in
    /// `[0, 1)` spreads it.
    pub fn delay(&self, number: u32, chance: f64) -> Duration {
        let Backoff { initial_delay, backoff_factor, max_delay, jitter, .. } = self.backoff;
        let exponent = i32::try_from(number.saturating_sub(1)).unwrap_or(i32::MAX);
        let full = (initial_delay * backoff_factor.powi(exponent)).min(max_delay);
        let spread = if jitter { 0.5 + 0.5 * chance.clamp(0.0, 1.0) } else { 1.0 };
        Duration::try_from_secs_f64(full * spread).unwrap_or(LONGEST_DELAY).min(LONGEST_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_limit_and_are_spread_over_their_upper_half() {
        let policy = RetryPolicy::with_attempts(10);
        assert_eq!(policy.delay(1, 1.0), Duration::from_secs(1));
        assert_eq!(policy.delay(3, 1.0), Duration::from_secs(4));
        assert_eq!(policy.delay(3, 0.0), Duration::from_secs(2));
        assert_eq!(policy.delay(u32::MAX, 1.0), Duration::from_secs(60));
    }

    #[test]
    fn delays_are_as_they_were_set() {
        let backoff = Backoff {
            initial_delay: 5.0,
            backoff_factor: 3.0,
            max_delay: 20.0,
            jitter: false,
            ..Backoff::default()
        };
        let policy = RetryPolicy { backoff, ..RetryPolicy::with_attempts(9) };
        let delays: Vec<u64> = (1..=4).map(|number| policy.delay(number, 0.3).as_secs()).collect();
        assert_eq!(delays, [5, 15, 20, 20]);
        let nothing = Backoff { initial_delay: 0.0, backoff_factor: 100.0, ..Backoff::default() };
        let policy = RetryPolicy { backoff: nothing, ..RetryPolicy::with_attempts(9) };
        assert_eq!(policy.delay(u32::MAX, 0.3), LONGEST_DELAY.min(policy.delay(u32::MAX, 0.3)));
    }

    #[test]
    fn types_of_errors_decide_before_whoever_reports_them() {
        let backoff = Backoff {
            retryable_errors: vec!["Busy".into()],
            fatal_errors: vec!["Forbidden".into()],
            ..Backoff::default()
        };
        let policy = RetryPolicy { backoff, ..RetryPolicy::with_attempts(3) };
        let answers =
            [("Busy", false), ("Busy", true), ("Forbidden", true), ("Other", true), ("Other", false)]
                .map(|(kind, retryable)| policy.can_help(kind, retryable));
        assert_eq!(answers, [true, true, false, true, false]);
    }

    #[test]
    fn what_cannot_be_is_named() {
        let wrong = Backoff {
            initial_delay: -1.0,
            backoff_factor: f64::NAN,
            max_delay: 1e9,
            retryable_errors: vec!["A".into(), "x".repeat(NAME_LIMIT + 1)],
            fatal_errors: vec!["A".into()],
            ..Backoff::default()
        };
        let paths: Vec<String> = wrong.violations().into_iter().map(|one| one.path).collect();
        assert_eq!(
            paths,
            [
                "retry.initial_delay",
                "retry.backoff_factor",
                "retry.max_delay",
                "retry.retryable_errors[1]",
                "retry.fatal_errors"
            ]
        );
        assert!(Backoff::default().violations().is_empty());
    }
}
