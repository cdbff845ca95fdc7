//! Chance that a seed decides.

use std::time::Duration;

/// A generator (SplitMix64): the same seed gives the same numbers on every machine.
#[derive(Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// `purpose` keeps apart what is drawn for different things with one seed.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        let salt = purpose.bytes().fold(seed, |salt, byte| salt.rotate_left(7) ^ u64::from(byte));
        let mut chance = Self(salt ^ seed.wrapping_mul(0xd134_2543_de82_ef95));
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 if that is 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % limit).unwrap_or_default()
    }

    /// A number from `low` up to and with `high`.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// A span from `low` up to and with `high` milliseconds.
    pub(crate) fn millis(&mut self, low: usize, high: usize) -> Duration {
        Duration::from_millis(u64::try_from(self.between(low, high)).unwrap_or_default())
    }
}
