use goalwright_domain::task::TaskId;
use goalwright_domain::workspace::Actor;

use super::held::{self, Held};
use super::{Ending, Tasks};
use crate::execution::Book;
use crate::retrying::retrying;
use crate::{Context, Error, Precondition};

impl Tasks {
    /// Removes a task. What waited for it waits for one less. Its executions, its experiences and its events stay.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; `Rejected` (`task_leased`) while a worker holds it.
    #[tracing::instrument(name = "task.delete", skip_all, fields(task.id = %id))]
    pub async fn delete(&self, context: &Context, id: TaskId, seen: &Precondition) -> Result<(), Error> {
        retrying(|| self.delete_once(context, id, seen)).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        Ok(())
    }

    async fn delete_once(&self, context: &Context, id: TaskId, seen: &Precondition) -> Result<(), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        let held = self.hold(&*unit, context, id).await?;
        seen.check(held.task.revision())?;
        held::refuse(held.run.as_ref(), &held.task)?;
        let Held { run, task, .. } = self.end_attempt(&*unit, context, held, Ending::Cancelled, now).await?;
        let actor = Actor::user(context.principal.user_id);
        let mut book = Book::default();
        book.enter(vec![task]);
        if let Some(run) = run.filter(|run| !run.status.is_over()) {
            book.cancel_run(run, now);
        }
        let freed = book.remove(&*unit, &*self.ids, (id, &actor, context.trace_id), now).await?;
        book.give(&*unit, &*self.ids, freed, now).await?;
        book.close(&*unit, &*self.ids, now).await?;
        Ok(unit.commit().await?)
    }
}
