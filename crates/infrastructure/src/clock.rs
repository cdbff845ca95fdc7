//! The wall clock; nothing else in the tree reads it.

use std::time::Duration;

use async_trait::async_trait;
use goalwright_application::ports::{Clock, Timer};
use goalwright_domain::Timestamp;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        Timestamp::new(chrono::Utc::now())
    }
}

#[async_trait]
impl Timer for SystemClock {
    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}
