//! A circuit breaker: an endpoint that keeps failing is left alone for a while.
//!
//! Closed, it lets everything through and counts calls that failed one after the other. Open, it lets nothing through
//! until its time is over. Then it is half open: one call goes through as a probe, and what becomes of it decides.
//! The pattern is Michael Nygard's (*Release It!*, 2007). Time is an argument; a breaker is locked by whoever shares it.

use std::time::Duration;

use crate::Timestamp;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRule {
    /// It opens after so many failed calls in a row; at least 1.
    pub failures: u32,
    /// For so long nothing passes.
    pub open: Duration,
    /// A probe that was not heard of for so long is lost: longer than a call can take.
    pub probe: Duration,
}

impl Default for BreakerRule {
    fn default() -> Self {
        Self { failures: 3, open: Duration::from_secs(60), probe: Duration::from_secs(300) }
    }
}

/// What a breaker knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    state: Inner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inner {
    Closed { failed: u32 },
    Open { until: Timestamp },
    Probing { since: Timestamp },
}

impl Default for Inner {
    fn default() -> Self {
        Self::Closed { failed: 0 }
    }
}

/// Whether calls pass, for figures and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// All pass.
    Closed,
    /// One passes, as a probe.
    HalfOpen,
    /// None passes.
    Open,
}

impl BreakerState {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// Whether a call passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It does; tell the breaker what becomes of it.
    Pass,
    /// Not for so long.
    Wait(Duration),
}

impl Breaker {
    /// Where it stands.
    pub const fn state(&self) -> BreakerState {
        match self.state {
            Inner::Closed { .. } => BreakerState::Closed,
            Inner::Open { .. } => BreakerState::Open,
            Inner::Probing { .. } => BreakerState::HalfOpen,
        }
    }

    /// Asks whether a call may be made now. A probe that nobody reports within its time is taken for lost, and
    /// the next call becomes one.
    pub fn admit(&mut self, rule: BreakerRule, now: Timestamp) -> Admission {
        let over = match self.state {
            Inner::Closed { .. } => return Admission::Pass,
            Inner::Open { until } => until,
            Inner::Probing { since } => since + rule.probe,
        };
        if now < over {
            return Admission::Wait(over.since(now));
        }
        self.state = Inner::Probing { since: now };
        Admission::Pass
    }

    /// A call was answered, if only to say no: the endpoint lives.
    pub const fn answered(&mut self) {
        self.state = Inner::Closed { failed: 0 };
    }

    /// A call failed with all its attempts.
    pub fn failed(&mut self, rule: BreakerRule, now: Timestamp) {
        let until = now + rule.open;
        self.state = match self.state {
            Inner::Closed { failed } if failed + 1 < rule.failures => Inner::Closed { failed: failed + 1 },
            // One that was under way when it opened adds nothing to it.
            Inner::Open { until } => Inner::Open { until },
            Inner::Closed { .. } | Inner::Probing { .. } => Inner::Open { until },
        };
    }

    /// The probe that passed at this moment was given up by whoever made it: nothing is known, and another may pass.
    pub fn abandoned(&mut self, passed_at: Timestamp, now: Timestamp) {
        if self.state == (Inner::Probing { since: passed_at }) {
            self.state = Inner::Open { until: now };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: BreakerRule =
        BreakerRule { failures: 3, open: Duration::from_secs(60), probe: Duration::from_secs(200) };

    fn at(second: i64) -> Timestamp {
        Timestamp::new(chrono::DateTime::from_timestamp(1_000_000 + second, 0).expect("in range"))
    }

    #[test]
    fn it_opens_after_three_failures_in_a_row_and_closes_by_one_probe() {
        let mut breaker = Breaker::default();
        breaker.failed(RULE, at(0));
        breaker.failed(RULE, at(1));
        breaker.answered();
        breaker.failed(RULE, at(2));
        breaker.failed(RULE, at(3));
        assert_eq!(breaker.admit(RULE, at(4)), Admission::Pass);
        breaker.failed(RULE, at(5));
        assert_eq!(breaker.state(), BreakerState::Open);
        assert_eq!(breaker.admit(RULE, at(25)), Admission::Wait(Duration::from_secs(40)));
        assert_eq!(breaker.admit(RULE, at(65)), Admission::Pass);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert_eq!(
            breaker.admit(RULE, at(66)),
            Admission::Wait(Duration::from_secs(199)),
            "one probe at a time"
        );
        breaker.failed(RULE, at(70));
        assert_eq!(breaker.admit(RULE, at(129)), Admission::Wait(Duration::from_secs(1)));
        assert_eq!(breaker.admit(RULE, at(130)), Admission::Pass);
        breaker.answered();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn a_probe_that_is_given_up_or_lost_blocks_nobody() {
        let mut breaker = Breaker { state: Inner::Open { until: at(0) } };
        assert_eq!(breaker.admit(RULE, at(0)), Admission::Pass);
        breaker.abandoned(at(0), at(1));
        assert_eq!(breaker.admit(RULE, at(1)), Admission::Pass);
        assert_eq!(breaker.admit(RULE, at(200)), Admission::Wait(Duration::from_secs(1)));
        assert_eq!(breaker.admit(RULE, at(201)), Admission::Pass, "it was never reported");
        breaker.abandoned(at(1), at(202));
        assert_eq!(breaker.state(), BreakerState::HalfOpen, "the lost one frees nobody else's place");
        let mut closed = Breaker::default();
        closed.failed(RULE, at(0));
        closed.abandoned(at(0), at(0));
        assert_eq!(closed.state(), BreakerState::Closed);
    }
}
