//! Reading costs linear time: a bound that honest work stays far below, and quadratic work does not.

use std::time::{Duration, Instant};

/// What any input may take, however short: the machine may be busy.
const AT_LEAST: Duration = Duration::from_millis(100);
/// What each byte may take on top. Instrumented code reads a byte in well under a microsecond.
const PER_BYTE: Duration = Duration::from_micros(8);
/// Only the fastest of so many attempts counts, since a slow one may be the machine's fault.
const ATTEMPTS: usize = 4;

/// Does the work, and does it again if it was slow.
///
/// # Panics
/// If every attempt takes longer than an input of so many bytes may.
pub fn bounded<T>(bytes: usize, work: impl Fn() -> T) -> T {
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    let allowed = AT_LEAST + PER_BYTE * bytes;
    let mut fastest = Duration::MAX;
    for _ in 0..ATTEMPTS {
        let started = Instant::now();
        let result = work();
        fastest = fastest.min(started.elapsed());
        if fastest <= allowed {
            return result;
        }
    }
    panic!("{bytes} bytes took {fastest:?}, more than the {allowed:?} that linear work stays below");
}
