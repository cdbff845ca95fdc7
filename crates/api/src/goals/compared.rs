//! Two breakdowns side by side.

use goalwright_application::planning::{Compared, Comparison, DecompositionStatus, Edits, Planner};
use goalwright_domain::goal::TaskCounts;
use goalwright_domain::plan::Shape;
use goalwright_domain::task::TaskId;
use poem_openapi::Object;
use uuid::Uuid;

use super::decomposition::UsageBody;
use super::progress::CountsBody;
use crate::nullable::Nullable;
use crate::values::{Moment, Word};

/// Two breakdowns of a goal side by side.
#[derive(Debug, Object)]
#[oai(rename = "DecompositionComparison")]
pub(crate) struct ComparisonBody {
    /// The goal.
    goal_id: Uuid,
    /// The one that was named first.
    a: ComparedBody,
    /// The other one.
    b: ComparedBody,
}

/// A breakdown, and what came of it until now.
#[derive(Debug, Object)]
#[oai(rename = "ComparedDecomposition")]
pub(crate) struct ComparedBody {
    /// Under which it is kept.
    decomposition_id: Uuid,
    /// The task of the goal that it breaks further down; null where it is the goal.
    expanded_task_id: Nullable<Uuid>,
    /// What became of it.
    status: Word<DecompositionStatus>,
    /// Who planned.
    planner: Word<Planner>,
    /// The model, if one planned.
    model: Nullable<String>,
    /// The version of its prompt.
    prompt_version: Nullable<String>,
    /// When it was made.
    created_at: Moment,
    /// When its tasks were written; null if they never were.
    applied_at: Nullable<Moment>,
    /// Whether the plan held, and at which attempt.
    validity: PlanValidityBody,
    /// How large the plan is; null if there is none.
    size: Nullable<PlanSizeBody>,
    /// What it took to make it.
    cost: PlanCostBody,
    /// What people changed since it was applied; null if it never was, or if that is not known any more.
    edits: Nullable<PlanEditsBody>,
    /// How far its tasks are; null if it was never applied, or if they are not known.
    completion: Nullable<PlanCompletionBody>,
}

/// Whether a plan held.
#[derive(Debug, Object)]
#[oai(rename = "PlanValidity")]
pub(crate) struct PlanValidityBody {
    /// Whether there is a plan that holds.
    valid: bool,
    /// The code of the failure, if there is none.
    failure: Nullable<String>,
    /// How often an answer was sent back to the model with its problems.
    repairs: u32,
    /// How many answers were no plan, or none that holds.
    rejected_answers: u64,
    /// How many problems they had in all.
    problems: u64,
}

/// How large a plan is.
#[derive(Debug, Object)]
#[oai(rename = "PlanSize")]
pub(crate) struct PlanSizeBody {
    /// How many tasks.
    tasks: u64,
    /// How many dependencies.
    dependencies: u64,
    /// How many tasks stand one behind the other in the longest chain.
    depth: u64,
    /// How many tasks stand at most side by side, each as early as its dependencies let it.
    width: u64,
    /// The sum of the efforts that are estimated; null where no task has one.
    estimate_minutes: Nullable<u64>,
    /// How many tasks have one.
    estimated_tasks: u64,
}

/// What it took to make a plan.
#[derive(Debug, Object)]
#[oai(rename = "PlanCost")]
pub(crate) struct PlanCostBody {
    /// What a model cost.
    usage: UsageBody,
    /// How often the model was called, retries included.
    attempts: u32,
    /// How long planning took.
    duration_ms: u64,
}

/// What people changed after a plan was applied. What came with a plan of a model is none of it.
#[derive(Debug, Object)]
#[oai(rename = "PlanEdits")]
pub(crate) struct PlanEditsBody {
    /// How many of its tasks were changed.
    changed: u64,
    /// Which fields, and how often.
    fields: Vec<EditedFieldBody>,
    /// How many of its tasks were deleted.
    deleted: u64,
    /// How many tasks were added to the goal.
    added: u64,
}

/// A field that people changed.
#[derive(Debug, Object)]
#[oai(rename = "EditedField")]
pub(crate) struct EditedFieldBody {
    /// Its name, as in a task.
    field: String,
    /// How often.
    count: u64,
}

/// How far the tasks of a plan are.
#[derive(Debug, Object)]
#[oai(rename = "PlanCompletion")]
pub(crate) struct PlanCompletionBody {
    /// Completed tasks.
    completed: i64,
    /// Tasks that count: all but the cancelled, skipped and deleted.
    total: i64,
    /// `completed / total × 100`; null where none counts.
    percentage: Nullable<f64>,
    /// Tried without success.
    failed: i64,
    /// Its tasks by status.
    by_status: CountsBody,
}

impl From<Comparison> for ComparisonBody {
    fn from(from: Comparison) -> Self {
        Self { goal_id: from.goal_id.uuid(), a: from.a.into(), b: from.b.into() }
    }
}

impl From<Compared> for ComparedBody {
    fn from(from: Compared) -> Self {
        let Compared { decomposition, applied_at, size, edits, completion } = from;
        let making = decomposition.making;
        let problems: usize = making.rejected.iter().map(|one| one.problems.len()).sum();
        Self {
            decomposition_id: decomposition.id,
            expanded_task_id: decomposition.expanded.map(TaskId::uuid).into(),
            status: Word(decomposition.status),
            planner: Word(making.planner),
            cost: PlanCostBody {
                usage: UsageBody::of(&making),
                attempts: making.attempts,
                duration_ms: making.duration_ms,
            },
            validity: PlanValidityBody {
                valid: decomposition.failure.is_none(),
                failure: decomposition.failure.map(|failure| failure.code).into(),
                repairs: making.repairs,
                rejected_answers: making.rejected.len() as u64,
                problems: problems as u64,
            },
            model: making.model.into(),
            prompt_version: making.prompt_version.into(),
            created_at: Moment(decomposition.created_at),
            applied_at: applied_at.map(Moment).into(),
            size: size.map(PlanSizeBody::from).into(),
            edits: edits.map(PlanEditsBody::from).into(),
            completion: completion.map(PlanCompletionBody::from).into(),
        }
    }
}

impl From<Shape> for PlanSizeBody {
    fn from(from: Shape) -> Self {
        let Shape { tasks, dependencies, depth, width, estimate_minutes, estimated } = from;
        Self {
            tasks: tasks as u64,
            dependencies: dependencies as u64,
            depth: depth as u64,
            width: width as u64,
            estimate_minutes: estimate_minutes.into(),
            estimated_tasks: estimated as u64,
        }
    }
}

impl From<Edits> for PlanEditsBody {
    fn from(Edits { changed, fields, deleted, added }: Edits) -> Self {
        let fields = fields.into_iter().map(|(field, count)| EditedFieldBody { field, count }).collect();
        Self { changed, fields, deleted, added }
    }
}

impl From<TaskCounts> for PlanCompletionBody {
    fn from(counts: TaskCounts) -> Self {
        Self {
            completed: counts.completed,
            total: counts.total(),
            percentage: Some(counts.percentage()).filter(|_| counts.total() > 0).into(),
            failed: counts.failed,
            by_status: counts.into(),
        }
    }
}
