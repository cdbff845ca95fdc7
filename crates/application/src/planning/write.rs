//! Writing a plan: tasks, edges, runs, counters, the record and the events, in the caller's unit.

use std::collections::HashMap;

use goalwright_domain::execution::{Effect, Run};
use goalwright_domain::goal::{GoalId, TaskCounts};
use goalwright_domain::ledger::Event;
use goalwright_domain::plan::{Plan, PlannedTask};
use goalwright_domain::task::{Dependency, DraftTask, Task, TaskId, TaskStatus, slugify, unique_slug};
use goalwright_domain::{Rejection, Timestamp, Violation};

use super::{Aim, Decomposition, Planning, Prepared, Target, check};
use crate::context::new_id;
use crate::execution::{driving_run, take_stock};
use crate::ports::UnitOfWork;
use crate::schedules::keep;
use crate::{Context, Error};

/// What the tasks of a plan become.
#[derive(Default)]
struct Graph {
    tasks: Vec<Task>,
    edges: Vec<(TaskId, Dependency)>,
    runs: Vec<Run>,
    told: Vec<Event>,
    shift: TaskCounts,
}

impl Planning {
    /// Adds the plan's tasks to those that the goal has, unless they are only to be shown.
    pub(crate) async fn write(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        target: &Target,
        prepared: Prepared,
        now: Timestamp,
    ) -> Result<Decomposition, Error> {
        let Prepared { plan, mut findings } = prepared;
        check::types(&plan, &unit.agents().active(context.workspace()).await?, &mut findings);
        let goal_id = target.aim.goal_id;
        let basis = match target.is_compared() {
            true => self.present(unit, context, target.aim).await?.basis(target.aim),
            false => String::new(),
        };
        target.refuse_outdated(&basis)?;
        // Counters before the goal, as settling locks them.
        unit.goals().lock_counts(&[goal_id]).await?;
        let mut goal = unit
            .goals()
            .lock(context.workspace(), goal_id)
            .await?
            .ok_or_else(|| Error::not_found("goal", goal_id))?;
        if !goal.is_workable() {
            let message = format!("the goal is {}; make it active first", goal.state().status.as_str());
            return Err(Rejection::new("goal_not_active", message).into());
        }
        let made = (plan.tasks.len(), plan.dependencies.len());
        let mut decomposition = self.begin(target, plan, findings, now);
        decomposition.basis = basis;
        let mut told = self.tell_of(context, target, &mut goal, &mut decomposition, made, now);
        unit.goals().save_many(std::slice::from_ref(&goal)).await?;

        self.refuse_taken_keys(unit, target.aim, &decomposition.plan).await?;
        let mut graph = Graph::default();
        if !target.dry_run {
            let queue = goal.state().origin.queue.clone();
            self.fill(&mut graph, unit, context, goal_id, &decomposition.plan, queue, now).await?;
        }
        unit.tasks().insert_many(&graph.tasks, &graph.edges).await?;
        unit.executions().insert_runs(&graph.runs).await?;
        for task in graph.tasks.iter().filter(|task| task.recurs()) {
            keep::follow(unit, task.state(), None, now).await?;
        }
        told.append(&mut graph.told);
        if !graph.tasks.is_empty() {
            let shift = [(goal_id, graph.shift)];
            told.extend(take_stock(unit, &*self.ids, &shift, now).await?);
        }
        decomposition.task_ids = graph.tasks.iter().map(|task| Some(task.id())).collect();
        self.keep(unit, context, target, &decomposition).await?;
        unit.outbox().append(&told).await?;
        Ok(decomposition)
    }

    #[expect(clippy::too_many_arguments, reason = "one unit's worth of context, used once")]
    async fn fill(
        &self,
        graph: &mut Graph,
        unit: &dyn UnitOfWork,
        context: &Context,
        goal_id: GoalId,
        plan: &Plan,
        queue: String,
        now: Timestamp,
    ) -> Result<(), Error> {
        let workspace = context.workspace();
        let mut directory = unit.agents().directory(workspace).await?;
        let person = unit.agents().of_member(workspace, context.principal.user_id).await?;
        let ids: Vec<TaskId> = plan.tasks.iter().map(|_| new_id(&*self.ids)).collect();
        let bases: Vec<String> = plan.tasks.iter().map(wanted_slug).collect();
        let mut taken = unit.tasks().taken_slugs(workspace, &bases).await?;
        let mut waits_for: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut edges: Vec<Vec<Dependency>> = vec![Vec::new(); plan.tasks.len()];
        for edge in &plan.dependencies {
            waits_for.entry(edge.from_index).or_default().push(edge.to_index);
            edges[edge.from_index].push(Dependency { task_id: ids[edge.to_index], origin: edge.origin });
        }
        let mut violations = Vec::new();
        for (index, planned) in plan.tasks.iter().enumerate() {
            let done = waits_for
                .get(&index)
                .map_or(0, |to| to.iter().filter(|&&to| satisfies(&plan.tasks[to])).count());
            let mut draft = self.draft(planned, goal_id);
            let untimely = keep::violations(draft.schedule.as_ref(), draft.scheduled_at, now);
            violations.extend(of_task(index, planned, untimely));
            draft.slug = unique_slug(&bases[index], ids[index], &mut taken);
            let done = u32::try_from(done).unwrap_or(u32::MAX);
            let mut task = match Task::create(ids[index], workspace, draft, &edges[index], done, now) {
                Ok(task) => task,
                Err(more) => {
                    violations.extend(of_task(index, planned, more));
                    continue;
                }
            };
            if satisfies(planned) {
                let person = person.as_ref().ok_or_else(|| {
                    Rejection::new(
                        "no_agent",
                        "you have no human agent in this workspace to note finished tasks for",
                    )
                })?;
                match planned.done {
                    true => task.done_elsewhere(person.id()),
                    false => task.dropped_elsewhere(person.id()),
                }
            } else {
                let agent =
                    directory.assign(&task.state().task_type, task.state().action.as_ref()).ok().cloned();
                task.place(agent.as_ref());
                if let Some(agent) = agent.filter(|_| task.status() == TaskStatus::Ready) {
                    let run =
                        driving_run(&*self.ids, task.state(), agent.id(), agent.kind(), queue.clone(), now);
                    graph.runs.push(run);
                }
            }
            let mut task = task.announced(&edges[index]);
            graph.shift.shift(None, Some(task.status()));
            graph.told.extend(context.events(&*self.ids, task.take_facts(), now));
            graph.edges.extend(edges[index].iter().map(|edge| (ids[index], *edge)));
            graph.tasks.push(task);
        }
        if violations.is_empty() {
            return Ok(());
        }
        let message = format!("the plan cannot be used: it has {} problems", violations.len());
        Err(Error::Invalid { code: "invalid_plan", message, violations })
    }

    pub(super) fn draft(&self, planned: &PlannedTask, goal_id: GoalId) -> DraftTask {
        let irreversible = planned.action.as_ref().is_some_and(|action| {
            let effect = self.tools.effect_of(&action.tool, &action.operation, &action.parameters);
            effect == Some(Effect::Irreversible)
        });
        DraftTask {
            goal_id: Some(goal_id),
            key: planned.key.clone(),
            slug: String::new(),
            title: planned.title.clone(),
            description: planned.description.clone(),
            task_type: planned.task_type.clone().unwrap_or_default(),
            priority: planned.priority,
            action: planned.action(),
            labels: planned.labels.clone(),
            parallel: planned.parallel,
            estimate_minutes: planned.estimate_minutes,
            complexity: planned.complexity,
            complexity_reason: planned.complexity_reason.clone(),
            max_attempts: planned.max_attempts.or_else(|| irreversible.then_some(1)),
            retry: planned.retry.clone(),
            on_exhausted: planned.on_exhausted.unwrap_or_default(),
            scheduled_at: planned.scheduled_at,
            schedule: planned.schedule.clone(),
        }
    }

    /// Keys are unique in a goal; a plan that repeats some is not an addition but an update.
    pub(super) async fn refuse_taken_keys(
        &self,
        unit: &dyn UnitOfWork,
        aim: Aim,
        plan: &Plan,
    ) -> Result<(), Error> {
        let keys: Vec<String> = plan.tasks.iter().filter_map(|task| task.key.clone()).collect();
        let taken = unit.tasks().taken_keys(aim.goal_id, &keys).await?;
        if taken.is_empty() {
            return Ok(());
        }
        let violations = plan
            .tasks
            .iter()
            .enumerate()
            .filter_map(|(index, task)| {
                task.key.as_ref().filter(|key| taken.contains(*key)).map(|key| (index, task, key))
            })
            .map(|(index, task, key)| {
                let message = super::on_line(task.line, &format!("the goal has a task `{key}` already"));
                Violation::new(format!("tasks[{index}].key"), "duplicate_key", message)
            })
            .collect();
        let message = match aim.task_id {
            None => {
                "the goal has tasks with these ids already; use the mode `update` to change them, or use other ids"
            }
            Some(_) => "the goal has tasks with these ids already; give the parts other ids, or none",
        };
        Err(Error::Invalid { code: "invalid_plan", message: message.to_owned(), violations })
    }
}

/// What is wrong with a task of the plan, each with its line.
pub(super) fn of_task(index: usize, planned: &PlannedTask, violations: Vec<Violation>) -> Vec<Violation> {
    let told = |violation: Violation| {
        let message = super::on_line(planned.line, &violation.message);
        Violation::new(format!("tasks[{index}].{}", violation.path), violation.code, message)
    };
    violations.into_iter().map(told).collect()
}

/// The name that a task asks for in the workspace.
pub(super) fn wanted_slug(task: &PlannedTask) -> String {
    task.slug.clone().unwrap_or_else(|| slugify(&task.title))
}

/// Whether others need not wait for it: it is done, or not to be done.
const fn satisfies(task: &PlannedTask) -> bool {
    task.done || task.dropped
}
