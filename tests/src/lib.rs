//! Waiting, for the suites of processes, the benchmarks and the torture: until something is so, with an end.

use std::thread;
use std::time::{Duration, Instant};

/// How often something is looked at that nobody announces, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Between two looks.
    pub look: Duration,
    /// From the first look to the last.
    pub limit: Duration,
}

impl Patience {
    /// Looks until there is an answer; none if there was none in time.
    pub fn until<T>(self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let since = Instant::now();
        loop {
            if let Some(found) = look() {
                return Some(found);
            }
            if since.elapsed() >= self.limit {
                return None;
            }
            thread::sleep(self.look);
        }
    }

    /// The same where looking may fail, which ends it.
    ///
    /// # Errors
    /// That of the look that failed.
    pub fn try_until<T, E>(self, mut look: impl FnMut() -> Result<Option<T>, E>) -> Result<Option<T>, E> {
        self.until(|| look().transpose()).transpose()
    }
}
