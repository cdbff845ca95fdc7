//! A breakdown as it is shown.

use std::collections::HashMap;

use goalwright_application::planning::Decomposition;
use goalwright_domain::plan::{Changes, FieldChange, Finding, Origin, Plan, PlannedTask, Severity};
use goalwright_domain::task::TaskId;
use poem_openapi::Object;
use serde_json::Value;
use uuid::Uuid;

use super::decompose::Planner;
use crate::nullable::Nullable;
use crate::values::{Word, vocabulary};

/// What became of a breakdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecompositionStatus {
    Proposed,
    Applied,
    Rejected,
    Failed,
}

vocabulary!(DecompositionStatus, "decomposition status", {
    Proposed: "proposed", Applied: "applied", Rejected: "rejected", Failed: "failed"
});

/// A goal broken down into tasks and the order between them.
#[derive(Debug, Object)]
#[oai(rename = "Decomposition")]
pub(crate) struct DecompositionBody {
    /// Under which it is kept; null for the preview of an import, which keeps nothing.
    decomposition_id: Nullable<Uuid>,
    /// What became of it.
    status: Word<DecompositionStatus>,
    /// Whether it was only shown.
    dry_run: bool,
    /// `sha256:` of the plan.
    plan_hash: String,
    /// Who planned.
    planner: Word<Planner>,
    /// The model, if one planned.
    model: Nullable<String>,
    /// The version of its prompt.
    prompt_version: Nullable<String>,
    /// The tasks, in the order of the plan.
    tasks: Vec<PlannedTaskBody>,
    /// Who waits for whom.
    dependencies: Vec<PlannedDependencyBody>,
    /// What an update changes; empty for a new breakdown.
    changes: ChangesBody,
    /// What the reader of the plan noticed.
    findings: Vec<FindingBody>,
    /// What a model cost.
    usage: UsageBody,
    /// The event `goal.decomposed`; null for the preview of an import.
    event_id: Nullable<Uuid>,
}

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

/// What an update changes, by the keys of tasks.
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

impl ChangesBody {
    /// Tasks are named as the plan names them; those that go, as they were called.
    fn of(changes: Changes, plan: &Plan, removed: &HashMap<TaskId, String>) -> Self {
        let name = |index: usize| {
            let task = plan.tasks.get(index);
            task.and_then(|task| task.key.clone().or_else(|| Some(task.title.clone()))).unwrap_or_default()
        };
        let field = |change: FieldChange| FieldChangeBody {
            field: change.field.to_owned(),
            from: Some(change.from).filter(|value| !value.is_null()).into(),
            to: Some(change.to).filter(|value| !value.is_null()).into(),
        };
        let names = |pairs: Vec<(usize, TaskId)>| pairs.into_iter().map(|(index, _)| name(index)).collect();
        Self {
            add: changes.add.into_iter().map(name).collect(),
            keep: names(changes.keep),
            change: changes
                .change
                .into_iter()
                .map(|one| TaskChangeBody {
                    key: name(one.index),
                    task_id: one.task_id.uuid(),
                    fields: one.fields.into_iter().map(field).collect(),
                })
                .collect(),
            remove: changes
                .remove
                .into_iter()
                .map(|id| removed.get(&id).cloned().unwrap_or_else(|| id.to_string()))
                .collect(),
            complete: names(changes.complete),
            skip: names(changes.drop),
            goal: changes.goal.into_iter().map(field).collect(),
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

/// What a model read and wrote.
#[derive(Debug, Default, Object)]
#[oai(rename = "Usage")]
pub(crate) struct UsageBody {
    /// Everything that it read, cached or not.
    input_tokens: u64,
    /// What it wrote.
    output_tokens: u64,
    /// Both.
    cost_tokens: u64,
    /// Written to the provider's cache.
    cache_creation_tokens: u64,
    /// Read from the provider's cache.
    cache_read_tokens: u64,
    /// Whether anything was read from the cache.
    cache_hit: bool,
    /// In dollars; null if the price is unknown.
    cost_usd: Nullable<f64>,
}

impl From<Decomposition> for DecompositionBody {
    fn from(from: Decomposition) -> Self {
        let status = if from.applied { DecompositionStatus::Applied } else { DecompositionStatus::Proposed };
        let changes = from
            .changes
            .map(|changes| ChangesBody::of(changes, &from.plan, &from.removed))
            .unwrap_or_default();
        let Plan { tasks, dependencies, .. } = from.plan;
        let id = |index: usize| from.task_ids.get(index).copied().flatten().map(TaskId::uuid).into();
        Self {
            decomposition_id: from.id.into(),
            status: Word(status),
            dry_run: from.dry_run,
            plan_hash: from.plan_hash,
            planner: Word(Planner::Outline),
            model: None.into(),
            prompt_version: None.into(),
            tasks: tasks
                .into_iter()
                .enumerate()
                .map(|(index, task)| planned(index, id(index), task))
                .collect(),
            dependencies: dependencies
                .into_iter()
                .map(|edge| PlannedDependencyBody {
                    from_index: edge.from_index as u64,
                    to_index: edge.to_index as u64,
                    task_id: id(edge.from_index),
                    depends_on_task_id: id(edge.to_index),
                    origin: Word(edge.origin),
                })
                .collect(),
            changes,
            findings: from.findings.into_iter().map(FindingBody::from).collect(),
            // A written plan costs nothing, and that is known.
            usage: UsageBody { cost_usd: Some(0.0).into(), ..UsageBody::default() },
            event_id: from.event_id.map(|id| id.uuid()).into(),
        }
    }
}

fn planned(index: usize, id: Nullable<Uuid>, task: PlannedTask) -> PlannedTaskBody {
    let usual = if task.action.is_some() { "tool" } else { "general" };
    PlannedTaskBody {
        index: index as u64,
        id,
        key: task.key.into(),
        title: task.title,
        description: task.description,
        task_type: task.task_type.unwrap_or_else(|| usual.to_owned()),
        estimate_minutes: task.estimate_minutes.into(),
        labels: task.labels,
        parallel: task.parallel,
        done: task.done,
        dropped: task.dropped,
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
