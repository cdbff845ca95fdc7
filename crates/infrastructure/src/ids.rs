//! Random ids and chance; nothing else in the tree draws them.

use goalwright_application::ports::Ids;
use uuid::Uuid;

/// UUIDs from the operating system's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that draws ids")]
    fn ordered(&self) -> Uuid {
        Uuid::now_v7()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that draws ids")]
    fn random(&self) -> Uuid {
        Uuid::new_v4()
    }

    fn chance(&self) -> f64 {
        // The low 48 bits of a version 4 UUID are all random.
        (self.random().as_u128() & 0xffff_ffff_ffff) as f64 / (1u64 << 48) as f64
    }
}
