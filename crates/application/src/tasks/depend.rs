use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use goalwright_domain::task::{Compensation, Dependency, Origin, Task, TaskId, TaskStatus};
use goalwright_domain::{Timestamp, Violation};

use super::Tasks;
use super::create::distinct;
use super::held::{self, Held};
use crate::execution::Book;
use crate::ports::UnitOfWork;
use crate::read::TaskView;
use crate::retrying::retrying;
use crate::{Context, Error, Precondition};

impl Tasks {
    /// Replaces what a task waits for. A ready task with a new open dependency is pending again; one without open
    /// dependencies becomes ready.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; `Invalid`: `unknown_dependency`, `self_dependency`, `duplicate_dependency`,
    /// `dependency_cycle` naming the cycle task by task; `Rejected`: `task_leased`, `invalid_transition`.
    #[tracing::instrument(name = "task.depend", skip_all, fields(task.id = %id))]
    pub async fn depend(
        &self,
        context: &Context,
        id: TaskId,
        on: &[TaskId],
        seen: &Precondition,
    ) -> Result<TaskView, Error> {
        retrying(|| self.depend_once(context, id, on, seen)).await?;
        self.signals.work_changed();
        self.signals.events_appended();
        self.get(context, id).await
    }

    async fn depend_once(
        &self,
        context: &Context,
        id: TaskId,
        on: &[TaskId],
        seen: &Precondition,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let unit = self.transactions.begin().await?;
        // Two changes that close a cycle together must see each other.
        unit.tasks().lock_edges(context.workspace()).await?;
        let Held { run, task, .. } = self.hold(&*unit, context, id).await?;
        seen.check(task.revision())?;
        held::refuse(run.as_ref(), &task)?;

        let mut violations = Vec::new();
        let wanted = distinct(on, &mut violations);
        let known = unit.tasks().lock_many(&wanted).await?;
        let known: HashMap<TaskId, &Task> = known
            .iter()
            .filter(|task| task.state().workspace_id == context.workspace())
            .map(|task| (task.id(), task))
            .collect();
        for (index, other) in on.iter().enumerate() {
            let path = format!("depends_on[{index}]");
            if *other == id {
                violations.push(Violation::new(path, "self_dependency", "a task cannot wait for itself"));
            } else if !known.contains_key(other) {
                let message = format!("there is no task `{other}` in this workspace");
                violations.push(Violation::new(path, "unknown_dependency", message));
            }
        }
        if violations.is_empty()
            && let Some(cycle) = cycle(&*unit, &task, &wanted).await?
        {
            violations.push(Violation::new("depends_on", "dependency_cycle", cycle));
        }
        if !violations.is_empty() {
            let code =
                if violations[0].code == "dependency_cycle" { "dependency_cycle" } else { "invalid_input" };
            let message = violations[0].message.clone();
            return Err(Error::Invalid { code, message, violations });
        }
        let open = known.values().filter(|task| !task.status().satisfies()).count();
        let before: Vec<Dependency> =
            unit.tasks().edges_of(&[id]).await?.into_iter().map(|(_, edge)| edge).collect();
        let edge = |task_id: TaskId| {
            let kept = before.iter().find(|edge| edge.task_id == task_id).copied();
            kept.unwrap_or(Dependency { task_id, origin: Origin::Explicit })
        };
        let after: Vec<Dependency> = wanted.into_iter().map(edge).collect();
        let same: HashSet<TaskId> = before.iter().map(|edge| edge.task_id).collect();
        if same == after.iter().map(|edge| edge.task_id).collect() {
            return Ok(());
        }
        let open = u32::try_from(open).unwrap_or(u32::MAX);
        let mut book = Book::default();
        book.enter(vec![task]);
        let undo = book.replace_edges(&*unit, id, &before, &after, open, now).await?;
        book.tell(&*self.ids, id, &context.actor(), context.trace_id, now)?;
        let task = book.task(id)?;
        if task.status() == TaskStatus::Pending && task.open_dependencies() == 0 {
            book.give(&*unit, &*self.ids, vec![id], now).await?;
        } else {
            book.compensate(undo, run, now);
        }
        book.close(&*unit, &*self.ids, now).await?;
        Ok(unit.commit().await?)
    }
}

impl Book {
    /// Writes other edges, and lets the task know; gives what is to be undone for that.
    pub(crate) async fn replace_edges(
        &mut self,
        unit: &dyn UnitOfWork,
        id: TaskId,
        before: &[Dependency],
        after: &[Dependency],
        open: u32,
        now: Timestamp,
    ) -> Result<Compensation, Error> {
        let has = |edges: &[Dependency], id: TaskId| edges.iter().any(|edge| edge.task_id == id);
        let added: Vec<(TaskId, Dependency)> =
            after.iter().filter(|edge| !has(before, edge.task_id)).map(|edge| (id, *edge)).collect();
        let removed: Vec<(TaskId, TaskId)> =
            before.iter().filter(|edge| !has(after, edge.task_id)).map(|edge| (id, edge.task_id)).collect();
        let task = self.task(id)?;
        let undo = task.depend(before, after, open, now)?;
        let workspace = task.state().workspace_id;
        unit.tasks().change_edges(workspace, &added, &removed, now).await?;
        Ok(undo)
    }
}

/// The way from one of `wanted` back to the task, if there is one, in words. It is looked for level by level from what the
/// task is to wait for, so that it costs what can be reached from there.
pub(crate) async fn cycle(
    unit: &dyn UnitOfWork,
    task: &Task,
    wanted: &[TaskId],
) -> Result<Option<String>, Error> {
    let mut from: HashMap<TaskId, TaskId> = wanted.iter().map(|&id| (id, task.id())).collect();
    let mut level: Vec<TaskId> = wanted.to_vec();
    while !level.is_empty() {
        let mut next = Vec::new();
        for (waits, edge) in unit.tasks().edges_of(&level).await? {
            if edge.task_id == task.id() {
                let mut way = vec![waits];
                while let Some(&before) =
                    from.get(way.last().unwrap_or(&waits)).filter(|&&id| id != task.id())
                {
                    way.push(before);
                }
                way.reverse();
                return Ok(Some(named(unit, task, &way).await?));
            }
            if let Entry::Vacant(unseen) = from.entry(edge.task_id) {
                unseen.insert(waits);
                next.push(edge.task_id);
            }
        }
        level = next;
    }
    Ok(None)
}

async fn named(unit: &dyn UnitOfWork, task: &Task, way: &[TaskId]) -> Result<String, Error> {
    let name = |task: &Task| task.state().key.clone().unwrap_or_else(|| task.state().slug.clone());
    let others: HashMap<TaskId, String> =
        unit.tasks().lock_many(way).await?.iter().map(|task| (task.id(), name(task))).collect();
    let own = name(task);
    let mut names: Vec<&str> = vec![&own];
    names.extend(way.iter().filter_map(|id| others.get(id)).map(String::as_str));
    names.push(&own);
    let chain: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    Ok(format!("the tasks would wait for each other in a circle: {}", chain.join(" waits for ")))
}
