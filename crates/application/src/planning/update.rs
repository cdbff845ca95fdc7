//! A plan that is read again: what differs is applied, in one unit.

use std::collections::{HashMap, HashSet};

use goalwright_domain::execution::{Run, RunId};
use goalwright_domain::goal::Goal;
use goalwright_domain::ledger::Event;
use goalwright_domain::plan::{
    Finding, PresentGoal, PresentTask, Severity, TaskRef, basis, basis_of_addition, compare,
};
use goalwright_domain::task::{Dependency, Task, TaskId, TaskStatus};
use goalwright_domain::{Rejection, Timestamp, Violation};

use super::{Decomposition, Mode, Planning, Prepared, ShownChanges, Target, on_line};
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
        let view = |task: &Task| {
            let edges = self.edges.get(&task.id()).cloned().unwrap_or_default();
            PresentTask::of(task.state(), edges)
        };
        self.tasks.iter().map(view).collect()
    }

    /// What a plan for it depends on.
    pub(super) fn basis(&self, mode: Mode) -> String {
        let goal = PresentGoal::of(self.goal.state());
        match mode {
            Mode::Create => basis_of_addition(&goal, &self.views()),
            Mode::Update => basis(&goal, &self.views()),
        }
    }
}

impl Planning {
    /// Compares the plan with what the goal has, and applies the difference unless it is only to be shown. A file that was
    /// read again leaves its `digest` with the goal.
    pub(crate) async fn update(
        &self,
        unit: &dyn UnitOfWork,
        context: &Context,
        target: &Target,
        prepared: Prepared,
        digest: Option<String>,
        now: Timestamp,
    ) -> Result<Decomposition, Error> {
        let Prepared { plan, mut findings } = prepared;
        unit.tasks().lock_edges(context.workspace()).await?;
        let mut present = self.present(unit, context, target).await?;
        let views = present.views();
        let basis = match target.is_compared() {
            true => present.basis(Mode::Update),
            false => String::new(),
        };
        target.refuse_outdated(&basis)?;
        let changes = compare(&PresentGoal::of(present.goal.state()), &views, &plan);
        refuse_errors(&changes.findings)?;
        for finding in &changes.findings {
            // A proposal that is applied has them already.
            if !findings.contains(finding) {
                findings.push(finding.clone());
            }
        }
        findings.sort_by_key(|finding| finding.line);

        let added_edges = changes
            .dependencies
            .iter()
            .filter(|one| matches!(one.task, TaskRef::Added(_)))
            .map(|one| one.depends_on.len())
            .sum();
        let mut decomposition = self.begin(target, Mode::Update, plan, findings, now);
        decomposition.basis = basis;
        let made = (changes.add.len(), added_edges);
        let mut told = self.tell_of(context, target, &mut present.goal, &mut decomposition, made, now);
        if let Some(digest) = digest.filter(|_| !target.dry_run) {
            present.goal.reread(digest, now);
        }
        let gone: HashSet<TaskId> = changes.remove.iter().copied().collect();
        let removed = views.iter().filter(|view| gone.contains(&view.id));
        let removed: HashMap<TaskId, String> = removed
            .map(|view| (view.id, view.fields.key.clone().unwrap_or_else(|| view.fields.title.clone())))
            .collect();
        decomposition.changes = ShownChanges::of(&changes, &decomposition.plan, &removed);
        let mut task_ids: Vec<Option<TaskId>> = vec![None; decomposition.plan.tasks.len()];
        let known =
            changes.keep.iter().copied().chain(changes.change.iter().map(|one| (one.index, one.task_id)));
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
        target: &Target,
    ) -> Result<Present, Error> {
        let schedules = unit.schedules().lock_of_goal(target.goal_id).await?.into_iter().collect();
        let open = unit.tasks().in_goal(target.goal_id, &[TaskStatus::Pending, TaskStatus::Ready]).await?;
        let driving = unit.executions().driving_of(&open).await?;
        let driving: Vec<RunId> = driving.iter().map(|run| run.id).collect();
        let runs = unit.executions().lock_runs(&driving).await?;
        let tasks = unit.tasks().lock_of_goal(target.goal_id).await?;
        unit.goals().lock_counts(&[target.goal_id]).await?;
        let goal = unit
            .goals()
            .lock(context.workspace(), target.goal_id)
            .await?
            .ok_or_else(|| Error::not_found("goal", target.goal_id))?;
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
