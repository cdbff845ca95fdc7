//! Changing what a goal has: a plan that is read again, or a task that is broken further down. What differs is applied, in
//! one unit.

use std::collections::{HashMap, HashSet};

use goalwright_domain::execution::{Run, RunId};
use goalwright_domain::goal::Goal;
use goalwright_domain::ledger::Event;
use goalwright_domain::plan::{
    Finding, PlannedTask, PresentGoal, PresentTask, Severity, TaskDependencies, TaskRef, basis,
    basis_of_addition, basis_of_expansion, compare, expand, inherit, name_parts, refuse_expansion,
    refuse_made_up_references,
};
use goalwright_domain::task::{Dependency, Task, TaskId, TaskStatus};
use goalwright_domain::{Rejection, Timestamp, Violation};

use super::record::outdated;
use super::{Aim, Decomposition, Mode, Planning, Prepared, ShownChanges, Target, check, on_line, refuse};
use crate::ports::UnitOfWork;
use crate::tasks::changed;
use crate::{Context, Error};

/// Everything of the goal, locked.
pub(super) struct Present {
    pub(super) goal: Goal,
    pub(super) tasks: Vec<Task>,
    pub(super) edges: HashMap<TaskId, Vec<Dependency>>,
    pub(super) runs: DrivingRuns,
    /// Up to when the schedules of tasks that recur were looked after.
    pub(super) schedules: HashMap<TaskId, Timestamp>,
}

/// The runs that drive tasks which have not begun, locked.
#[derive(Default)]
pub(super) struct DrivingRuns {
    locked: HashMap<TaskId, Run>,
    /// Tasks that got a run between the look at runs and the lock of the tasks: runs are locked before tasks, everywhere.
    missed: HashSet<TaskId>,
}

impl DrivingRuns {
    /// The run of a task that is to change, if it has one.
    ///
    /// # Errors
    /// `Conflict` (`conflict`) if it has one that is not locked: the next look is done at once.
    pub(super) fn take(&mut self, id: TaskId) -> Result<Option<Run>, Error> {
        if self.missed.contains(&id) {
            return Err(changed());
        }
        Ok(self.locked.remove(&id))
    }

    /// Gives it back for a second change in the same unit.
    pub(super) fn put(&mut self, run: Run) {
        self.locked.insert(run.task_id, run);
    }
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
        let mut present = self.present(unit, context, target.aim).await?;
        let basis = match target.is_compared() {
            true => present.basis(target.aim),
            false => String::new(),
        };
        target.refuse_outdated(&basis)?;
        if let Some(id) = target.aim.task_id.filter(|_| !target.dry_run)
            && self.give_back(unit, context, id, &mut present, now).await?
        {
            // Everything of it is locked by now, and some of it is not as it was.
            present = self.present(unit, context, target.aim).await?;
        }
        let views = present.views();
        let changes = match target.aim.task_id {
            None => compare(&PresentGoal::of(present.goal.state()), &views, &plan),
            Some(id) => {
                let whole = present.whole(id)?;
                refuse_errors(&refuse_made_up_references(&plan))?;
                inherit(&whole, &mut plan, now);
                name_parts(&views, &whole, &mut plan);
                // They have other names than the reader of the plan said.
                findings.retain(|finding| !matches!(&*finding.code, "generated_keys" | "missing_id"));
                if let Err(taken) = self.refuse_taken_keys(unit, target.aim, &plan).await {
                    // They were free when it was shown.
                    return Err(match target.proposal.is_some() {
                        true => outdated(
                            "the goal has tasks with keys of this plan by now; ask for a new one, and apply that",
                        ),
                        false => taken,
                    });
                }
                refuse(check::references(&plan, &read_by_parts(views.iter(), &whole), &*self.tools))?;
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
        check::types(&plan, &unit.agents().active(context.workspace()).await?, &mut findings);

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
        Aim { goal_id, task_id, .. }: Aim,
    ) -> Result<Present, Error> {
        let schedules = unit.schedules().lock_of_goal(goal_id).await?.into_iter().collect();
        let mut open = unit.tasks().in_goal(goal_id, &[TaskStatus::Pending, TaskStatus::Ready]).await?;
        open.extend(task_id);
        let driving = unit.executions().driving_of(&open).await?;
        let driving: Vec<RunId> = driving.iter().map(|run| run.id).collect();
        let locked = unit.executions().lock_runs(&driving).await?;
        let tasks = unit.tasks().lock_of_goal(goal_id).await?;
        let is_open = |task: &&Task| matches!(task.status(), TaskStatus::Pending | TaskStatus::Ready);
        let mut open: Vec<TaskId> = tasks.iter().filter(is_open).map(Task::id).collect();
        open.extend(task_id);
        let locked: HashMap<TaskId, Run> = locked.into_iter().map(|run| (run.task_id, run)).collect();
        // While it waited for the locks, whoever had them may have made runs, or queued some again.
        let now = unit.executions().driving_of(&open).await?;
        let is_locked = |run: &Run| locked.get(&run.task_id).is_some_and(|known| known.id == run.id);
        let missed = now.iter().filter(|run| !is_locked(run)).map(|run| run.task_id).collect();
        let runs = DrivingRuns { locked, missed };
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
        Ok(Present { goal, tasks, edges, runs, schedules })
    }

    pub(super) fn events_of(&self, context: &Context, goal: &mut Goal, now: Timestamp) -> Vec<Event> {
        context.events(&*self.ids, goal.take_facts(), now)
    }
}

/// What parts of a task may read besides each other: what it waits for, which is done before they begin.
pub(super) fn read_by_parts<'a>(
    tasks: impl Iterator<Item = &'a PresentTask>,
    whole: &PresentTask,
) -> Vec<&'a PlannedTask> {
    let waited_for: HashSet<TaskId> = whole.depends_on.iter().map(|edge| edge.task_id).collect();
    tasks.filter(|task| waited_for.contains(&task.id)).map(|task| &task.fields).collect()
}

fn refuse_errors(findings: &[Finding]) -> Result<(), Error> {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let violation = |finding: &Finding| {
        Violation::new("content", finding.code.to_string(), on_line(finding.line, &finding.message))
    };
    refuse(errors.map(violation).collect())
}
