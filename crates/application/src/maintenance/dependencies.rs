use goalwright_domain::ledger::Event;
use goalwright_domain::task::{Task, TaskId, TaskStatus};
use goalwright_domain::workspace::WorkspaceId;
use serde_json::json;

use super::Maintenance;
use crate::Error;
use crate::execution::Book;
use crate::retrying::retrying;

/// A pending task whose counter of open dependencies does not agree with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Miscount {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The task.
    pub task: TaskId,
    /// What the counter says.
    pub stored: u32,
    /// How many of the tasks that it waits for are open.
    pub actual: u32,
}

impl Maintenance {
    /// Counts the open dependencies of every pending task anew and gives the tasks whose counters differ; unless `dry_run`,
    /// the counters agree afterwards, what waits for nothing any more goes on, and an event tells of each.
    ///
    /// # Errors
    /// What storage says.
    #[tracing::instrument(name = "maintenance.recount_dependencies", skip_all)]
    pub async fn recount_dependencies(&self, dry_run: bool) -> Result<Vec<Miscount>, Error> {
        retrying(|| self.recount(dry_run)).await
    }

    async fn recount(&self, dry_run: bool) -> Result<Vec<Miscount>, Error> {
        let unit = self.transactions.begin().await?;
        let looked = unit.tasks().miscounted(&[]).await?;
        if dry_run || looked.is_empty() {
            return Ok(looked);
        }
        // What others settled between the look and the lock is counted as it is then.
        let ids: Vec<TaskId> = looked.iter().map(|one| one.task).collect();
        unit.tasks().lock_many(&ids).await?;
        let miscounted = unit.tasks().miscounted(&ids).await?;
        unit.tasks().set_open_dependencies(&miscounted).await?;
        let now = self.clock.now();
        let ids: Vec<TaskId> = miscounted.iter().map(|one| one.task).collect();
        let waiting = |task: &Task| task.status() == TaskStatus::Pending && task.open_dependencies() == 0;
        let free: Vec<Task> = unit.tasks().lock_many(&ids).await?.into_iter().filter(waiting).collect();
        let ids: Vec<TaskId> = free.iter().map(Task::id).collect();
        let mut book = Book::default();
        book.enter(free);
        book.give(&*unit, &*self.ids, ids, now).await?;
        book.close(&*unit, &*self.ids, now).await?;
        let told = miscounted.iter().flat_map(|one| {
            let what = json!({"counter": one.stored, "open_dependencies": one.actual});
            self.told(one.workspace, ("task_counters", one.task.to_string()), what, now)
        });
        let told: Vec<Event> = told.collect();
        unit.outbox().append(&told).await?;
        unit.commit().await?;
        Ok(miscounted)
    }
}
