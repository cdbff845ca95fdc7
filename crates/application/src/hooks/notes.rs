use std::sync::Arc;

use async_trait::async_trait;
use goalwright_domain::experience::{Experience, lesson};

use super::{Hook, HookFailure, attempts};
use crate::ports::{Clock, Interest};
use crate::read::Queries;

/// Notes what a run taught that did not go smoothly: a task that failed for good leaves a reflection, one that was done at
/// last a belief, which the next one that has to do with the same words finds.
pub struct Notes {
    queries: Arc<dyn Queries>,
    clock: Arc<dyn Clock>,
}

impl Notes {
    /// Its name.
    pub const NAME: &'static str = "notes";

    /// Over these ports.
    pub fn new(queries: Arc<dyn Queries>, clock: Arc<dyn Clock>) -> Self {
        Self { queries, clock }
    }
}

#[async_trait]
impl Hook for Notes {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn interest(&self) -> Interest {
        Interest::Troubled
    }

    async fn after(&self, execution: &Experience) -> Result<Vec<Experience>, HookFailure> {
        let ended = attempts::of_ended_run(&*self.queries, execution).await?;
        let Some((_, attempts)) = ended else { return Ok(Vec::new()) };
        let now = self.clock.now();
        Ok(lesson(&attempts).and_then(|lesson| lesson.experience(&attempts, now)).into_iter().collect())
    }
}
