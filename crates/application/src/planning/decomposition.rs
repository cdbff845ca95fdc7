//! A breakdown of a goal: proposed, then applied or rejected.

use std::collections::HashMap;

use goalwright_domain::Timestamp;
use goalwright_domain::goal::GoalId;
use goalwright_domain::ledger::EventId;
use goalwright_domain::model::{Usage, Usd};
use goalwright_domain::plan::{Changes, FieldChange, Finding, Plan};
use goalwright_domain::task::TaskId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Mode;

/// A breakdown, written or only shown. What it says of the plan never changes; what becomes of it does, once.
#[derive(Debug, Clone, PartialEq)]
pub struct Decomposition {
    /// Under which it is kept.
    pub id: Uuid,
    /// Whether it is kept at all; the preview of an import is not.
    pub kept: bool,
    /// The goal; none for the preview of a new one.
    pub goal_id: Option<GoalId>,
    /// The task of it that is broken further down, if it is not the goal.
    pub expanded: Option<TaskId>,
    /// What became of it.
    pub status: DecompositionStatus,
    /// Whether it was only to be shown.
    pub dry_run: bool,
    /// What becomes of the tasks that the goal has.
    pub mode: Mode,
    /// How the plan was made.
    pub making: Making,
    /// `sha256:` of the plan; empty if there is none.
    pub plan_hash: String,
    /// What a proposal was made for ([`goalwright_domain::plan::basis`]); empty for what was applied at once.
    pub basis: String,
    /// The plan; without tasks if there is none.
    pub plan: Plan,
    /// The tasks' ids, by index; of an update also those that were there before. Empty for a plan that was only shown and
    /// has no such tasks.
    pub task_ids: Vec<Option<TaskId>>,
    /// Of an update, and of a task that is broken further down: what it changes.
    pub changes: ShownChanges,
    /// What the reader of the plan noticed.
    pub findings: Vec<Finding>,
    /// Why there is no plan.
    pub failure: Option<Failure>,
    /// The `goal.decomposed` event, or the one that tells of the failure; none of a preview.
    pub event_id: Option<EventId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was applied or rejected after it had been proposed.
    pub decided_at: Option<Timestamp>,
}

impl Decomposition {
    /// 1, and 2 once it is decided.
    pub const fn revision(&self) -> i64 {
        if self.decided_at.is_some() { 2 } else { 1 }
    }

    /// Whether its tasks are written.
    pub fn applied(&self) -> bool {
        self.status == DecompositionStatus::Applied
    }

    /// What events say of it.
    pub(super) fn metadata(&self) -> Value {
        let making = &self.making;
        let Usage { input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens } = making.usage;
        json!({
            "decomposition_id": self.id, "expanded_task_id": self.expanded, "planner": making.planner.as_str(),
            "mode": self.mode.as_str(), "dry_run": self.dry_run, "model": making.model,
            "prompt_version": making.prompt_version, "cost_tokens": making.usage.cost_tokens(),
            "input_tokens": input_tokens, "output_tokens": output_tokens, "cache_hit": making.usage.cache_hit(),
            "cache_creation_tokens": cache_creation_tokens, "cache_read_tokens": cache_read_tokens,
            "attempts": making.attempts, "repairs": making.repairs, "duration_ms": making.duration_ms,
            "cost_usd": making.cost.map(Usd::dollars),
        })
    }
}

/// What became of a breakdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecompositionStatus {
    /// It was shown and waits for a decision.
    Proposed,
    /// Its tasks are the goal's.
    Applied,
    /// Somebody did not want it.
    Rejected,
    /// There is no plan.
    Failed,
}

impl DecompositionStatus {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Applied => "applied",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Proposed, Self::Applied, Self::Rejected, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// Who plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Planner {
    /// A person or program that wrote the plan down.
    #[default]
    Outline,
    /// A model.
    Llm,
}

impl Planner {
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outline => "outline",
            Self::Llm => "llm",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Outline, Self::Llm].into_iter().find(|planner| planner.as_str() == text)
    }
}

/// How a plan was made, and what that cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Making {
    /// By whom.
    pub planner: Planner,
    /// The model that was asked.
    pub model: Option<String>,
    /// The version of its prompt.
    pub prompt_version: Option<String>,
    /// What it read and wrote.
    pub usage: Usage,
    /// What that cost; none where the price is not known.
    pub cost: Option<Usd>,
    /// How often the model was called, retries included.
    pub attempts: u32,
    /// How often an answer was sent back with its problems.
    pub repairs: u32,
    /// How long it took, in milliseconds, waiting included.
    pub duration_ms: u64,
    /// The answers that were sent back, in their order.
    pub rejected: Vec<RejectedAnswer>,
}

impl Default for Making {
    /// A written plan costs nothing, and that is known.
    fn default() -> Self {
        Self {
            planner: Planner::Outline,
            model: None,
            prompt_version: None,
            usage: Usage::default(),
            cost: Some(Usd::default()),
            attempts: 0,
            repairs: 0,
            duration_ms: 0,
            rejected: Vec::new(),
        }
    }
}

/// An answer of a model that was no plan, or none that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedAnswer {
    /// What it said, shortened.
    pub answer: String,
    /// Everything that was wrong with it.
    pub problems: Vec<AnswerProblem>,
}

/// Something wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerProblem {
    /// Where: `tasks[2].title`.
    pub path: String,
    /// Stable name of the rule.
    pub code: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// As in the answer to whoever asked.
    pub code: String,
    /// In words.
    pub message: String,
}

/// What an update changes, in the words of the plan.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ShownChanges {
    /// New tasks, by key, or title where there is none.
    pub add: Vec<String>,
    /// Tasks that stay as they are.
    pub keep: Vec<String>,
    /// Tasks that change, and how.
    pub change: Vec<ShownTask>,
    /// Tasks that go, as they were called.
    pub remove: Vec<String>,
    /// Tasks that were ticked off; they are among `keep` or `change` as well.
    pub complete: Vec<String>,
    /// Tasks that were marked as not to be done; they are among `keep` or `change` as well.
    pub skip: Vec<String>,
    /// Fields of the goal.
    pub goal: Vec<ShownField>,
}

/// A task that an update changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownTask {
    /// Its key, or title.
    pub key: String,
    /// Its id.
    pub task_id: TaskId,
    /// What changes.
    pub fields: Vec<ShownField>,
}

/// A field that an update changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownField {
    /// Its name; for `depends_on` the values are keys.
    pub field: String,
    /// What it is.
    pub from: Value,
    /// What it becomes.
    pub to: Value,
}

impl ShownChanges {
    /// Whether applying them changes nothing.
    pub fn is_empty(&self) -> bool {
        let Self { add, keep: _, change, remove, complete, skip, goal } = self;
        [add, remove, complete, skip].into_iter().all(Vec::is_empty) && change.is_empty() && goal.is_empty()
    }

    /// Tasks are named as the plan names them; those that it has not, as they were `called`.
    pub(super) fn of(changes: &Changes, plan: &Plan, called: &HashMap<TaskId, String>) -> Self {
        let name = |index: usize| {
            let task = plan.tasks.get(index);
            task.and_then(|task| task.key.clone().or_else(|| Some(task.title.clone()))).unwrap_or_default()
        };
        let before = |id: &TaskId| called.get(id).cloned().unwrap_or_else(|| id.to_string());
        let field = |change: &FieldChange| ShownField {
            field: change.field.to_owned(),
            from: change.from.clone(),
            to: change.to.clone(),
        };
        let names = |pairs: &[(usize, TaskId)]| pairs.iter().map(|(index, _)| name(*index)).collect();
        let changed = changes.change.iter().map(|one| ShownTask {
            key: one.index.map_or_else(|| before(&one.task_id), name),
            task_id: one.task_id,
            fields: one.fields.iter().map(field).collect(),
        });
        Self {
            add: changes.add.iter().map(|&index| name(index)).collect(),
            keep: names(&changes.keep),
            change: changed.collect(),
            remove: changes.remove.iter().map(before).collect(),
            complete: names(&changes.complete),
            skip: names(&changes.drop),
            goal: changes.goal.iter().map(field).collect(),
        }
    }
}

/// A breakdown in a list: without its plan.
#[derive(Debug, Clone, PartialEq)]
pub struct DecompositionSummary {
    /// Its id.
    pub id: Uuid,
    /// The goal.
    pub goal_id: GoalId,
    /// The task of it that was broken further down, if it was not the goal.
    pub expanded: Option<TaskId>,
    /// What became of it.
    pub status: DecompositionStatus,
    /// Whether it was only to be shown.
    pub dry_run: bool,
    /// What becomes of the tasks that the goal has.
    pub mode: Mode,
    /// How the plan was made; without the answers that were sent back.
    pub making: Making,
    /// `sha256:` of the plan.
    pub plan_hash: String,
    /// How many tasks the plan has.
    pub tasks: u64,
    /// How many dependencies.
    pub dependencies: u64,
    /// Why there is no plan.
    pub failure: Option<Failure>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
}
