//! An export, edited at random: the changes are exactly the edits.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;
use uuid::Uuid;

use crate::Id;
use crate::plan::{
    Format, Limits, Origin, PlannedTask, PresentGoal, PresentTask, Severity, TaskRef, compare, plan_of,
    read_plan, write_plan,
};
use crate::task::{Dependency, TaskId, TaskStatus};

/// What happens to the lines of one task.
#[derive(Debug, Clone)]
enum Edit {
    None,
    Tick,
    Drop,
    Retitle,
    Delete,
    /// Waits for an earlier task as well.
    Wait(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => Just(Edit::None),
        2 => Just(Edit::Tick),
        1 => Just(Edit::Drop),
        1 => Just(Edit::Retitle),
        1 => Just(Edit::Delete),
        1 => any::<Index>().prop_map(Edit::Wait),
    ]
}

/// A task of the goal, and what is done to its lines: (status, tasks waited for, edit).
type Drawn = (TaskStatus, Vec<(Index, usize)>, Edit);

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let status = prop::sample::select(TaskStatus::ALL.to_vec());
    let waits = prop::collection::vec((any::<Index>(), 0..3_usize), 0..3);
    prop::collection::vec((status, waits, edit()), 1..9)
}

fn id(index: usize) -> TaskId {
    Id::new(Uuid::from_u128(index as u128 + 1))
}

fn key(index: usize) -> String {
    format!("T{:03}", index + 1)
}

fn is_open(status: TaskStatus) -> bool {
    matches!(status, TaskStatus::Pending | TaskStatus::Ready | TaskStatus::Failed)
}

fn goal() -> PresentGoal {
    PresentGoal {
        id: Id::new(Uuid::from_u128(99)),
        title: "Goal".to_owned(),
        description: String::new(),
        success_criteria: Vec::new(),
        due_at: None,
    }
}

fn present(drawn: &[Drawn]) -> Vec<PresentTask> {
    let task = |(index, (status, waits, _)): (usize, &Drawn)| {
        let mut depends_on: BTreeMap<TaskId, Origin> = BTreeMap::new();
        for (to, origin) in waits.iter().filter(|_| index > 0) {
            let origin = [Origin::Explicit, Origin::Structural, Origin::Inferred][*origin];
            depends_on.insert(id(to.index(index)), origin);
        }
        PresentTask {
            id: id(index),
            status: *status,
            fields: PlannedTask {
                key: Some(key(index)),
                title: format!("Title {index}"),
                description: "Some text.\n\nAnd more.".to_owned(),
                task_type: Some("general".to_owned()),
                max_attempts: Some(3),
                ..PlannedTask::default()
            },
            depends_on: depends_on
                .into_iter()
                .map(|(task_id, origin)| Dependency { task_id, origin })
                .collect(),
        }
    };
    drawn.iter().enumerate().map(task).collect()
}

/// The head of an export, and the lines of each task.
fn blocks(text: &str) -> (String, Vec<String>) {
    let mut parts = text.split("\n- [").map(str::to_owned);
    let head = parts.next().unwrap_or_default();
    (head, parts.map(|part| format!("\n- [{}", part.trim_end_matches('\n'))).collect())
}

fn edited(drawn: &[Drawn], added: usize, order: &[Index], text: &str) -> String {
    let (head, mut blocks) = blocks(text);
    let marked = |block: &str, mark: char| format!("\n- [{mark}{}", &block[5..]);
    for (index, (_, _, edit)) in drawn.iter().enumerate() {
        let block = &blocks[index];
        blocks[index] = match edit {
            Edit::None => continue,
            Edit::Tick => marked(block, 'x'),
            Edit::Drop => marked(block, '-'),
            Edit::Retitle => block.replace("Title", "Another title"),
            Edit::Delete => String::new(),
            Edit::Wait(_) if index == 0 => continue,
            Edit::Wait(to) => format!("{block}\n  - depends on: {}", key(to.index(index))),
        };
    }
    blocks.extend((0..added).map(|number| format!("\n- [ ] N{number} is new")));
    for (place, other) in order.iter().enumerate().take(blocks.len()) {
        blocks.swap(place, other.index(drawn.len() + added));
    }
    format!("{head}{}\n", blocks.concat())
}

/// What the edits should lead to, by ids.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    change: BTreeMap<TaskId, Vec<&'static str>>,
    remove: BTreeSet<TaskId>,
    complete: BTreeSet<TaskId>,
    drop: BTreeSet<TaskId>,
    waits: BTreeMap<TaskId, BTreeSet<TaskId>>,
}

fn expected(drawn: &[Drawn], tasks: &[PresentTask]) -> Expected {
    let mut expected = Expected::default();
    let is_deleted = |index: usize| matches!(drawn[index].2, Edit::Delete);
    for (index, (status, _, _)) in drawn.iter().enumerate() {
        if is_deleted(index) && is_open(*status) {
            expected.remove.insert(id(index));
        }
    }
    let mut completed = BTreeSet::new();
    for (index, (status, _, edit)) in drawn.iter().enumerate() {
        if expected.remove.contains(&id(index)) {
            continue;
        }
        let mut waits: BTreeSet<TaskId> = tasks[index].depends_on.iter().map(|edge| edge.task_id).collect();
        waits.retain(|to| !expected.remove.contains(to));
        match edit {
            Edit::Retitle if is_open(*status) || *status == TaskStatus::Waiting => {
                expected.change.insert(id(index), vec!["title"]);
            }
            Edit::Drop if is_open(*status) => {
                expected.drop.insert(id(index));
            }
            Edit::Wait(to) if index > 0 && is_open(*status) => {
                let to = to.index(index);
                if !is_deleted(to) && waits.insert(id(to)) {
                    expected.change.insert(id(index), vec!["depends_on"]);
                }
            }
            _ => {}
        }
        let may_complete = matches!(status, TaskStatus::Pending | TaskStatus::Ready | TaskStatus::Waiting);
        if matches!(edit, Edit::Tick) && may_complete && waits.is_subset(&completed) {
            expected.complete.insert(id(index));
            completed.insert(id(index));
        } else if matches!(status, TaskStatus::Completed | TaskStatus::Skipped) {
            completed.insert(id(index));
        }
        expected.waits.insert(id(index), waits);
    }
    expected
}

proptest! {
    #[test]
    fn changes_are_the_edits(
        drawn in drawn(),
        added in 0..3_usize,
        order in prop::collection::vec(any::<Index>(), 0..6),
    ) {
        let tasks = present(&drawn);
        let text = edited(&drawn, added, &order, &write_plan(&plan_of(&goal(), &tasks)));
        let plan = read_plan(&text, Format::Auto, &Limits::IMPORT).expect("a plan").plan;
        let changes = compare(&goal(), &tasks, &plan);
        let mut found = Expected {
            remove: changes.remove.iter().copied().collect(),
            complete: changes.complete.iter().map(|(_, id)| *id).collect(),
            drop: changes.drop.iter().map(|(_, id)| *id).collect(),
            ..Expected::default()
        };
        for changed in &changes.change {
            found.change.insert(changed.task_id, changed.fields.iter().map(|change| change.field).collect());
        }
        for of in &changes.dependencies {
            if let TaskRef::Present(id) = of.task {
                let id_of = |&(to, _): &(TaskRef, Origin)| match to {
                    TaskRef::Present(id) => Some(id),
                    TaskRef::Added(_) => None,
                };
                found.waits.insert(id, of.depends_on.iter().filter_map(id_of).collect());
            }
        }
        prop_assert_eq!(&found, &expected(&drawn, &tasks), "{}", text);
        prop_assert_eq!(changes.add.len(), added);
        let lines = drawn.iter().filter(|(_, _, edit)| !matches!(edit, Edit::Delete)).count();
        prop_assert_eq!(changes.keep.len() + changes.change.len(), lines);
        prop_assert!(changes.findings.iter().all(|finding| finding.severity != Severity::Error));
        prop_assert!(changes.goal.is_empty());
    }

    #[test]
    fn an_export_without_edits_changes_nothing(drawn in drawn()) {
        let tasks = present(&drawn);
        let text = write_plan(&plan_of(&goal(), &tasks));
        let outline = read_plan(&text, Format::Auto, &Limits::IMPORT).expect("a plan");
        let changes = compare(&goal(), &tasks, &outline.plan);
        prop_assert!(changes.is_empty(), "{:?}", changes);
        prop_assert_eq!(changes.keep.len(), tasks.len());
        prop_assert_eq!((outline.findings, changes.findings), (vec![], vec![]));
    }
}
