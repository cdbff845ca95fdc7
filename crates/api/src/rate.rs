//! How much one caller may ask for at once.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use goalwright_application::Error;
use goalwright_domain::workspace::Principal;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use uuid::Uuid;

/// Requests per second and caller; a caller that was silent may ask for a second's worth at once.
#[derive(Clone)]
pub(crate) struct Rate(Option<Arc<Limiter>>);

struct Limiter {
    by_caller: DefaultKeyedRateLimiter<Uuid>,
    clock: DefaultClock,
    asked: AtomicU32,
}

/// After so many requests the callers that were silent since are forgotten.
const SWEEP: u32 = 10_000;

impl Rate {
    /// No limit without a number.
    pub(crate) fn new(per_second: Option<NonZeroU32>) -> Self {
        Self(per_second.map(|number| {
            Arc::new(Limiter {
                by_caller: RateLimiter::keyed(Quota::per_second(number)),
                clock: DefaultClock::default(),
                asked: AtomicU32::new(0),
            })
        }))
    }

    /// Counts a request: of the API key that it came with, else of the user.
    ///
    /// # Errors
    /// `Limited`, with when to ask again.
    pub(crate) fn admit(&self, caller: &Principal) -> Result<(), Error> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        if limiter.asked.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            limiter.by_caller.retain_recent();
        }
        let by = caller.credential.map_or(caller.user_id.uuid(), |credential| credential.api_key.uuid());
        limiter.by_caller.check_key(&by).map_err(|refused| Error::Limited {
            code: "rate_limited",
            retry_after: refused.wait_time_from(limiter.clock.now()),
            message: "too many requests at once; slow down, or raise GOALWRIGHT_RATE_LIMIT".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use goalwright_domain::api_key::{ApiKeyId, Scopes};
    use goalwright_domain::workspace::{Credential, UserId, WorkspaceId};

    use super::*;

    fn user(id: u128) -> Principal {
        Principal::person(UserId::new(Uuid::from_u128(id)), WorkspaceId::new(Uuid::from_u128(1)))
    }

    #[test]
    fn one_caller_does_not_use_up_what_another_may() {
        let rate = Rate::new(NonZeroU32::new(3));
        let (ada, eve) = (&user(1), &user(2));
        let refused = (0..50).filter(|_| rate.admit(ada).is_err()).count();
        assert!(refused > 40, "{refused}");
        assert!(rate.admit(eve).is_ok());
        let api_key = ApiKeyId::new(Uuid::from_u128(3));
        let credential = Credential { api_key, agent_id: None, scopes: Scopes::USUAL };
        let key = Principal { credential: Some(credential), ..*ada };
        assert!(rate.admit(&key).is_ok(), "a key is a caller of its own");
        assert_eq!(rate.admit(ada).expect_err("still").code(), "rate_limited");
        assert!((0..50).all(|_| Rate::new(None).admit(ada).is_ok()));
    }
}
