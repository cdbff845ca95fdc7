//! The one place that starts tasks of the runtime. Whoever starts one keeps its handle and waits for it.

use std::future::Future;

use tokio::task::{JoinHandle, JoinSet};

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

/// Starts `future` as one of several that are waited for together.
pub(crate) fn spawn_in<F>(set: &mut JoinSet<()>, future: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    set.spawn(future);
}

/// Starts a loop without which the process would look alive and do nothing: if it panics, the process ends, whoever
/// supervises it starts it again, and its leases run out.
pub(crate) fn spawn_essential<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let inner = spawn(future);
    spawn(async move {
        match inner.await {
            Ok(output) => output,
            Err(error) => {
                tracing::error!(error = %error, "the {name} broke down; the process ends so that it can be started again");
                std::process::exit(70);
            }
        }
    })
}
