//! What a plan says differently of a task or a goal.

use serde::Serialize;
use serde_json::{Value, json};

use super::matching::Match;
use super::present::usual_type;
use super::{Comparison, PresentTask};
use crate::canonical;
use crate::plan::PlannedTask;

/// A field that gets another value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    /// The name of the field, as in the task or the goal: `title`, `action`, `depends_on`, …
    pub field: &'static str,
    /// What it is; for `depends_on` the names of the tasks.
    pub from: Value,
    /// What it becomes.
    pub to: Value,
}

impl Comparison<'_> {
    /// The fields of a task that the plan states differently, dependencies aside.
    pub(super) fn fields(&self, planned: &PlannedTask, found: Match) -> Vec<FieldChange> {
        let task = &self.tasks[found.present];
        let now = task.planned();
        let mut changes = Changes(Vec::new());
        changes.note("title", &now.title.trim(), &planned.title.trim());
        changes.note("description", &now.description, &planned.description);
        if found.by_id {
            changes.note("key", &now.key, &planned.key);
        }
        let kind = |task: &PlannedTask| task.task_type.clone().unwrap_or_else(|| usual_type(task).to_owned());
        changes.note("task_type", &kind(&now), &kind(planned));
        changes.note("estimate_minutes", &now.estimate_minutes, &planned.estimate_minutes);
        changes.note("priority", &now.priority, &planned.priority);
        changes.note("labels", &now.labels, &planned.labels);
        changes.note("parallel", &now.parallel, &planned.parallel);
        // A plain plan cannot say this of a task, so its silence means nothing.
        let speaks = |says: bool| says || self.is_export;
        if speaks(planned.action.is_some() || planned.work.is_some() || now.work.is_none()) {
            changes.note("action", &now.action(), &planned.action());
        }
        if speaks(planned.complexity.is_some()) {
            changes.note("complexity", &now.complexity, &planned.complexity);
        }
        if speaks(planned.complexity_reason.is_some()) {
            // A task has no empty reason.
            let planned = planned.complexity_reason.clone().filter(|reason| !reason.trim().is_empty());
            changes.note("complexity_reason", &now.complexity_reason, &planned);
        }
        if speaks(planned.scheduled_at.is_some()) {
            changes.note("scheduled_at", &now.scheduled_at, &planned.scheduled_at);
        }
        if speaks(planned.retry.is_some()) {
            changes.note("retry", &now.retry, &planned.retry);
        }
        if speaks(planned.on_exhausted.is_some()) {
            let then = |task: &PlannedTask| task.on_exhausted.unwrap_or_default();
            changes.note("on_exhausted", &then(&now), &then(planned));
        }
        if speaks(planned.schedule.is_some()) {
            changes.note("schedule", &now.schedule, &planned.schedule);
        }
        changes.note_given("max_attempts", &task.fields.max_attempts, &planned.max_attempts);
        changes.note_given("slug", &task.fields.slug, &planned.slug);
        changes.0
    }

    /// The fields of the goal that an export of it states differently.
    pub(super) fn goal_fields(&self) -> Vec<FieldChange> {
        let goal = self.goal;
        let mut changes = Changes(Vec::new());
        let Some(planned) =
            self.plan.goal.as_ref().filter(|planned| planned.id.is_none_or(|id| id == goal.id))
        else {
            return changes.0;
        };
        if let Some(title) = &self.plan.title {
            changes.note("title", &goal.title.trim(), &title.trim());
        }
        changes.note("description", &goal.description, &planned.description);
        changes.note("success_criteria", &goal.success_criteria, &planned.success_criteria);
        changes.note("due_at", &goal.due_at, &planned.due_at);
        changes.0
    }
}

struct Changes(Vec<FieldChange>);

impl Changes {
    /// Numbers count by value, as everywhere where JSON goes through a database.
    fn note<T: Serialize>(&mut self, field: &'static str, from: &T, to: &T) {
        let (from, to) = (json!(from), json!(to));
        if canonical::to_string(&from) != canonical::to_string(&to) {
            self.0.push(FieldChange { field, from, to });
        }
    }

    /// For what a task always has: a plan that says nothing leaves it.
    fn note_given<T: Serialize>(&mut self, field: &'static str, from: &Option<T>, to: &Option<T>) {
        if to.is_some() {
            self.note(field, from, to);
        }
    }
}

/// What may change of a task that has begun and waits: nothing that decides how it is performed.
const WORDS: [&str; 10] = [
    "title",
    "description",
    "labels",
    "priority",
    "parallel",
    "estimate_minutes",
    "complexity",
    "complexity_reason",
    "key",
    "slug",
];

/// Whether the plan may change these fields of the task.
pub(super) fn may_change(task: &PresentTask, fields: &[FieldChange]) -> bool {
    let waits = task.status == crate::task::TaskStatus::Waiting;
    is_open(task) || waits && fields.iter().all(|change| WORDS.contains(&change.field))
}

/// Whether the plan may change the task: nobody has worked on it with success, nobody does now.
pub(super) fn is_open(task: &PresentTask) -> bool {
    use crate::task::TaskStatus as S;
    match task.status {
        S::Pending | S::Ready | S::Failed => true,
        S::Running | S::Waiting | S::Completed | S::Cancelled | S::Skipped => false,
    }
}
