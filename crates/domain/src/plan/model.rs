//! The plan and its parts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::execution::{Action, Backoff, OnExhausted};
use crate::goal::GoalId;
use crate::schedule::Schedule;
use crate::task::TaskId;

/// The longest title a task may have, in characters (not bytes).
pub const TITLE_MAX_CHARS: usize = 500;

/// Tasks and the order between them, as a planner proposes them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What the whole plan is called, if it says so.
    #[serde(default)]
    pub title: Option<String>,
    /// What an exported plan says of its goal besides the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<PlannedGoal>,
    /// The tasks in the order of the source; dependencies name them by position.
    pub tasks: Vec<PlannedTask>,
    /// Who waits for whom.
    #[serde(default)]
    pub dependencies: Vec<PlannedDependency>,
}

impl Plan {
    /// What to call a task in a message: its key, else its title, else its position.
    pub fn name_of(&self, index: usize) -> String {
        match self.tasks.get(index) {
            Some(PlannedTask { key: Some(key), .. }) => key.clone(),
            Some(task) if !task.title.trim().is_empty() => {
                format!("“{}”", task.title.chars().take(60).collect::<String>())
            }
            _ => format!("task {index}"),
        }
    }
}

/// What an exported plan says of its goal besides the title.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedGoal {
    /// The goal that was exported.
    #[serde(default)]
    pub id: Option<GoalId>,
    /// Details, Markdown; empty if there are none.
    #[serde(default)]
    pub description: String,
    /// How people will know that it is achieved.
    #[serde(default)]
    pub success_criteria: Vec<String>,
    /// Until when.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
}

/// One task of a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedTask {
    /// The task that was exported; only in exported plans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<TaskId>,
    /// The name other tasks and templates use for it (`T001`); unique inside the plan.
    #[serde(default)]
    pub key: Option<String>,
    /// Whether the reader made the key up, as the text gives none. It says nothing about the task then:
    /// the next version of the text may count differently. Not stored, and no part of the plan's identity.
    #[serde(skip)]
    pub key_generated: bool,
    /// One line that says what to do; 1 to [`TITLE_MAX_CHARS`] characters.
    pub title: String,
    /// Further lines, empty if there are none.
    #[serde(default)]
    pub description: String,
    /// The kind of work; decides which agents may take it.
    #[serde(default)]
    pub task_type: Option<String>,
    /// Expected effort in minutes.
    #[serde(default)]
    pub estimate_minutes: Option<u32>,
    /// Larger is sooner; 0 is the default.
    #[serde(default)]
    pub priority: i32,
    /// Free labels such as `US1`, in the order written.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Whether the task is marked as independent of its neighbours (`[P]`).
    #[serde(default)]
    pub parallel: bool,
    /// Whether the source says the task is finished.
    #[serde(default)]
    pub done: bool,
    /// Whether the source says that the task is not to be done any more (`[-]`, `cancelled`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dropped: bool,
    /// Position of the phase the task stands in, counting the phases that have tasks from 0.
    #[serde(default)]
    pub phase: Option<usize>,
    /// Line of the source, from 1.
    #[serde(default)]
    pub line: Option<u32>,
    /// What to run; without it the default agent decides.
    #[serde(default)]
    pub action: Option<PlannedAction>,
    /// What to do where it is no call of a tool; absent where `action` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<PlannedWork>,
    /// From 1 (trivial) to 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complexity: Option<u8>,
    /// Why it is that complex, in a sentence; a planner says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complexity_reason: Option<String>,
    /// Attempts in all before the task fails; `None` leaves it to the effect of what it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// How long to wait between attempts, and after which errors; only exported plans say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Backoff>,
    /// What becomes of the task when it is not tried again; only exported plans say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_exhausted: Option<OnExhausted>,
    /// When the task is meant to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<Timestamp>,
    /// When it recurs; only exported plans say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Its name in the workspace; `None` leaves it to the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
}

impl PlannedTask {
    /// What the task asks for, as a task has it.
    pub fn action(&self) -> Option<Action> {
        if let Some(PlannedAction { tool, operation, parameters, .. }) = self.action.clone() {
            return Some(Action::Tool { tool, operation, parameters });
        }
        Some(match self.work.clone()? {
            PlannedWork::Orchestrated { instructions, tools, output_schema } => {
                Action::Orchestrated { instructions, tools, output_schema }
            }
            PlannedWork::Human { instructions } => Action::Human { instructions },
            PlannedWork::External => Action::External,
        })
    }
}

/// What a task asks for where it is no call of a tool: the other kinds of [`Action`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PlannedWork {
    /// Work for a model.
    Orchestrated {
        /// What to achieve.
        instructions: String,
        /// The tools it may use, as `tool.operation`.
        tools: Vec<String>,
        /// JSON Schema that the result must satisfy.
        output_schema: Option<serde_json::Value>,
    },
    /// Work for a person.
    Human {
        /// What to do.
        instructions: String,
    },
    /// Work that an outside worker claims.
    External,
}

/// A call of a tool, as a `use:` line states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedAction {
    /// The tool, `http` in `http.request`.
    pub tool: String,
    /// The operation, `request` in `http.request`.
    pub operation: String,
    /// A JSON object; its strings may hold templates.
    pub parameters: serde_json::Value,
    /// Line of the source, from 1.
    #[serde(default)]
    pub line: Option<u32>,
}

/// One edge: the task `from_index` waits for the task `to_index`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedDependency {
    /// Position of the task that waits.
    pub from_index: usize,
    /// Position of the task waited for.
    pub to_index: usize,
    /// Why the edge is there.
    pub origin: Origin,
    /// Line of the source that states it, from 1; `None` for structural edges.
    #[serde(default)]
    pub line: Option<u32>,
}

/// Where a dependency comes from. Explicit beats inferred, and both beat structural.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Written out, task by task.
    Explicit,
    /// From the order of phases and of tasks inside a phase.
    Structural,
    /// From what the tasks use: another task's result, the same file.
    Inferred,
}

impl Origin {
    /// The name used in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Explicit => "explicit",
            Self::Structural => "structural",
            Self::Inferred => "inferred",
        }
    }

    /// The origin with that name; the reverse of [`Origin::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "explicit" => Some(Self::Explicit),
            "structural" => Some(Self::Structural),
            "inferred" => Some(Self::Inferred),
            _ => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How large a plan may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most tasks.
    pub max_tasks: usize,
    /// Most dependencies, of all origins together.
    pub max_edges: usize,
    /// Most bytes of source text.
    pub max_bytes: usize,
}

impl Limits {
    /// What imports and the outline planner take: 10,000 tasks, 100,000 edges, 4 MiB.
    pub const IMPORT: Self = Self { max_tasks: 10_000, max_edges: 100_000, max_bytes: 4 * 1024 * 1024 };
}
