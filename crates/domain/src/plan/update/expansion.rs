//! Breaking a task of a goal further down.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::json;

use super::edges::name_of;
use super::keys::ambiguous_references;
use super::{Changed, Changes, FieldChange, PresentTask, TaskDependencies, TaskRef, finding};
use crate::Timestamp;
use crate::execution::WaitKind;
use crate::plan::{Finding, Limits, Origin, Plan, Severity};
use crate::task::{NAME_LIMIT, TaskId, TaskStatus};

/// Why a task cannot be broken further down, in words. `waits` says what one waits for that has begun: what is still to be done
/// by a person is, like what nobody has begun.
pub fn refuse_expansion(task: &PresentTask, waits: Option<WaitKind>) -> Option<String> {
    let name = task.name();
    let with_person = waits == Some(WaitKind::Person) && task.fields.action.is_none();
    match task.status {
        TaskStatus::Pending | TaskStatus::Ready | TaskStatus::Failed | TaskStatus::Waiting
            if task.fields.schedule.is_some() =>
        {
            Some(format!(
                "{name} recurs, and what it is broken into would be done once; take its `schedule` away first"
            ))
        }
        TaskStatus::Pending | TaskStatus::Ready | TaskStatus::Failed => None,
        TaskStatus::Waiting if with_person => None,
        TaskStatus::Running => Some(format!(
            "{name} is running; wait until it is done, failed or given back, then break it down"
        )),
        TaskStatus::Waiting => Some(match waits {
            Some(WaitKind::Model) => format!(
                "{name} has begun, and waits for a model that does not answer; wait until it goes on, or cancel it"
            ),
            Some(WaitKind::Budget) => format!(
                "{name} has begun, and waits for a budget that is used up; raise the budget and wait until it is done, or \
                 cancel it"
            ),
            _ => format!(
                "{name} has begun, and waits for a moment or for a decision; decide, or wait until it goes on"
            ),
        }),
        TaskStatus::Completed | TaskStatus::Cancelled | TaskStatus::Skipped => {
            Some(format!("{name} is {}, so there is nothing left of it to break down", task.status.as_str()))
        }
    }
}

/// What a plan changes that breaks the task `whole` further down. Its tasks are made. Each of them waits for what `whole`
/// waits for as well, and `whole` waits for all of them: it is what they are brought together in. `tasks` are all of the goal;
/// `earlier` is what `whole` was broken into before, which the new ones do not wait for.
///
/// Findings: `failed_whole`; the error is `too_many_dependencies`, and then there is nothing else.
pub fn expand(tasks: &[PresentTask], whole: &PresentTask, earlier: &HashSet<TaskId>, plan: &Plan) -> Changes {
    if let Some(too_many) = refuse_too_many_edges(whole, earlier, plan) {
        return Changes { findings: vec![too_many], ..Changes::default() };
    }
    let mut parts: Vec<BTreeMap<TaskRef, Origin>> = vec![BTreeMap::new(); plan.tasks.len()];
    for edge in &plan.dependencies {
        if let Some(part) = parts.get_mut(edge.from_index) {
            part.entry(TaskRef::Added(edge.to_index)).or_insert(edge.origin);
        }
    }
    for id in inherited(whole, earlier) {
        for part in &mut parts {
            part.entry(TaskRef::Present(id)).or_insert(Origin::Structural);
        }
    }
    let before: BTreeMap<TaskRef, Origin> =
        whole.depends_on.iter().map(|edge| (TaskRef::Present(edge.task_id), edge.origin)).collect();
    let mut after = before.clone();
    after.extend((0..parts.len()).map(|index| (TaskRef::Added(index), Origin::Structural)));

    let places: HashMap<TaskId, usize> = tasks.iter().enumerate().map(|(at, task)| (task.id, at)).collect();
    let names = |edges: &BTreeMap<TaskRef, Origin>| {
        let mut names: Vec<String> = edges.keys().map(|&to| name_of(tasks, &places, plan, to)).collect();
        names.sort_unstable();
        json!(names)
    };
    let field = FieldChange { field: "depends_on", from: names(&before), to: names(&after) };
    let of = |(task, edges): (TaskRef, BTreeMap<TaskRef, Origin>)| TaskDependencies {
        task,
        depends_on: edges.into_iter().collect(),
    };
    let of_parts = parts.into_iter().enumerate().map(|(index, edges)| (TaskRef::Added(index), edges));
    Changes {
        add: (0..plan.tasks.len()).collect(),
        change: vec![Changed { index: None, task_id: whole.id, fields: vec![field] }],
        dependencies: of_parts.chain([(TaskRef::Present(whole.id), after)]).map(of).collect(),
        findings: stays_failed(whole).into_iter().collect(),
        ..Changes::default()
    }
}

/// What each part waits for because `whole` does.
fn inherited(whole: &PresentTask, earlier: &HashSet<TaskId>) -> impl Iterator<Item = TaskId> {
    whole.depends_on.iter().map(|edge| edge.task_id).filter(|id| !earlier.contains(id))
}

/// Complains about parts that would lead to too many dependencies, counted before any is made: a thousand parts of what waits
/// for a thousand tasks make a million edges. The error is `too_many_dependencies`.
pub fn refuse_too_many_edges(whole: &PresentTask, earlier: &HashSet<TaskId>, plan: &Plan) -> Option<Finding> {
    let inherited = inherited(whole, earlier).count();
    let (parts, limit) = (plan.tasks.len(), Limits::IMPORT.max_edges);
    let edges = parts.saturating_mul(inherited).saturating_add(plan.dependencies.len()).saturating_add(parts);
    (edges > limit).then(|| {
        let name = whole.name();
        let message = format!(
            "the plan leads to {edges} dependencies; at most {limit} are allowed: each of the {parts} parts waits for the \
             {inherited} tasks that {name} waits for; use fewer parts, or let {name} wait for fewer tasks"
        );
        finding(Severity::Error, "too_many_dependencies", None, message)
    })
}

/// What has failed is not tried again by being broken down: that is for a person to say.
fn stays_failed(whole: &PresentTask) -> Option<Finding> {
    (whole.status == TaskStatus::Failed).then(|| {
        let message = format!(
            "{} has failed and stays so; retry it when its parts are done, so that what waits for it goes on",
            whole.name()
        );
        finding(Severity::Warning, "failed_whole", None, message)
    })
}

/// Gives parts what they have from the task that they are parts of, where they say nothing of it themselves: its priority, and
/// the moment before which it is not to be begun, if that is still to come.
pub fn inherit(whole: &PresentTask, plan: &mut Plan, now: Timestamp) {
    let begins = whole.fields.scheduled_at.filter(|at| *at > now && whole.fields.schedule.is_none());
    for part in &mut plan.tasks {
        if part.priority == 0 {
            part.priority = whole.fields.priority;
        }
        if part.schedule.is_none() && !part.done && !part.dropped {
            part.scheduled_at = part.scheduled_at.or(begins);
        }
    }
}

/// Complains about parts that read others by keys which the reader made up: parts get other names, and the goal may have a task with
/// the one that is read. The error is `ambiguous_reference`.
pub fn refuse_made_up_references(plan: &Plan) -> Vec<Finding> {
    let made_up = plan.tasks.iter().enumerate().filter(|(_, part)| part.key_generated);
    ambiguous_references(plan, &made_up.map(|(index, _)| index).collect())
}

/// Names parts whose key the reader made up after the task that they are parts of: `T002_1`. Where that one has no key, or a
/// long one, they have none either.
pub fn name_parts(tasks: &[PresentTask], whole: &PresentTask, plan: &mut Plan) {
    let mut taken: HashSet<String> = tasks.iter().filter_map(|task| task.fields.key.clone()).collect();
    taken.extend(plan.tasks.iter().filter(|task| !task.key_generated).filter_map(|task| task.key.clone()));
    let mut free = 1..;
    for part in plan.tasks.iter_mut().filter(|task| task.key_generated) {
        part.key_generated = false;
        part.key = whole.fields.key.as_ref().and_then(|key| {
            let mut names = free.by_ref().map(|number: u32| format!("{key}_{number}"));
            names.find(|name| !taken.contains(name)).filter(|name| name.chars().count() <= NAME_LIMIT)
        });
    }
}
