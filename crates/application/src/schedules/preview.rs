use chrono::{DateTime, FixedOffset};
use goalwright_domain::Timestamp;
use goalwright_domain::schedule::Schedule;
use goalwright_domain::task::TaskId;

use super::Schedules;
use crate::read::SetAside;
use crate::{Context, Error};

/// The most slots of one preview.
pub const PREVIEW_LIMIT: usize = 100;

/// Which slots somebody wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviewRequest {
    /// Those after this moment; now, if there is none.
    pub from: Option<Timestamp>,
    /// At most so many, and at most [`PREVIEW_LIMIT`].
    pub limit: usize,
}

/// Slots as they are shown: moments with the offset that the schedule's zone has then.
pub type Preview = Vec<DateTime<FixedOffset>>;

impl Schedules {
    /// The next slots of a task's schedule; none if it has no schedule.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn preview(
        &self,
        context: &Context,
        task: TaskId,
        request: &PreviewRequest,
    ) -> Result<Preview, Error> {
        let found = self.queries.task(context.workspace(), task).await?;
        let found = found.ok_or_else(|| Error::not_found("task", task))?;
        Ok(found.state.schedule.map(|schedule| self.preview_of(&schedule, request)).unwrap_or_default())
    }

    /// Why nobody looks after a task's schedule, if that is so: it failed, and the task was not changed since.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_aside(&self, context: &Context, task: TaskId) -> Result<Option<SetAside>, Error> {
        let found = self.queries.task(context.workspace(), task).await?;
        found.ok_or_else(|| Error::not_found("task", task))?;
        self.queries.schedule_set_aside(task).await
    }

    /// The next slots of a schedule that nobody has yet.
    pub fn preview_of(&self, schedule: &Schedule, request: &PreviewRequest) -> Preview {
        let from = request.from.unwrap_or_else(|| self.clock.now());
        let slots = schedule.slots(from).take(request.limit.min(PREVIEW_LIMIT));
        slots.map(|slot| schedule.shown(slot.at)).collect()
    }
}
