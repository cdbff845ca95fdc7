//! How long to wait between two attempts.

use std::time::Duration;

use super::Patience;

impl Patience {
    /// The pause after this attempt, counted from 1: it doubles from `min` to `max`, and chance spreads it over the upper
    /// half of that step, so that callers who failed together do not come back together. What the endpoint wants is a floor.
    pub(super) fn pause(&self, attempt: u32, wanted: Option<Duration>, chance: f64) -> Duration {
        let step = |doublings: u32| {
            let factor = 2u32.saturating_pow(doublings);
            self.min.saturating_mul(factor).min(self.max)
        };
        let (least, most) = (step(attempt.saturating_sub(1)), step(attempt));
        let pause = least + most.saturating_sub(least).mul_f64(chance.clamp(0.0, 1.0));
        pause.max(wanted.unwrap_or_default())
    }

    /// Within which a whole call ends.
    pub(crate) fn whole(&self) -> Duration {
        let attempts = self.attempt_timeout.saturating_mul(self.attempts.max(1));
        let pauses = self.max.saturating_mul(self.attempts.saturating_sub(1));
        let all = attempts.saturating_add(pauses);
        self.deadline.map_or(all, |deadline| deadline.min(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_within_their_bounds_and_are_spread() {
        let patience = Patience::default();
        let pause = |attempt, chance| patience.pause(attempt, None, chance).as_secs_f64();
        for (attempt, least, most) in
            [(1, 2.0, 4.0), (2, 4.0, 8.0), (3, 8.0, 10.0), (4, 10.0, 10.0), (90, 10.0, 10.0)]
        {
            assert_eq!((pause(attempt, 0.0), pause(attempt, 1.0)), (least, most), "attempt {attempt}");
            assert!((least..=most).contains(&pause(attempt, 0.37)));
        }
        let odd = Patience { min: Duration::from_secs(20), max: Duration::from_secs(5), ..patience };
        assert_eq!(odd.pause(1, None, 0.5), Duration::from_secs(5), "never above the longest");
    }

    #[test]
    fn what_the_endpoint_wants_is_a_floor_and_no_ceiling() {
        let patience = Patience::default();
        assert_eq!(patience.pause(1, Some(Duration::from_secs(30)), 0.5), Duration::from_secs(30));
        assert_eq!(patience.pause(1, Some(Duration::from_millis(5)), 0.5), Duration::from_secs(3));
    }

    #[test]
    fn a_call_ends_within_its_attempts_and_pauses_or_earlier() {
        let patience = Patience::default();
        assert_eq!(patience.whole(), Duration::from_secs(3 * 60 + 2 * 10));
        let short = Patience { deadline: Some(Duration::from_secs(5)), ..patience };
        assert_eq!(short.whole(), Duration::from_secs(5));
    }
}
