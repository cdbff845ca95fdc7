//! Changing what a goal has: a plan that is read again, or a task that is broken further down. What differs is applied, in
//! one unit.

use std::collections::HashMap;

use goalwright_domain::execution::{Run, RunId};
use goalwright_domain::goal::{Goal, GoalId};
use goalwright_domain::ledger::Event;
use goalwright_domain::plan::{
    Finding, PresentGoal, PresentTask, Severity, TaskDependencies, TaskRef, basis, basis_of_addition,
    basis_of_expansion, compare, expand, name_parts, refuse_expansion,
};
use goalwright_domain::task::{Dependency, Task, TaskId, TaskStatus};
use goalwright_domain::{Rejection, Timestamp, Violation};

use super::{Aim, Decomposition, Mode, Planning, Prepared, ShownChanges, Target, on_line};
use crate::ports::UnitOfWork;
use crate::{Context, Error};

/// Everything of the goal, locked.
pub(super) struct Present {
    pub(super) goal: Goal,
    pub(super) tasks: Vec<Task>,
    pub(super) edges: HashMap<TaskId, Vec<Dependency>>,
    pub(super) runs: HashMap<TaskId, Run>,
    /// Up to when the schedules of tasks that recur were looked after.
    pub(super) schedules: HashMap<TaskId, Timestamp>,
}

impl Present {
    /// Its tasks in the terms of a plan.
    pub(super) fn views(&self) -> Vec<PresentTask> {
        self.tasks.iter().map(|task| self.view(task)).collect()
    }

    fn view(&self, task: &Task) -> PresentTask {
        let edges = self.edges.get(&task.id()).cloned().unwrap_or_default();
        PresentTask::of(task.state(), edges)
    }

    fn one(&self, id: TaskId) -> Option<PresentTask> {
        self.tasks.iter().find(|task| task.id() == id).map(|task| self.view(task))
    }

    /// A task of it that can be broken further down.
    pub(super) fn whole(&self, id: TaskId) -> Result<PresentTask, Error> {
        let task = self.tasks.iter().find(|task| task.id() == id);
        let task = task.ok_or_else(|| Error::not_found("task", id))?;
        let waits = task.state().waiting.as_ref().map(|waiting| waiting.kind);
        let task = self.view(task);
        match refuse_expansion(&task, waits) {
            None => Ok(task),
            Some(message) => Err(Rejection::new("invalid_transition", message).into()),
        }
    }

    /// What a plan for it depends on.
    pub(super) fn basis(&self, aim: Aim) -> String {
        let goal = PresentGoal::of(self.goal.state());
        match aim {
            // Of a task that is not there any more nothing is left as it was.
            Aim { task_id: Some(id), .. } => {
                self.one(id).map_or_else(String::new, |whole| basis_of_expansion(&goal, &whole))
            }
            Aim { mode: Mode::Create, .. } => basis_of_addition(&goal, &self.views()),
            Aim { mode: Mode::Update, .. } => basis(&goal, &self.views()),
        }
    }
}

impl Planning {
    /// Changes what the goal has: compares the plan with it, or breaks one of its tasks further down, and applies the
    /// difference unless it is only to be shown.
    pub(crate) async fn change(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        target: &Target,
        prepared: Prepared,
        now: Timestamp,
    ) -> Result<Decomposition, Error> {
        let Prepared { mut plan, mut findings } = prepared;
        unit.tasks().lock_edges(context.workspace()).await?;
        if let Some(id) = target.aim.task_id.filter(|_| !target.dry_run) {
            self.give_back(unit, context, id, now).await?;
        }
        let mut present = self.present(unit, context, target.aim.goal_id).await?;
        let views = present.views();
        let basis = match target.is_compared() {
            true => present.basis(target.aim),
            false => String::new(),
        };
        target.refuse_outdated(&basis)?;
        let changes = match target.aim.task_id {
            None => compare(&PresentGoal::of(present.goal.state()), &views, &plan),
            Some(id) => {
                let whole = present.whole(id)?;
                name_parts(&views, &whole, &mut plan);
                // They have other names than the reader of the plan said.
                findings.retain(|finding| !matches!(&*finding.code, "generated_keys" | "missing_id"));
                self.refuse_taken_keys(unit, target.aim, &plan).await?;
                let earlier = unit.decompositions().parts_of(id).await?;
                expand(&views, &whole, &earlier.into_iter().collect(), &plan)
            }
        };
        refuse_errors(&changes.findings)?;
        for finding in &changes.findings {
            // A proposal that is applied has them already.
            if !findings.contains(finding) {
                findings.push(finding.clone());
            }
        }
        findings.sort_by_key(|finding| finding.line);

        let is_added = |task: &TaskRef| matches!(task, TaskRef::Added(_));
        let of_added = |one: &TaskDependencies| {
            one.depends_on.iter().filter(|(to, _)| is_added(&one.task) || is_added(to)).count()
        };
        let added_edges = changes.dependencies.iter().map(of_added).sum();
        let mut decomposition = self.begin(target, plan, findings, now);
        decomposition.basis = basis;
        let made = (changes.add.len(), added_edges);
        let mut told = self.tell_of(context, target, &mut present.goal, &mut decomposition, made, now);
        if let Some(digest) = target.digest.as_ref().filter(|_| !target.dry_run) {
            present.goal.reread(digest.clone(), now);
        }
        let called: HashMap<TaskId, String> = views
            .iter()
            .map(|view| (view.id, view.fields.key.clone().unwrap_or_else(|| view.fields.title.clone())))
            .collect();
        decomposition.changes = ShownChanges::of(&changes, &decomposition.plan, &called);
        let mut task_ids: Vec<Option<TaskId>> = vec![None; decomposition.plan.tasks.len()];
        let changed = changes.change.iter().filter_map(|one| Some((one.index?, one.task_id)));
        let known = changes.keep.iter().copied().chain(changed);
        for (index, task_id) in known {
            task_ids[index] = Some(task_id);
        }
        if target.dry_run {
            told.extend(self.events_of(context, &mut present.goal, now));
            unit.goals().save_many(std::slice::from_ref(&present.goal)).await?;
            unit.outbox().append(&told).await?;
        } else {
            self.apply(unit, context, present, told, (&decomposition.plan, &changes), &mut task_ids, now)
                .await?;
        }
        decomposition.task_ids = task_ids;
        self.keep(unit, context, target, &decomposition).await?;
        Ok(decomposition)
    }

    /// Schedules, runs, tasks, counters, goal: the order in which all lock them.
    pub(super) async fn present(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        goal_id: GoalId,
    ) -> Result<Present, Error> {
        let schedules = unit.schedules().lock_of_goal(goal_id).await?.into_iter().collect();
        let open = unit.tasks().in_goal(goal_id, &[TaskStatus::Pending, TaskStatus::Ready]).await?;
        let driving = unit.executions().driving_of(&open).await?;
        let driving: Vec<RunId> = driving.iter().map(|run| run.id).collect();
        let runs = unit.executions().lock_runs(&driving).await?;
        let tasks = unit.tasks().lock_of_goal(goal_id).await?;
        unit.goals().lock_counts(&[goal_id]).await?;
        let goal = unit
            .goals()
            .lock(context.workspace(), goal_id)
            .await?
            .ok_or_else(|| Error::not_found("goal", goal_id))?;
        if !goal.is_workable() {
            let message = format!("the goal is {}; make it active first", goal.state().status.as_str());
            return Err(Rejection::new("goal_not_active", message).into());
        }
        let ids: Vec<TaskId> = tasks.iter().map(Task::id).collect();
        let mut edges: HashMap<TaskId, Vec<Dependency>> = HashMap::new();
        for (task, edge) in unit.tasks().edges_of(&ids).await? {
            edges.entry(task).or_default().push(edge);
        }
        let runs = runs.into_iter().map(|run| (run.task_id, run)).collect();
        Ok(Present { goal, tasks, edges, runs, schedules })
    }

    pub(super) fn events_of(&self, context: &Context, goal: &mut Goal, now: Timestamp) -> Vec<Event> {
        context.events(&*self.ids, goal.take_facts(), now)
    }
}

fn refuse_errors(findings: &[Finding]) -> Result<(), Error> {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let violations: Vec<Violation> = errors
        .map(|finding| {
            Violation::new("content", finding.code.to_string(), on_line(finding.line, &finding.message))
        })
        .collect();
    match violations.as_slice() {
        [] => Ok(()),
        [one] => {
            let message = format!("the plan cannot be used: {}", one.message);
            Err(Error::Invalid { code: "invalid_plan", message, violations })
        }
        many => {
            let message = format!("the plan cannot be used: it has {} problems", many.len());
            Err(Error::Invalid { code: "invalid_plan", message, violations })
        }
    }
}
