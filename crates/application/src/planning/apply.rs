//! Applying what differs between a plan and a goal.

use std::collections::{BTreeMap, HashMap, HashSet};

use goalwright_domain::agent::AgentId;
use goalwright_domain::execution::{Mode as RunMode, Outcome, Run};
use goalwright_domain::goal::{Goal, TaskCounts};
use goalwright_domain::ledger::Event;
use goalwright_domain::plan::{Changed, Changes, Plan, PlannedTask, TaskRef};
use goalwright_domain::task::{
    Dependency, DraftTask, Origin, Refusal, Task, TaskEdit, TaskId, TaskStatus, unique_slug,
};
use goalwright_domain::{Rejection, Timestamp, Violation};
use serde_json::Value;

use super::Planning;
use super::change::{DrivingRuns, Present};
use super::edit::{goal_edit, task_edit};
use super::write::{of_task, wanted_slug};
use crate::context::new_id;
use crate::execution::{Book, Ended, Report, attempt_by_hand, conclude, driving_run, take_stock};
use crate::ports::UnitOfWork;
use crate::schedules::keep;
use crate::tasks::{cycle, follow};
use crate::{Context, Error};

impl Planning {
    /// Applies the changes: goal, removals, other words, new tasks, dependencies, what is ticked off, what is dropped; and
    /// writes what is to be `told` first.
    #[expect(clippy::too_many_arguments, reason = "one unit's worth of context, used once")]
    pub(super) async fn apply(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        mut present: Present,
        mut told: Vec<Event>,
        (plan, changes): (&Plan, &Changes),
        task_ids: &mut [Option<TaskId>],
        now: Timestamp,
    ) -> Result<(), Error> {
        let actor = context.actor();
        present.goal.edit(goal_edit(plan, changes), now)?;
        told.extend(self.events_of(context, &mut present.goal, now));
        unit.goals().save_many(std::slice::from_ref(&present.goal)).await?;
        unit.outbox().append(&told).await?;
        let queue = present.goal.state().origin.queue.clone();

        let own: HashSet<TaskId> = present.tasks.iter().map(Task::id).collect();
        let leads_out = present.edges.values().flatten().any(|edge| !own.contains(&edge.task_id));
        let mut book = Book::default();
        book.enter(present.tasks);
        for &id in &changes.remove {
            let run = present.runs.take(id)?;
            book.remove(unit, &*self.ids, (id, &actor, context.trace_id), run, now).await?;
        }
        for changed in &changes.change {
            // What only gets other dependencies keeps its words.
            let Some(index) = changed.index else { continue };
            let run = present.runs.take(changed.task_id)?;
            let schedule = book.task(changed.task_id)?.state().schedule.clone();
            let run = self.rewrite(&mut book, changed, (index, &plan.tasks[index]), run, now)?;
            book.tell(&*self.ids, changed.task_id, &actor, context.trace_id, now)?;
            let after = book.task(changed.task_id)?.state();
            if after.schedule != schedule {
                let considered = present.schedules.get(&changed.task_id).copied();
                keep::follow(unit, after, considered, now).await?;
            }
            if let Some(run) = run {
                present.runs.put(run);
            }
        }
        self.add(unit, context, (plan, changes), (&present.goal, queue), &mut book, task_ids, now).await?;
        let changing =
            changes.change.iter().filter(|one| one.fields.iter().any(|one| one.field == "depends_on"));
        let changing: Vec<TaskId> = changing.map(|one| one.task_id).collect();
        let mut edges = edges_by_task(unit, &changing).await?;
        for one in &changes.dependencies {
            let TaskRef::Present(id) = one.task else { continue };
            let Some(before) = edges.remove(&id) else { continue };
            let after = resolved(&one.depends_on, task_ids);
            let waited_for: Vec<TaskId> = after.iter().map(|edge| edge.task_id).collect();
            let open = self.count_open(unit, &mut book, &waited_for).await?;
            let undo = book.replace_edges(unit, id, &before, &after, open, now).await?;
            book.tell(&*self.ids, id, &actor, context.trace_id, now)?;
            if book.task(id)?.status() == TaskStatus::Pending {
                book.compensate(undo, present.runs.take(id)?, now);
            }
        }
        if leads_out {
            refuse_circles(unit, &mut book, &changing).await?;
        }
        self.drop_tasks(unit, context, changes, &mut present.runs, &mut book, now).await?;
        book.ready_dependents(unit, &*self.ids, now).await?;
        let free = book.free();
        book.give(unit, &*self.ids, free, now).await?;
        book.close(unit, &*self.ids, now).await?;
        for &(_, id) in &changes.complete {
            self.complete_by_hand(unit, context, id, now).await?;
        }
        Ok(())
    }

    /// Gives a task its new words. Gives the run back unless it was withdrawn, since somebody else may have to perform it
    /// from now on.
    fn rewrite(
        &self,
        book: &mut Book,
        changed: &Changed,
        (index, planned): (usize, &PlannedTask),
        run: Option<Run>,
        now: Timestamp,
    ) -> Result<Option<Run>, Error> {
        let id = changed.task_id;
        let edit = task_edit(changed, planned);
        if edit == TaskEdit::default() {
            return Ok(run);
        }
        let before = book.task(id)?.state().clone();
        let new_schedule = planned.schedule.as_ref().filter(|new| Some(*new) != before.schedule.as_ref());
        let untimely = keep::violations(new_schedule, planned.scheduled_at, now);
        if !untimely.is_empty() {
            return Err(invalid(index, planned, untimely));
        }
        book.task(id)?.edit(edit, now).map_err(|refusal| match refusal {
            Refusal::Invalid(violations) => invalid(index, planned, violations),
            rejected @ Refusal::Rejected(_) => rejected.into(),
        })?;
        book.edited(id);
        let after = book.task(id)?.state().clone();
        let otherwise = (&before.action, &before.task_type) != (&after.action, &after.task_type);
        let Some(run) = run else {
            if otherwise {
                book.task(id)?.unassign(now);
            }
            return Ok(None);
        };
        if otherwise && after.status == TaskStatus::Ready {
            let undo = book.task(id)?.withdraw(None, now)?;
            book.compensate(undo, Some(run), now);
            return Ok(None);
        }
        let recurs_now = before.schedule != after.schedule && after.schedule.is_some();
        if recurs_now && run.attempts == 0 && after.status == TaskStatus::Ready {
            // From now on it is its schedule that begins it.
            let undo = book.task(id)?.withdraw(after.agent_id, now)?;
            book.compensate(undo, Some(run), now);
            return Ok(None);
        }
        let run = follow(run, &before, &after, now);
        book.change_run(run.clone());
        Ok(Some(run))
    }

    /// Makes the tasks that are new.
    #[expect(clippy::too_many_arguments, reason = "one unit's worth of context, used once")]
    async fn add(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        (plan, changes): (&Plan, &Changes),
        (goal, queue): (&Goal, String),
        book: &mut Book,
        task_ids: &mut [Option<TaskId>],
        now: Timestamp,
    ) -> Result<(), Error> {
        let workspace = context.workspace();
        for &index in &changes.add {
            task_ids[index] = Some(new_id(&*self.ids));
        }
        let slugs: Vec<String> = changes.add.iter().map(|&index| wanted_slug(&plan.tasks[index])).collect();
        let mut taken = unit.tasks().taken_slugs(workspace, &slugs).await?;
        let mut directory = unit.agents().directory(workspace).await?;
        let (mut tasks, mut rows, mut runs, mut told): (Vec<Task>, Vec<_>, Vec<Run>, Vec<Event>) =
            Default::default();
        let mut shift = TaskCounts::default();
        let mut violations = Vec::new();
        // A new task may be ticked off already, and another new one may wait for it.
        let done = |index: usize| plan.tasks[index].done || plan.tasks[index].dropped;
        let person = match changes.add.iter().any(|&index| done(index)) {
            true => Some(self.person(unit, context).await?),
            false => None,
        };
        let waits_for: HashMap<TaskRef, &[(TaskRef, Origin)]> =
            changes.dependencies.iter().map(|one| (one.task, one.depends_on.as_slice())).collect();
        let keys: HashMap<usize, &String> = changes.keys.iter().map(|(index, key)| (*index, key)).collect();
        for (&index, slug) in changes.add.iter().zip(&slugs) {
            let planned = &plan.tasks[index];
            let Some(id) = task_ids[index] else { continue };
            let wanted = waits_for.get(&TaskRef::Added(index)).copied().unwrap_or_default();
            let edges = resolved(wanted, task_ids);
            let mut satisfied = 0;
            for (waited_for, _) in wanted {
                satisfied += u32::from(match waited_for {
                    TaskRef::Added(other) => done(*other),
                    TaskRef::Present(other) => self.count_open(unit, book, &[*other]).await? == 0,
                });
            }
            let mut draft: DraftTask = self.draft(planned, goal.id());
            draft.key = keys.get(&index).map(|key| (*key).clone()).or(draft.key);
            draft.slug = unique_slug(slug, id, &mut taken);
            let untimely = keep::violations(draft.schedule.as_ref(), draft.scheduled_at, now);
            violations.extend(of_task(index, planned, untimely));
            let mut task = match Task::create(id, workspace, draft, &edges, satisfied, now) {
                Ok(task) => task,
                Err(more) => {
                    violations.extend(of_task(index, planned, more));
                    continue;
                }
            };
            if let Some(person) = person.filter(|_| done(index)) {
                if planned.done { task.done_elsewhere(person) } else { task.dropped_elsewhere(person) }
            } else {
                let agent =
                    directory.assign(&task.state().task_type, task.state().action.as_ref()).ok().cloned();
                task.place(agent.as_ref());
                if let Some(agent) = agent.filter(|_| task.status() == TaskStatus::Ready) {
                    runs.push(driving_run(
                        &*self.ids,
                        task.state(),
                        agent.id(),
                        agent.kind(),
                        queue.clone(),
                        now,
                    ));
                }
            }
            let mut task = task.announced(&edges);
            shift.shift(None, Some(task.status()));
            told.extend(context.events(&*self.ids, task.take_facts(), now));
            rows.extend(edges.into_iter().map(|edge| (id, edge)));
            tasks.push(task);
        }
        if !violations.is_empty() {
            return Err(refused(violations));
        }
        if tasks.is_empty() {
            return Ok(());
        }
        unit.tasks().insert_many(&tasks, &rows).await?;
        unit.executions().insert_runs(&runs).await?;
        for task in tasks.iter().filter(|task| task.recurs()) {
            keep::follow(unit, task.state(), None, now).await?;
        }
        told.extend(take_stock(unit, &*self.ids, &[(goal.id(), shift)], now).await?);
        Ok(unit.outbox().append(&told).await?)
    }

    /// Tasks that are marked as not to be done any more are left out: what waits for them goes on.
    async fn drop_tasks(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        changes: &Changes,
        runs: &mut DrivingRuns,
        book: &mut Book,
        now: Timestamp,
    ) -> Result<(), Error> {
        if changes.drop.is_empty() {
            return Ok(());
        }
        let person = self.person(unit, context).await?;
        let actor = context.actor();
        for &(_, id) in &changes.drop {
            let undo = book.task(id)?.skip(person, "marked in the plan as not to be done", now)?;
            book.tell(&*self.ids, id, &actor, context.trace_id, now)?;
            book.satisfies(id);
            book.compensate(undo, runs.take(id)?, now);
        }
        Ok(())
    }

    /// A box that was ticked is a person's word that the task is done: a manual execution with its experience.
    async fn complete_by_hand(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        id: TaskId,
        now: Timestamp,
    ) -> Result<(), Error> {
        let driving = unit.executions().find_driving(id).await?.map(|run| run.id);
        let run = unit.executions().lock_runs(driving.as_slice()).await?.pop();
        let suspended = match &run {
            Some(run) if run.suspended => unit.executions().lock_suspended(&[run.id]).await?.pop(),
            _ => None,
        };
        let task = unit.tasks().lock_many(&[id]).await?.pop().ok_or_else(|| Error::not_found("task", id))?;
        let (run, attempt) = match (run, suspended) {
            (Some(run), Some(attempt)) => (run, attempt),
            (run, _) => attempt_by_hand(unit, &*self.ids, &self.runner, context, &task, run, now).await?,
        };
        let summary = Some("ticked off in the plan".to_owned());
        let ended = Ended {
            unwritten: false,
            run: Run { mode: RunMode::Manual, ..run },
            attempt,
            report: Report::of(Outcome::Done { result: Value::Null, summary, partial: false }),
            manual: true,
            actor: context.actor(),
        };
        conclude(unit, &*self.ids, &self.runner, vec![ended], now).await
    }

    async fn person(&self, unit: &dyn UnitOfWork, context: &Context) -> Result<AgentId, Error> {
        let person = unit.agents().of_member(context.workspace(), context.principal.user_id).await?;
        let message = "you have no human agent in this workspace to note finished tasks for";
        Ok(person.ok_or_else(|| Rejection::new("no_agent", message))?.id())
    }

    /// How many of these tasks others still have to wait for. Tasks of other goals are looked up.
    async fn count_open(&self, unit: &dyn UnitOfWork, book: &mut Book, ids: &[TaskId]) -> Result<u32, Error> {
        let unknown: Vec<TaskId> = ids.iter().copied().filter(|id| !book.knows(*id)).collect();
        book.enter(unit.tasks().lock_many(&unknown).await?);
        let mut open = 0;
        for id in ids {
            open += u32::from(!book.task(*id)?.status().satisfies());
        }
        Ok(open)
    }
}

/// What the plan says was compared with the goal alone; a task of another goal may lead back.
async fn refuse_circles(unit: &dyn UnitOfWork, book: &mut Book, changed: &[TaskId]) -> Result<(), Error> {
    for (id, edges) in edges_by_task(unit, changed).await? {
        let waited_for: Vec<TaskId> = edges.iter().map(|edge| edge.task_id).collect();
        if let Some(circle) = cycle(unit, book.task(id)?, &waited_for).await? {
            let message = format!("the plan cannot be used: {circle}");
            let violations = vec![Violation::new("content", "dependency_cycle", circle)];
            return Err(Error::Invalid { code: "invalid_plan", message, violations });
        }
    }
    Ok(())
}

/// What each of these tasks waits for by now; nothing is an answer, too.
async fn edges_by_task(
    unit: &dyn UnitOfWork,
    ids: &[TaskId],
) -> Result<BTreeMap<TaskId, Vec<Dependency>>, Error> {
    let mut edges: BTreeMap<TaskId, Vec<Dependency>> = ids.iter().map(|&id| (id, Vec::new())).collect();
    for (task, edge) in unit.tasks().edges_of(ids).await? {
        edges.entry(task).or_default().push(edge);
    }
    Ok(edges)
}

/// Edges by id; what is to be made has its id by now.
fn resolved(depends_on: &[(TaskRef, Origin)], task_ids: &[Option<TaskId>]) -> Vec<Dependency> {
    let id = |reference: &TaskRef| match reference {
        TaskRef::Present(id) => Some(*id),
        TaskRef::Added(index) => task_ids.get(*index).copied().flatten(),
    };
    depends_on
        .iter()
        .filter_map(|(reference, origin)| Some(Dependency { task_id: id(reference)?, origin: *origin }))
        .collect()
}

fn invalid(index: usize, planned: &PlannedTask, violations: Vec<Violation>) -> Error {
    refused(of_task(index, planned, violations))
}

fn refused(violations: Vec<Violation>) -> Error {
    let message = format!("the plan cannot be used: it has {} problems", violations.len());
    Error::Invalid { code: "invalid_plan", message, violations }
}
