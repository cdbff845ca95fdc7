//! The one place that starts tasks of the runtime. Whoever starts one keeps its handle and waits for it.

use std::future::Future;

use tokio::task::JoinHandle;

/// Starts `future` on the runtime.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that spawns; the caller keeps the handle"
)]
pub(crate) fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future)
}
