//! What a goal has, in the terms of a plan.

use std::collections::HashMap;

use crate::Timestamp;
use crate::execution::{Action, OnExhausted};
use crate::goal::{GoalId, GoalState};
use crate::plan::{Plan, PlannedAction, PlannedDependency, PlannedGoal, PlannedTask, PlannedWork};
use crate::task::{Dependency, GENERAL, TaskId, TaskState, TaskStatus, slugify};

/// A goal as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct PresentGoal {
    /// Its id.
    pub id: GoalId,
    /// What is to be achieved.
    pub title: String,
    /// Details, Markdown.
    pub description: String,
    /// How people will know.
    pub success_criteria: Vec<String>,
    /// Until when.
    pub due_at: Option<Timestamp>,
}

/// A task of the goal as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct PresentTask {
    /// Its id.
    pub id: TaskId,
    /// Where it stands.
    pub status: TaskStatus,
    /// What a plan says of a task. `id`, `done`, `dropped`, `phase` and `line` mean nothing here.
    pub fields: PlannedTask,
    /// What it waits for; tasks of other goals may be among them.
    pub depends_on: Vec<Dependency>,
}

/// Attempts of a task that says nothing of them and whose effect is not irreversible.
const USUAL_ATTEMPTS: u32 = 3;

impl PresentGoal {
    /// From the goal's state.
    pub fn of(state: &GoalState) -> Self {
        Self {
            id: state.id,
            title: state.title.clone(),
            description: state.description.clone(),
            success_criteria: state.success_criteria.clone(),
            due_at: state.due_at,
        }
    }
}

impl PresentTask {
    /// From the task's state and what it waits for.
    pub fn of(state: &TaskState, depends_on: Vec<Dependency>) -> Self {
        let (action, work) = state.action.clone().map_or((None, None), parts);
        let fields = PlannedTask {
            key: state.key.clone(),
            title: state.title.clone(),
            description: state.description.clone(),
            task_type: Some(state.task_type.clone()),
            estimate_minutes: state.estimate_minutes,
            priority: state.priority,
            labels: state.labels.clone(),
            parallel: state.parallel,
            complexity: state.complexity,
            complexity_reason: state.complexity_reason.clone(),
            max_attempts: Some(state.max_attempts),
            retry: state.retry.clone(),
            on_exhausted: Some(state.on_exhausted),
            scheduled_at: state.scheduled_at,
            schedule: state.schedule.clone(),
            slug: Some(state.slug.clone()),
            action,
            work,
            ..PlannedTask::default()
        };
        Self { id: state.id, status: state.status, fields, depends_on }
    }

    /// The task as an export states it: without what it would have anyway.
    pub(super) fn planned(&self) -> PlannedTask {
        let fields = &self.fields;
        let usual_slug = slugify(&fields.title);
        // Once a task has a run, this is the time of the run.
        let is_untried = matches!(self.status, TaskStatus::Pending | TaskStatus::Ready);
        let is_usual = |attempts: &u32| *attempts == USUAL_ATTEMPTS && fields.action.is_none();
        PlannedTask {
            id: Some(self.id),
            task_type: fields.task_type.clone().filter(|given| given != usual_type(fields)),
            max_attempts: fields.max_attempts.filter(|attempts| !is_usual(attempts)),
            on_exhausted: fields.on_exhausted.filter(|then| *then != OnExhausted::default()),
            // That of a task that recurs is its last slot.
            scheduled_at: fields.scheduled_at.filter(|_| is_untried && fields.schedule.is_none()),
            slug: fields.slug.clone().filter(|slug| *slug != usual_slug),
            done: self.status == TaskStatus::Completed,
            dropped: matches!(self.status, TaskStatus::Cancelled | TaskStatus::Skipped),
            phase: None,
            line: None,
            ..fields.clone()
        }
    }

    /// What the task is called in a message.
    pub(super) fn name(&self) -> String {
        self.fields
            .key
            .clone()
            .unwrap_or_else(|| format!("“{}”", self.fields.title.chars().take(60).collect::<String>()))
    }
}

/// The type of a task that names none.
pub(super) fn usual_type(task: &PlannedTask) -> &'static str {
    if task.action.is_some() { "tool" } else { GENERAL }
}

fn parts(action: Action) -> (Option<PlannedAction>, Option<PlannedWork>) {
    match action {
        Action::Tool { tool, operation, parameters } => {
            (Some(PlannedAction { tool, operation, parameters, line: None }), None)
        }
        Action::Orchestrated { instructions, tools, output_schema } => {
            (None, Some(PlannedWork::Orchestrated { instructions, tools, output_schema }))
        }
        Action::Human { instructions } => (None, Some(PlannedWork::Human { instructions })),
        Action::External => (None, Some(PlannedWork::External)),
    }
}

/// The plan that [`write_plan`](crate::plan::write_plan()) makes an export of: the goal with all its
/// tasks, in the order given. Edges to tasks of other goals have no place in a plan; [`compare`](super::compare()) leaves
/// them alone.
pub fn plan_of(goal: &PresentGoal, tasks: &[PresentTask]) -> Plan {
    let places: HashMap<TaskId, usize> =
        tasks.iter().enumerate().map(|(index, task)| (task.id, index)).collect();
    let mut dependencies = Vec::new();
    for (from_index, task) in tasks.iter().enumerate() {
        for dependency in &task.depends_on {
            if let Some(&to_index) = places.get(&dependency.task_id) {
                let origin = dependency.origin;
                dependencies.push(PlannedDependency { from_index, to_index, origin, line: None });
            }
        }
    }
    dependencies.sort_unstable_by_key(|edge| (edge.from_index, edge.to_index));
    let planned_goal = PlannedGoal {
        id: Some(goal.id),
        description: goal.description.clone(),
        success_criteria: goal.success_criteria.clone(),
        due_at: goal.due_at,
    };
    Plan {
        title: Some(goal.title.clone()),
        goal: Some(planned_goal),
        tasks: tasks.iter().map(PresentTask::planned).collect(),
        dependencies,
    }
}
