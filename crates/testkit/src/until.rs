//! Waiting for what nobody announces.

use std::time::Duration;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// Longer than anything takes that comes at all.
const LIMIT: Duration = Duration::from_secs(60);

/// Waits until it is so: looks again and again, since nobody says when it is.
///
/// # Panics
/// If it is not so within a minute; `what` says what was waited for.
pub async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let waited = tokio::time::timeout(LIMIT, async {
        while !is_so().await {
            tokio::time::sleep(LOOK).await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain: {what}");
}
