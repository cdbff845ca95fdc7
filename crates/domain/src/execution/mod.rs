//! Execution: what to do ([`Action`]), the runs and attempts that do it, and what follows when an attempt ends.
//!
//! A *run* is (task, `scheduled_at`) with one trace; its *attempts* carry span, number, lease and fence and never
//! change once ended. [`decide`] is the one place that says what an ended attempt means for its run and its task.

mod action;
mod attempt;
mod decision;
mod dialogue;
mod folder;
mod retry;
mod run;
mod script;

pub use action::{Action, Effect};
pub use attempt::{
    Attempt, AttemptStatus, ExecutionError, Lease, LeaseToken, Recorded, SpanId, Suspension, Wait, WaitKind,
    idempotency_key,
};
pub use decision::{AttemptEnd, Decision, Outcome, TaskStep, decide};
pub use dialogue::{
    Beyond, Bounds, CALLS_AT_ONCE, Consumed, Dialogue, Entry, Exhausted, FINISH, GIVE_UP, Left, Next,
    Opening, REPAIRS, SAME_CALLS,
};
pub use folder::{Content, FolderChanges, FolderEntry, FolderState, LISTED};
pub use retry::{Backoff, ERROR_TYPES, LONGEST_DELAY, OnExhausted, RetryPolicy, STRIKE_LIMIT};
pub use run::{Mode, Performer, Run, RunId, RunNext, RunStatus, TraceId};
pub use script::{ScriptOutput, ScriptRun, ScriptStatus, command_copy};
