//! What follows for the tasks that wait for one that is done, left out or gone.

use std::collections::HashMap;

use goalwright_domain::Timestamp;
use goalwright_domain::execution::Run;
use goalwright_domain::task::{Dependency, TaskId, TaskStatus};
use goalwright_domain::workspace::Actor;

use super::book::Book;
use crate::Error;
use crate::ports::{Ids, UnitOfWork};

impl Book {
    /// The task goes with its runs that are not over, and those that wait for it lose the edge.
    pub(crate) async fn remove(
        &mut self,
        unit: &dyn UnitOfWork,
        ids: &dyn Ids,
        (id, actor, trace): (TaskId, &Actor, Option<uuid::Uuid>),
        runs: impl IntoIterator<Item = Run>,
        now: Timestamp,
    ) -> Result<Vec<TaskId>, Error> {
        let open = !self.task(id)?.status().satisfies();
        let own: Vec<Dependency> =
            unit.tasks().edges_of(&[id]).await?.into_iter().map(|(_, edge)| edge).collect();
        let undo = self.task(id)?.delete(&own, now)?;
        for run in runs {
            self.compensate(undo, Some(run), now);
        }
        self.tell(ids, id, actor, trace, now)?;
        let dependents = unit.tasks().dependents_of(&[id]).await?;
        let dependents: Vec<TaskId> = dependents.into_iter().map(|(task, _)| task).collect();
        let unknown: Vec<TaskId> =
            dependents.iter().copied().filter(|task| !self.tasks.contains_key(task)).collect();
        self.enter(unit.tasks().lock_many(&unknown).await?);
        // Read under their locks: until then somebody else could remove a dependent, or its edge.
        let mut edges: HashMap<TaskId, Vec<Dependency>> = HashMap::new();
        for (task, edge) in unit.tasks().edges_of(&dependents).await? {
            edges.entry(task).or_default().push(edge);
        }
        let mut freed = Vec::new();
        for dependent in dependents {
            let before = edges.remove(&dependent).unwrap_or_default();
            if self.gone.contains(&dependent) || before.iter().all(|edge| edge.task_id != id) {
                continue;
            }
            let after: Vec<Dependency> = before.iter().copied().filter(|edge| edge.task_id != id).collect();
            let task = self.task(dependent)?;
            task.forget(&before, &after, open, now);
            if task.status() == TaskStatus::Pending && task.open_dependencies() == 0 {
                freed.push(dependent);
            }
            self.tell(ids, dependent, actor, trace, now)?;
        }
        unit.tasks().delete_edges_of(id).await?;
        self.gone.insert(id);
        Ok(freed)
    }

    /// Tasks that waited for one that is completed or skipped now: their counters go down, and those with nothing open
    /// become ready.
    pub(crate) async fn ready_dependents(
        &mut self,
        unit: &dyn UnitOfWork,
        ids: &dyn Ids,
        now: Timestamp,
    ) -> Result<(), Error> {
        if self.satisfied.is_empty() {
            return Ok(());
        }
        let found = unit.tasks().dependents_of(&self.satisfied).await?;
        if found.is_empty() {
            return Ok(());
        }
        let waiting: Vec<TaskId> = found.iter().map(|(id, _)| *id).collect();
        self.enter(unit.tasks().lock_many(&waiting).await?);
        // The edges of a task change under its lock. Those that were found before may be gone by now.
        let met = unit.tasks().dependents_of(&self.satisfied).await?;
        let mut freed: Vec<TaskId> = Vec::new();
        for (id, count) in met {
            let Some(task) = self.tasks.get_mut(&id) else { continue };
            task.dependencies_met(count);
            if task.status() == TaskStatus::Pending && task.open_dependencies() == 0 {
                freed.push(id);
            }
        }
        // By id, that is by age: the order in which a batch of ready tasks is queued must not depend on a hash map.
        freed.sort_unstable();
        self.give(unit, ids, freed, now).await
    }
}
