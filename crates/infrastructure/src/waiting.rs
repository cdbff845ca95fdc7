//! Waiting in tests: for the end of a future, and for what nobody announces.

use std::time::Duration;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// Longer than anything takes that comes at all.
const LIMIT: Duration = Duration::from_secs(60);

/// Waits for its end, outside of any runtime.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// Waits until it is so.
///
/// # Panics
/// If it is not so within a minute; `what` says what was waited for.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waited = tokio::time::timeout(LIMIT, async {
        while !is_so() {
            tokio::time::sleep(LOOK).await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain: {what}");
}
