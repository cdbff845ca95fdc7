//! Breaking a task of a goal further down.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::json;

use super::edges::name_of;
use super::{Changed, Changes, FieldChange, PresentTask, TaskDependencies, TaskRef};
use crate::execution::WaitKind;
use crate::plan::{Origin, Plan};
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
        TaskStatus::Waiting => Some(format!(
            "{name} has begun, and waits for a moment or for a decision; decide, or wait until it goes on"
        )),
        TaskStatus::Completed | TaskStatus::Cancelled | TaskStatus::Skipped => {
            Some(format!("{name} is {}, so there is nothing left of it to break down", task.status.as_str()))
        }
    }
}

/// What a plan changes that breaks the task `whole` further down. Its tasks are made. Each of them waits for what `whole`
/// waits for as well, and `whole` waits for all of them: it is what they are brought together in. `tasks` are all of the goal;
/// `earlier` is what `whole` was broken into before, which the new ones do not wait for.
pub fn expand(tasks: &[PresentTask], whole: &PresentTask, earlier: &HashSet<TaskId>, plan: &Plan) -> Changes {
    let mut parts: Vec<BTreeMap<TaskRef, Origin>> = vec![BTreeMap::new(); plan.tasks.len()];
    for edge in &plan.dependencies {
        if let Some(part) = parts.get_mut(edge.from_index) {
            part.entry(TaskRef::Added(edge.to_index)).or_insert(edge.origin);
        }
    }
    let inherited = whole.depends_on.iter().map(|edge| edge.task_id).filter(|id| !earlier.contains(id));
    for id in inherited {
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
        ..Changes::default()
    }
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
