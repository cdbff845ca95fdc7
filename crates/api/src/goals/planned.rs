//! What a breakdown consists of: tasks, the order between them, changes, remarks.

use goalwright_application::planning::{ShownChanges, ShownField};
use goalwright_domain::plan::{Finding, Origin, PlannedDependency, PlannedTask, Severity};
use poem_openapi::Object;
use serde_json::Value;
use uuid::Uuid;

use crate::nullable::Nullable;
use crate::values::Word;

/// A task of a plan.
#[derive(Debug, Object)]
#[oai(rename = "PlannedTask")]
pub(crate) struct PlannedTaskBody {
    /// Its position, from 0.
    index: u64,
    /// Its id, once the plan is applied.
    id: Nullable<Uuid>,
    /// Its name in the plan, such as `T001`.
    key: Nullable<String>,
    /// What is to be done.
    title: String,
    /// Details, Markdown.
    description: String,
    /// Matched with the agents' capabilities.
    task_type: String,
    /// Expected effort.
    estimate_minutes: Nullable<u32>,
    /// From 1, trivial, to 10.
    complexity: Nullable<u8>,
    /// Why it is that complex; a model says so.
    complexity_reason: Nullable<String>,
    /// Free words.
    labels: Vec<String>,
    /// Marked with `[P]`.
    parallel: bool,
    /// Ticked off in the plan.
    done: bool,
    /// Marked in the plan as not to be done.
    dropped: bool,
}

/// The task at `from_index` waits for the one at `to_index`.
#[derive(Debug, Object)]
#[oai(rename = "PlannedDependency")]
pub(crate) struct PlannedDependencyBody {
    /// Who waits.
    from_index: u64,
    /// For whom.
    to_index: u64,
    /// The id of the one that waits, once the plan is applied.
    task_id: Nullable<Uuid>,
    /// The id of the one waited for, once the plan is applied.
    depends_on_task_id: Nullable<Uuid>,
    /// How the edge came about.
    origin: Word<Origin>,
}

/// What an update or the breakdown of a task changes, by the keys of tasks.
#[derive(Debug, Default, Object)]
#[oai(rename = "PlanChanges")]
pub(crate) struct ChangesBody {
    /// New tasks.
    add: Vec<String>,
    /// Tasks that stay as they are.
    keep: Vec<String>,
    /// Tasks that change, and how.
    change: Vec<TaskChangeBody>,
    /// Tasks that go.
    remove: Vec<String>,
    /// Tasks that were ticked off in the plan; they are among `keep` or `change` as well.
    complete: Vec<String>,
    /// Tasks that were marked as not to be done; they are among `keep` or `change` as well.
    skip: Vec<String>,
    /// Fields of the goal.
    goal: Vec<FieldChangeBody>,
}

/// A task that an update changes.
#[derive(Debug, Object)]
#[oai(rename = "PlanTaskChange")]
pub(crate) struct TaskChangeBody {
    /// Its key; its title if it has none.
    key: String,
    /// Its id.
    task_id: Uuid,
    /// What changes.
    fields: Vec<FieldChangeBody>,
}

/// A field that an update changes.
#[derive(Debug, Object)]
#[oai(rename = "PlanFieldChange")]
pub(crate) struct FieldChangeBody {
    /// Its name; for `depends_on` the values are keys.
    field: String,
    /// What it is.
    from: Nullable<Value>,
    /// What it becomes.
    to: Nullable<Value>,
}

impl From<ShownChanges> for ChangesBody {
    fn from(from: ShownChanges) -> Self {
        let field = |change: ShownField| FieldChangeBody {
            field: change.field,
            from: Some(change.from).filter(|value| !value.is_null()).into(),
            to: Some(change.to).filter(|value| !value.is_null()).into(),
        };
        let change = from.change.into_iter().map(|one| TaskChangeBody {
            key: one.key,
            task_id: one.task_id.uuid(),
            fields: one.fields.into_iter().map(field).collect(),
        });
        Self {
            add: from.add,
            keep: from.keep,
            change: change.collect(),
            remove: from.remove,
            complete: from.complete,
            skip: from.skip,
            goal: from.goal.into_iter().map(field).collect(),
        }
    }
}

/// A remark about a plan.
#[derive(Debug, Object)]
#[oai(rename = "Finding")]
pub(crate) struct FindingBody {
    /// How much it matters.
    severity: Word<Severity>,
    /// Stable name of the kind of finding.
    code: String,
    /// Line of the plan, from 1.
    line: Nullable<u32>,
    /// What was found, and what was done about it.
    message: String,
}

impl PlannedTaskBody {
    /// A task at its position, with the id that it has by now.
    pub(super) fn of(index: usize, id: Nullable<Uuid>, task: PlannedTask) -> Self {
        let usual = if task.action.is_some() { "tool" } else { "general" };
        Self {
            index: index as u64,
            id,
            key: task.key.into(),
            title: task.title,
            description: task.description,
            task_type: task.task_type.unwrap_or_else(|| usual.to_owned()),
            estimate_minutes: task.estimate_minutes.into(),
            complexity: task.complexity.into(),
            complexity_reason: task.complexity_reason.into(),
            labels: task.labels,
            parallel: task.parallel,
            done: task.done,
            dropped: task.dropped,
        }
    }
}

impl PlannedDependencyBody {
    /// An edge, with the ids that its tasks have by now.
    pub(super) fn of(edge: &PlannedDependency, id: impl Fn(usize) -> Nullable<Uuid>) -> Self {
        Self {
            from_index: edge.from_index as u64,
            to_index: edge.to_index as u64,
            task_id: id(edge.from_index),
            depends_on_task_id: id(edge.to_index),
            origin: Word(edge.origin),
        }
    }
}

impl From<Finding> for FindingBody {
    fn from(finding: Finding) -> Self {
        Self {
            severity: Word(finding.severity),
            code: finding.code.into_owned(),
            line: finding.line.into(),
            message: finding.message,
        }
    }
}
