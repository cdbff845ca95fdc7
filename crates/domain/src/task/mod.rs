//! Tasks: the nodes of a goal's graph.

mod aggregate;
mod change;
mod draft;
mod lifecycle;
mod slug;
mod standing;
mod state;
mod status;

pub use aggregate::{Dependency, Task};
pub use change::{Refusal, TaskEdit};
pub use draft::DraftTask;
pub use lifecycle::{Compensation, LIFECYCLE, TaskCommand, Transition};
pub use slug::{slugify, unique_slug};
pub use standing::{Standing, Standings};
pub use state::TaskState;
pub use status::TaskStatus;

use crate::Id;
pub use crate::plan::Origin;

/// Id of a task.
pub type TaskId = Id<Task>;

/// The longest title, in characters.
pub const TITLE_LIMIT: usize = 500;
/// The longest description, in characters.
pub const DESCRIPTION_LIMIT: usize = 50_000;
/// The longest key, slug, task type or label, in characters.
pub const NAME_LIMIT: usize = 100;
/// The type of a task that names none and calls no tool.
pub const GENERAL: &str = "general";
/// The longest reason of a complexity, in characters.
pub const REASON_LIMIT: usize = 2_000;
/// The largest result of one task, in bytes of its JSON text.
pub const RESULT_LIMIT: usize = 8 * 1024 * 1024;
