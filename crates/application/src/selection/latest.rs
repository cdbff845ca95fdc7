use std::sync::{Mutex, PoisonError};

use goalwright_domain::Timestamp;
use goalwright_domain::task::Standings;

/// Where all open tasks stood when they were counted last. Whoever selects work tells it along: counting for each claim
/// would cost more than the claim.
#[derive(Debug, Default)]
pub struct LatestStandings(Mutex<Option<(Standings, Timestamp)>>);

impl LatestStandings {
    /// They were counted.
    pub fn note(&self, standings: Standings, at: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((standings, at));
    }

    /// The last count; none before the first.
    pub fn get(&self) -> Option<(Standings, Timestamp)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
