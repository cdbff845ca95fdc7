//! Time, ids and chance.

use std::time::Duration;

use async_trait::async_trait;
use goalwright_domain::Timestamp;
use uuid::Uuid;

/// The present moment.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}

/// Ids and chance. No two answers of `ordered` or `random` are the same.
pub trait Ids: Send + Sync {
    /// A UUIDv7: later ones are greater, as far as one process can tell.
    fn ordered(&self) -> Uuid;
    /// A UUIDv4.
    fn random(&self) -> Uuid;
    /// Evenly spread over `[0, 1)`.
    fn chance(&self) -> f64;
}

/// Waiting, so that tests need not.
#[async_trait]
pub trait Timer: Send + Sync {
    /// Returns when this time has passed.
    async fn sleep(&self, span: Duration);
}
