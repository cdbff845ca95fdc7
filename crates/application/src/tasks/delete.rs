use std::collections::HashMap;

use goalwright_domain::execution::{Run, RunId};
use goalwright_domain::task::TaskId;

use super::held::{self, Held};
use super::{Ending, Tasks};
use crate::execution::Book;
use crate::ports::UnitOfWork;
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
        // A finished task may be run again, by runs that do not drive it: they go with it.
        let runs = open_runs(&*unit, id).await?;
        let suspended = unit.executions().lock_suspended(&runs.keys().copied().collect::<Vec<_>>()).await?;
        let held = self.hold(&*unit, context, id).await?;
        seen.check(held.task.revision())?;
        let fences = |runs: &HashMap<RunId, Run>| -> HashMap<RunId, i64> {
            runs.iter().map(|(&id, run)| (id, run.fence)).collect()
        };
        if fences(&open_runs(&*unit, id).await?) != fences(&runs) {
            return Err(held::changed());
        }
        held::refuse(held.run.as_ref(), &held.task)?;
        for run in runs.values() {
            held::refuse(Some(run), &held.task)?;
        }
        let ending =
            suspended.into_iter().filter_map(|attempt| Some((runs.get(&attempt.run_id)?.clone(), attempt)));
        self.end_attempts(&*unit, context, ending.collect(), Ending::Cancelled, now).await?;
        let Held { task, .. } = self.hold(&*unit, context, id).await?;
        let actor = context.actor();
        let mut book = Book::default();
        book.enter(vec![task]);
        let runs = open_runs(&*unit, id).await?.into_values();
        let freed = book.remove(&*unit, &*self.ids, (id, &actor, context.trace_id), runs, now).await?;
        book.give(&*unit, &*self.ids, freed, now).await?;
        book.close(&*unit, &*self.ids, now).await?;
        Ok(unit.commit().await?)
    }
}

/// Every run of the task that is not over, locked.
async fn open_runs(unit: &dyn UnitOfWork, id: TaskId) -> Result<HashMap<RunId, Run>, Error> {
    let open: Vec<RunId> = unit.executions().open_runs_of(&[id]).await?.iter().map(|run| run.id).collect();
    let locked = unit.executions().lock_runs(&open).await?;
    Ok(locked.into_iter().filter(|run| !run.status.is_over()).map(|run| (run.id, run)).collect())
}
