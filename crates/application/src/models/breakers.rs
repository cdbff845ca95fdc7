//! The breakers: one for each endpoint and model that failed lately.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use goalwright_domain::Timestamp;
use goalwright_domain::model::{Admission, Breaker, BreakerRule, BreakerState, ModelName, Provider};

use crate::ports::{Clock, Happening, Telemetry};

/// So many are remembered. Callers may name models, and a name must not cost memory for ever.
const MOST: usize = 1_000;

/// An endpoint and a model of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) endpoint: String,
    pub(super) model: ModelName,
}

/// Who failed lately.
pub(super) struct Breakers {
    rule: BreakerRule,
    clock: Arc<dyn Clock>,
    telemetry: Arc<dyn Telemetry>,
    /// A breaker that is not here is closed, and nothing failed.
    known: Mutex<HashMap<Place, Breaker>>,
}

impl Breakers {
    pub(super) fn new(rule: BreakerRule, clock: Arc<dyn Clock>, telemetry: Arc<dyn Telemetry>) -> Self {
        Self { rule, clock, telemetry, known: Mutex::default() }
    }

    /// Lets a call pass, or says for how long none does.
    pub(super) fn admit(&self, place: Place) -> Result<Ticket<'_>, Duration> {
        let now = self.clock.now();
        let admitted = self.change(&place, |breaker, rule| {
            let admission = breaker.admit(rule, now);
            (admission, breaker.state() == BreakerState::HalfOpen)
        });
        match admitted {
            (Admission::Pass, probe) => {
                Ok(Ticket { breakers: self, place, passed_at: now, probe, used: false })
            }
            (Admission::Wait(wait), _) => Err(wait),
        }
    }

    /// Changes one of them; what changes for others to see is logged and told.
    fn change<T>(&self, place: &Place, with: impl FnOnce(&mut Breaker, BreakerRule) -> T) -> T {
        let mut known = self.lock();
        let mut breaker = known.get(place).copied().unwrap_or_default();
        let before = breaker.state();
        let answer = with(&mut breaker, self.rule);
        let after = breaker.state();
        if breaker == Breaker::default() {
            known.remove(place);
        } else {
            if known.len() >= MOST && !known.contains_key(place) {
                known.retain(|_, other| other.state() != BreakerState::Closed);
            }
            // With so many open ones a new one is not remembered: its model is asked, and fails as slowly as it does.
            if known.len() < MOST || known.contains_key(place) {
                known.insert(place.clone(), breaker);
            }
        }
        if before != after {
            let worst = worst(&known, place.model.provider());
            drop(known);
            self.tell(place, before, after, worst);
        }
        answer
    }

    fn tell(&self, place: &Place, before: BreakerState, after: BreakerState, worst: BreakerState) {
        let Place { endpoint, model } = place;
        let (from, to) = (before.as_str(), after.as_str());
        if after == BreakerState::Open {
            let seconds = self.rule.open.as_secs_f64();
            tracing::warn!(endpoint, %model, from, to, seconds, "the breaker of a model opened: it is not asked for a while");
        } else {
            tracing::info!(endpoint, %model, from, to, "the breaker of a model changed");
        }
        let provider = model.provider().as_str();
        self.telemetry.tell(Happening::BreakerChanged { provider, state: worst });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Breaker>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The worst state of a provider's breakers.
fn worst(known: &HashMap<Place, Breaker>, provider: Provider) -> BreakerState {
    let states = known.iter().filter(|(place, _)| place.model.provider() == provider);
    let rank = |state: &BreakerState| match state {
        BreakerState::Closed => 0,
        BreakerState::HalfOpen => 1,
        BreakerState::Open => 2,
    };
    states.map(|(_, breaker)| breaker.state()).max_by_key(rank).unwrap_or(BreakerState::Closed)
}

/// The right to make one call. One that is dropped without a word was given up: it frees the probe that it may have been.
pub(super) struct Ticket<'a> {
    breakers: &'a Breakers,
    place: Place,
    passed_at: Timestamp,
    probe: bool,
    used: bool,
}

impl Ticket<'_> {
    /// The endpoint answered, if only to say no.
    pub(super) fn answered(mut self) {
        self.used = true;
        self.breakers.change(&self.place, |breaker, _| breaker.answered());
    }

    /// All attempts failed.
    pub(super) fn failed(mut self) {
        self.used = true;
        let now = self.breakers.clock.now();
        self.breakers.change(&self.place, |breaker, rule| breaker.failed(rule, now));
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        // Only the probe itself can free the probe.
        if !self.used && self.probe {
            let now = self.breakers.clock.now();
            self.breakers.change(&self.place, |breaker, _| breaker.abandoned(self.passed_at, now));
        }
    }
}
