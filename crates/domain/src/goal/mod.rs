//! Goals: what somebody wants to be true, and the counters of the tasks that make it so.

mod aggregate;
mod counters;

pub use aggregate::{DraftGoal, Goal, GoalEdit, GoalState, GoalStatus, Origin};
pub use counters::TaskCounts;

use crate::Id;

/// Id of a goal.
pub type GoalId = Id<Goal>;

/// The queue of runs that the workers of `serve` claim.
pub const DEFAULT_QUEUE: &str = "default";
