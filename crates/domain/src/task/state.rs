//! Everything a task is, and what differs between two moments of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{TaskId, TaskStatus};
use crate::Timestamp;
use crate::agent::AgentId;
use crate::execution::{Action, Backoff, ExecutionError, OnExhausted, Wait};
use crate::goal::GoalId;
use crate::schedule::Schedule;
use crate::workspace::WorkspaceId;

/// Everything a task is, as stored. The names are those of the ledger's `changes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskState {
    /// Its id.
    pub id: TaskId,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The goal it serves.
    pub goal_id: Option<GoalId>,
    /// Its name in the plan, such as `T001`; unique in the goal.
    pub key: Option<String>,
    /// Its name in the workspace, unique there.
    pub slug: String,
    /// What is to be done.
    pub title: String,
    /// Details, Markdown.
    pub description: String,
    /// Matched with the agents' capabilities.
    pub task_type: String,
    /// Where it stands.
    pub status: TaskStatus,
    /// Why it waits; present exactly while it does.
    pub waiting: Option<Wait>,
    /// The last failure; kept until it succeeds.
    pub error: Option<ExecutionError>,
    /// Higher first.
    pub priority: i32,
    /// Present unless it is pending.
    pub agent_id: Option<AgentId>,
    /// What to do, if it is more than words.
    pub action: Option<Action>,
    /// Present once it is completed.
    pub result: Option<Value>,
    /// Free words.
    pub labels: Vec<String>,
    /// `[P]` in the plan.
    pub parallel: bool,
    /// Expected effort.
    pub estimate_minutes: Option<u32>,
    /// 1 (trivial) to 10.
    pub complexity: Option<u8>,
    /// Why it is that complex, in a sentence.
    #[serde(default)]
    pub complexity_reason: Option<String>,
    /// The latest attempt's number, 0 before the first.
    pub attempt: u32,
    /// Attempts in all before it fails.
    pub max_attempts: u32,
    /// When it is tried again; none for the usual delays.
    #[serde(default)]
    pub retry: Option<Backoff>,
    /// What becomes of it when it is not tried again.
    #[serde(default)]
    pub on_exhausted: OnExhausted,
    /// The `scheduled_at` of its run, once it has one.
    pub scheduled_at: Option<Timestamp>,
    /// When it recurs. The first of its runs drives it, the others leave it alone.
    pub schedule: Option<Schedule>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// `{field: {from, to}}` of the fields that differ. Every field must be named, or it does not compile.
macro_rules! differing {
    ($before:ident, $after:ident, $($field:ident),* $(,)?) => {{
        let TaskState { $($field),* } = $after;
        let mut changes = Map::new();
        $(if *$field != $before.$field {
            let (from, to) = (json!($before.$field), json!($field));
            if from != to {
                changes.insert(stringify!($field).to_owned(), json!({"from": from, "to": to}));
            }
        })*
        Value::Object(changes)
    }};
}

impl TaskState {
    /// What an event says of the way from `before` to here. Tasks change most often of all, and of their fields few: only
    /// those are written.
    pub(super) fn changes_since(&self, before: &Self) -> Value {
        differing!(
            before,
            self,
            id,
            workspace_id,
            goal_id,
            key,
            slug,
            title,
            description,
            task_type,
            status,
            waiting,
            error,
            priority,
            agent_id,
            action,
            result,
            labels,
            parallel,
            estimate_minutes,
            complexity,
            complexity_reason,
            attempt,
            max_attempts,
            retry,
            on_exhausted,
            scheduled_at,
            schedule,
            created_at,
        )
    }
}
