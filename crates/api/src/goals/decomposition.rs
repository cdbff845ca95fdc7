//! A breakdown as it is shown.

use goalwright_application::planning::{
    AnswerProblem, Decomposition, DecompositionStatus, DecompositionSummary, Failure, Making, Mode, Planner,
    RejectedAnswer,
};
use goalwright_domain::model::Usd;
use goalwright_domain::plan::Plan;
use goalwright_domain::task::TaskId;
use poem_openapi::Object;
use uuid::Uuid;

use super::planned::{ChangesBody, FindingBody, PlannedDependencyBody, PlannedTaskBody};
use crate::nullable::Nullable;
use crate::values::{Moment, Word, vocabulary};

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
    /// The goal; null for the preview of a new one.
    goal_id: Nullable<Uuid>,
    /// The task of it that is broken further down; null where it is the goal.
    expanded_task_id: Nullable<Uuid>,
    /// Whether it was only shown.
    dry_run: bool,
    /// What becomes of the tasks that the goal has.
    mode: Word<Mode>,
    /// `sha256:` of the plan; empty if there is none.
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
    /// What an update changes, or the breakdown of a task; empty for a new breakdown of a goal.
    changes: ChangesBody,
    /// What the reader of the plan noticed.
    findings: Vec<FindingBody>,
    /// What a model cost.
    usage: UsageBody,
    /// How often the model was called, retries included.
    attempts: u32,
    /// How often an answer was sent back to the model with its problems.
    repairs: u32,
    /// How long planning took.
    duration_ms: u64,
    /// The answers that were sent back.
    rejected: Vec<RejectedAnswerBody>,
    /// Why there is no plan.
    failure: Nullable<FailureBody>,
    /// The event `goal.decomposed`, or `goal.decomposition_failed`; null for the preview of an import.
    event_id: Nullable<Uuid>,
    /// When it was made.
    created_at: Moment,
    /// When it was applied or rejected after it had been proposed.
    decided_at: Nullable<Moment>,
}

/// A breakdown in a list: without its plan.
#[derive(Debug, Object)]
#[oai(rename = "DecompositionSummary")]
pub(crate) struct DecompositionSummaryBody {
    /// Under which it is kept.
    decomposition_id: Uuid,
    /// The goal.
    goal_id: Uuid,
    /// The task of it that is broken further down; null where it is the goal.
    expanded_task_id: Nullable<Uuid>,
    /// What became of it.
    status: Word<DecompositionStatus>,
    /// Whether it was only shown.
    dry_run: bool,
    /// What becomes of the tasks that the goal has.
    mode: Word<Mode>,
    /// `sha256:` of the plan; empty if there is none.
    plan_hash: String,
    /// Who planned.
    planner: Word<Planner>,
    /// The model, if one planned.
    model: Nullable<String>,
    /// The version of its prompt.
    prompt_version: Nullable<String>,
    /// How many tasks the plan has.
    task_count: u64,
    /// How many dependencies.
    dependency_count: u64,
    /// What a model cost.
    usage: UsageBody,
    /// How often the model was called, retries included.
    attempts: u32,
    /// How often an answer was sent back to the model with its problems.
    repairs: u32,
    /// How long planning took.
    duration_ms: u64,
    /// Why there is no plan.
    failure: Nullable<FailureBody>,
    /// When it was made.
    created_at: Moment,
    /// When it was applied or rejected after it had been proposed.
    decided_at: Nullable<Moment>,
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

/// An answer of a model that was sent back to it.
#[derive(Debug, Object)]
#[oai(rename = "RejectedAnswer")]
pub(crate) struct RejectedAnswerBody {
    /// What it said, shortened.
    answer: String,
    /// Everything that was wrong with it.
    problems: Vec<AnswerProblemBody>,
}

/// Something wrong with an answer of a model.
#[derive(Debug, Object)]
#[oai(rename = "AnswerProblem")]
pub(crate) struct AnswerProblemBody {
    /// Where: `tasks[2].title`.
    path: String,
    /// Stable name of the rule.
    code: String,
    /// What is wrong, and what would be right.
    message: String,
}

/// Why there is no plan.
#[derive(Debug, Object)]
#[oai(rename = "DecompositionFailure")]
pub(crate) struct FailureBody {
    /// As in the problem that was answered.
    code: String,
    /// In words.
    message: String,
}

impl UsageBody {
    pub(super) fn of(making: &Making) -> Self {
        let usage = making.usage;
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cost_tokens: usage.cost_tokens(),
            cache_creation_tokens: usage.cache_creation_tokens,
            cache_read_tokens: usage.cache_read_tokens,
            cache_hit: usage.cache_hit(),
            cost_usd: making.cost.map(Usd::dollars).into(),
        }
    }
}

impl From<Failure> for FailureBody {
    fn from(Failure { code, message }: Failure) -> Self {
        Self { code, message }
    }
}

impl From<RejectedAnswer> for RejectedAnswerBody {
    fn from(from: RejectedAnswer) -> Self {
        let problem = |one: AnswerProblem| {
            let AnswerProblem { path, code, message } = one;
            AnswerProblemBody { path, code, message }
        };
        Self { answer: from.answer, problems: from.problems.into_iter().map(problem).collect() }
    }
}

impl From<Decomposition> for DecompositionBody {
    fn from(from: Decomposition) -> Self {
        let usage = UsageBody::of(&from.making);
        let Plan { tasks, dependencies, .. } = from.plan;
        let id = |index: usize| from.task_ids.get(index).copied().flatten().map(TaskId::uuid).into();
        let Making { planner, model, prompt_version, attempts, repairs, duration_ms, rejected, .. } =
            from.making;
        Self {
            decomposition_id: Some(from.id).filter(|_| from.kept).into(),
            goal_id: from.goal_id.map(|id| id.uuid()).into(),
            expanded_task_id: from.expanded.map(TaskId::uuid).into(),
            status: Word(from.status),
            dry_run: from.dry_run,
            mode: Word(from.mode),
            plan_hash: from.plan_hash,
            planner: Word(planner),
            model: model.into(),
            prompt_version: prompt_version.into(),
            tasks: tasks
                .into_iter()
                .enumerate()
                .map(|(index, task)| PlannedTaskBody::of(index, id(index), task))
                .collect(),
            dependencies: dependencies.iter().map(|edge| PlannedDependencyBody::of(edge, id)).collect(),
            changes: from.changes.into(),
            findings: from.findings.into_iter().map(FindingBody::from).collect(),
            usage,
            attempts,
            repairs,
            duration_ms,
            rejected: rejected.into_iter().map(RejectedAnswerBody::from).collect(),
            failure: from.failure.map(FailureBody::from).into(),
            event_id: from.event_id.map(|id| id.uuid()).into(),
            created_at: Moment(from.created_at),
            decided_at: from.decided_at.map(Moment).into(),
        }
    }
}

impl From<DecompositionSummary> for DecompositionSummaryBody {
    fn from(from: DecompositionSummary) -> Self {
        let usage = UsageBody::of(&from.making);
        let Making { planner, model, prompt_version, attempts, repairs, duration_ms, .. } = from.making;
        Self {
            decomposition_id: from.id,
            goal_id: from.goal_id.uuid(),
            expanded_task_id: from.expanded.map(TaskId::uuid).into(),
            status: Word(from.status),
            dry_run: from.dry_run,
            mode: Word(from.mode),
            plan_hash: from.plan_hash,
            planner: Word(planner),
            model: model.into(),
            prompt_version: prompt_version.into(),
            task_count: from.tasks,
            dependency_count: from.dependencies,
            usage,
            attempts,
            repairs,
            duration_ms,
            failure: from.failure.map(FailureBody::from).into(),
            created_at: Moment(from.created_at),
            decided_at: from.decided_at.map(Moment).into(),
        }
    }
}
