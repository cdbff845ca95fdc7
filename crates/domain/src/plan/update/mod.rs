//! Comparing a plan with the tasks a goal has, to apply only the difference.

mod basis;
mod edges;
mod expansion;
mod fields;
mod keys;
mod marks;
mod matching;
mod present;

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;

use super::{Finding, Origin, Plan, Severity};
use crate::task::{TaskId, TaskStatus};
pub use basis::{basis, basis_of_addition, basis_of_expansion};
use edges::Edges;
pub use expansion::{
    expand, inherit, name_parts, refuse_expansion, refuse_made_up_references, refuse_too_many_edges,
};
pub use fields::FieldChange;
use fields::{is_open, may_change};
use matching::{Match, matches};
pub use present::{PresentGoal, PresentTask, plan_of};

/// What a plan changes. Every task of the plan is in exactly one of `add`, `keep` and `change`; every
/// task of the goal is in one of `keep`, `change` and `remove`, or is one that cannot be touched and has no
/// line any more.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Changes {
    /// Fields of the goal.
    pub goal: Vec<FieldChange>,
    /// Tasks to make, by position in the plan.
    pub add: Vec<usize>,
    /// Keys for those tasks to make whose key was made up by the reader and belongs to another task.
    pub keys: Vec<(usize, String)>,
    /// Tasks that stay as they are, with their position in the plan.
    pub keep: Vec<(usize, TaskId)>,
    /// Tasks that get other fields or dependencies.
    pub change: Vec<Changed>,
    /// Tasks whose lines are gone.
    pub remove: Vec<TaskId>,
    /// Tasks newly ticked off; they are in `keep` or `change` as well. Each stands behind those of them
    /// that it waits for.
    pub complete: Vec<(usize, TaskId)>,
    /// Tasks newly marked as not to be done; they are in `keep` or `change` as well.
    pub drop: Vec<(usize, TaskId)>,
    /// What every task that is not removed waits for after the update: first the tasks of the plan in
    /// its order, then those that have no line.
    pub dependencies: Vec<TaskDependencies>,
    /// Warnings and choices, sorted by line. With an error among them the plan must not be applied.
    pub findings: Vec<Finding>,
}

impl Changes {
    /// Whether applying them changes nothing.
    pub fn is_empty(&self) -> bool {
        let Self { goal, add, change, remove, complete, drop, .. } = self;
        goal.is_empty()
            && add.is_empty()
            && change.is_empty()
            && remove.is_empty()
            && complete.is_empty()
            && drop.is_empty()
    }
}

/// A task that stays and changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changed {
    /// Its position in the plan; none of a task that the plan only adds to.
    pub index: Option<usize>,
    /// The task.
    pub task_id: TaskId,
    /// What changes; never empty. `depends_on` is one of the fields.
    pub fields: Vec<FieldChange>,
}

/// A task after the update: one that is there already, or one that is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskRef {
    /// The id of a task that is there.
    Present(TaskId),
    /// The position in the plan of a task that is to be made.
    Added(usize),
}

/// What a task waits for after the update.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskDependencies {
    /// The task that waits.
    pub task: TaskRef,
    /// Those it waits for, each once.
    pub depends_on: Vec<(TaskRef, Origin)>,
}

/// Compares a plan with a goal and all its tasks.
///
/// Tasks are the same by id, else by key. Those to which the text gives neither are found by title, then by
/// their place in the list. Pending, ready and failed tasks
/// become what the plan says, and are removed where it does not name them. Of a waiting
/// task the words may change, and its box may be ticked. What is running, completed, cancelled or skipped is
/// never touched: what the plan says otherwise is a finding. Edges to
/// tasks that the plan does not name and that stay are left as they are.
///
/// Findings: `unknown_id`, `other_goal`, `finished_task_changed`, `finished_task_missing`,
/// `unchecked_finished`, `failed_task_ticked`, `done_before_dependencies`; errors are `duplicate_key`,
/// `ambiguous_reference` and `dependency_cycle`.
///
/// # Examples
///
/// ```
/// use goalwright_domain::Id;
/// use goalwright_domain::plan::{
///     Format, Limits, PlannedTask, PresentGoal, PresentTask, compare, plan_of, read_plan, write_plan,
/// };
/// use goalwright_domain::task::TaskStatus;
/// use uuid::Uuid;
///
/// let goal = PresentGoal {
///     id: Id::new(Uuid::from_u128(1)),
///     title: "Bread".to_owned(),
///     description: String::new(),
///     success_criteria: Vec::new(),
///     due_at: None,
/// };
/// let flour = PresentTask {
///     id: Id::new(Uuid::from_u128(2)),
///     status: TaskStatus::Ready,
///     fields: PlannedTask { title: "Buy flour".to_owned(), ..PlannedTask::default() },
///     depends_on: Vec::new(),
/// };
/// let tasks = [flour];
/// let export = write_plan(&plan_of(&goal, &tasks));
/// let edited = export.replace("- [ ] Buy flour", "- [x] Buy flour") + "- [ ] T002 Bake bread\n";
/// let plan = read_plan(&edited, Format::Auto, &Limits::IMPORT)?.plan;
///
/// let changes = compare(&goal, &tasks, &plan);
/// assert_eq!(changes.keep, [(0, tasks[0].id)]);
/// assert_eq!(changes.complete, [(0, tasks[0].id)]);
/// assert_eq!(changes.add, [1]);
/// # Ok::<(), goalwright_domain::plan::OutlineError>(())
/// ```
pub fn compare(goal: &PresentGoal, tasks: &[PresentTask], plan: &Plan) -> Changes {
    let is_export = plan.goal.as_ref().is_some_and(|goal| goal.id.is_some());
    let places = tasks.iter().enumerate().map(|(place, task)| (task.id, place)).collect();
    let findings = Vec::new();
    let mut comparison = Comparison { goal, tasks, places: &places, plan, is_export, findings };
    let matches = matches(&mut comparison);
    let edges = Edges::new(&comparison, &matches);
    let mut changes = Changes { goal: comparison.goal_fields(), ..Changes::default() };
    for (index, found) in matches.iter().enumerate() {
        match found {
            Some(found) => comparison.place(index, *found, &edges, &mut changes),
            None => changes.add.push(index),
        }
    }
    comparison.place_missing(&edges, &mut changes);
    changes.keys = comparison.keys(&matches, &edges);
    changes.dependencies = edges.after();
    comparison.check_cycles(&changes.dependencies);
    comparison.marks(&matches, &mut changes);
    changes.findings = comparison.findings;
    changes.findings.sort_by_key(|finding| finding.line);
    changes
}

/// What is compared, and what was noticed.
struct Comparison<'a> {
    goal: &'a PresentGoal,
    tasks: &'a [PresentTask],
    /// Where each of them stands.
    places: &'a HashMap<TaskId, usize>,
    plan: &'a Plan,
    /// Whether the plan was exported from a goal, and so says everything.
    is_export: bool,
    findings: Vec<Finding>,
}

impl Comparison<'_> {
    /// Decides whether a task that has a line stays or changes.
    fn place(&mut self, index: usize, found: Match, edges: &Edges<'_>, changes: &mut Changes) {
        let task = &self.tasks[found.present];
        let mut fields = self.fields(&self.plan.tasks[index], found);
        fields.extend(edges.change(index));
        let may = may_change(task, &fields);
        if !may && !fields.is_empty() {
            let names: Vec<&str> = fields.iter().map(|change| change.field).collect();
            self.leave(index, task, &names.join(", "));
        }
        if fields.is_empty() || !may {
            changes.keep.push((index, task.id));
        } else {
            changes.change.push(Changed { index: Some(index), task_id: task.id, fields });
        }
    }

    /// Says that a task stays as it is although the plan says something else.
    fn leave(&mut self, index: usize, task: &PresentTask, fields: &str) {
        let (name, status) = (task.name(), task.status.as_str());
        let message = format!("{name} is {status} and stays as it is; the plan says otherwise of: {fields}");
        let line = self.plan.tasks[index].line;
        self.findings.push(finding(Severity::Warning, "finished_task_changed", line, message));
    }

    fn place_missing(&mut self, edges: &Edges<'_>, changes: &mut Changes) {
        for task in self.tasks.iter().filter(|task| !edges.is_in_plan(task.id)) {
            if is_open(task) {
                changes.remove.push(task.id);
            } else {
                let (name, status) = (task.name(), task.status.as_str());
                let (severity, more) = match task.status {
                    // What is not over yet goes on, and whoever took its line out may not want that.
                    TaskStatus::Running | TaskStatus::Waiting => {
                        (Severity::Warning, "; cancel or delete it if it is not wanted any more")
                    }
                    _ => (Severity::Info, ""),
                };
                let message =
                    format!("{name} is {status} and stays, although the plan has no line for it{more}");
                self.findings.push(finding(severity, "finished_task_missing", None, message));
            }
        }
    }
}

fn finding(severity: Severity, code: &'static str, line: Option<u32>, message: String) -> Finding {
    Finding { severity, code: Cow::Borrowed(code), line, message }
}
