//! Units of work that lost a race are done again.

use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use crate::ports::StorageError;

/// Does `unit` again, up to five times within about a second, while it fails with [`StorageError::Contended`]: a
/// deadlock or a serialisation failure on PostgreSQL, a busy file on SQLite. `unit` must begin its own unit of work
/// each time.
pub async fn retrying<T, E, F, Fut>(unit: F) -> Result<T, E>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: Contention,
{
    let schedule = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(10))
        .with_max_delay(Duration::from_millis(500))
        .with_max_times(5)
        .with_jitter();
    unit.retry(schedule).when(Contention::is_contention).await
}

/// Errors that tell whether the same thing may succeed when it is done again at once.
pub trait Contention {
    /// Whether a race was lost.
    fn is_contention(&self) -> bool;
}

impl Contention for StorageError {
    fn is_contention(&self) -> bool {
        matches!(self, Self::Contended { .. })
    }
}

impl Contention for crate::Error {
    fn is_contention(&self) -> bool {
        // `conflict` is what a contended statement becomes; a duplicate becomes it too, and may be seen as what it
        // is on the second look.
        matches!(self, Self::Conflict { code: "conflict", .. })
    }
}
