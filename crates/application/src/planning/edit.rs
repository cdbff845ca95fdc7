//! What differs between a plan and a goal, as edits of what the goal has.

use goalwright_domain::goal::GoalEdit;
use goalwright_domain::plan::{Changed, Changes, Plan, PlannedTask};
use goalwright_domain::task::TaskEdit;

/// What changes of the goal.
pub(super) fn goal_edit(plan: &Plan, changes: &Changes) -> GoalEdit {
    let mut edit = GoalEdit::default();
    let planned = plan.goal.clone().unwrap_or_default();
    for change in &changes.goal {
        match change.field {
            "title" => edit.title.clone_from(&plan.title),
            "description" => edit.description = Some(planned.description.clone()),
            "success_criteria" => edit.success_criteria = Some(planned.success_criteria.clone()),
            "due_at" => edit.due_at = Some(planned.due_at),
            _ => {}
        }
    }
    edit
}

/// What changes of a task.
pub(super) fn task_edit(changed: &Changed, planned: &PlannedTask) -> TaskEdit {
    let mut edit = TaskEdit::default();
    for change in &changed.fields {
        match change.field {
            "title" => edit.title = Some(planned.title.clone()),
            "description" => edit.description = Some(planned.description.clone()),
            "labels" => edit.labels = Some(planned.labels.clone()),
            "priority" => edit.priority = Some(planned.priority),
            "parallel" => edit.parallel = Some(planned.parallel),
            "estimate_minutes" => edit.estimate_minutes = Some(planned.estimate_minutes),
            "complexity" => {
                edit.complexity = Some(planned.complexity);
                // What the plan says of it holds, also where the goal's task said the same of another complexity.
                edit.complexity_reason = Some(planned.complexity_reason.clone());
            }
            "complexity_reason" => edit.complexity_reason = Some(planned.complexity_reason.clone()),
            "key" => edit.key = Some(planned.key.clone()),
            "slug" => edit.slug.clone_from(&planned.slug),
            "task_type" => edit.task_type = Some(planned.task_type.clone().unwrap_or_default()),
            "action" => edit.action = Some(planned.action()),
            "max_attempts" => edit.max_attempts = planned.max_attempts,
            "retry" => edit.retry = Some(planned.retry.clone()),
            "on_exhausted" => edit.on_exhausted = Some(planned.on_exhausted.unwrap_or_default()),
            "schedule" => edit.schedule = Some(planned.schedule.clone()),
            "scheduled_at" => edit.scheduled_at = Some(planned.scheduled_at),
            _ => {}
        }
    }
    edit
}
