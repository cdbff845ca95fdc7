//! When a failed attempt is tried again, and when it is not.

use std::time::Duration;

/// So many lost leases send a task to a person: something about it kills workers.
pub const STRIKE_LIMIT: u32 = 3;

/// Exponential back-off with full jitter between the halves: the delay lies in `[d/2, d]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub max_attempts: u32,
    /// Before the second attempt.
    pub initial_delay: Duration,
    /// Each delay is this many times the one before.
    pub factor: f64,
    /// No delay is longer.
    pub max_delay: Duration,
}

impl RetryPolicy {
    /// The default schedule with this many attempts.
    pub const fn with_attempts(max_attempts: u32) -> Self {
        Self {
            max_attempts,
            initial_delay: Duration::from_secs(1),
            factor: 2.0,
            max_delay: Duration::from_secs(60),
        }
    }

    /// The delay after attempt `number` (from 1) failed. `chance` in `[0, 1)` spreads it.
    pub fn delay(&self, number: u32, chance: f64) -> Duration {
        let exponent = i32::try_from(number.saturating_sub(1)).unwrap_or(i32::MAX);
        let full =
            (self.initial_delay.as_secs_f64() * self.factor.powi(exponent)).min(self.max_delay.as_secs_f64());
        Duration::from_secs_f64(full * (0.5 + 0.5 * chance.clamp(0.0, 1.0)))
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
}
