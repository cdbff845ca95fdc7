//! Work that goes on if whoever waits for it is gone.

use tracing::Instrument as _;

use crate::Error;

/// Does this to its end, in the span of the caller, whether the caller still waits or not. What a shutdown or a crash cuts
/// off leaves what any crash leaves.
///
/// # Errors
/// Those of the work; `Internal` if it broke down.
#[expect(clippy::disallowed_methods, reason = "its caller waits for it, unless whoever asked has hung up")]
pub(crate) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(outcome) => outcome,
        Err(broken) => Err(Error::Internal(Box::new(broken))),
    }
}
