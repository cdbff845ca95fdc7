//! What runs after executions, as it is kept.

use std::time::Duration;

use async_trait::async_trait;
use goalwright_domain::Timestamp;
use goalwright_domain::workspace::WorkspaceId;

use super::StorageError;

type Stored<T> = Result<T, StorageError>;

/// Which executions a hook wants to know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Each of them.
    Every,
    /// Those that failed, and those that are not the first attempt of their run.
    Troubled,
}

/// A hook that is to run after an execution, taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRun {
    /// The record of the execution.
    pub experience_id: String,
    /// The hook.
    pub hook: String,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// How often it was taken, this time included.
    pub attempts: u32,
}

/// How a hook ended.
#[derive(Debug, Clone, PartialEq)]
pub enum HookEnd {
    /// It is done, and left these experiences.
    Done(Vec<String>),
    /// It is to be tried again then.
    Again {
        /// What went wrong.
        error: String,
        /// When.
        at: Timestamp,
    },
    /// It is not tried again.
    Failed {
        /// What went wrong.
        error: String,
    },
}

/// What hooks are to do, and what came of it.
#[async_trait]
pub trait HookRepository: Send + Sync {
    /// Notes what a hook is to do after the executions that were recorded since this was done last; looks at `most` of them
    /// and gives how many it looked at. A hook that was not known before begins with what is executed from now on.
    async fn enqueue(&self, hook: &str, interest: Interest, most: usize, now: Timestamp) -> Stored<usize>;
    /// Takes what is due of these hooks, oldest first, for as long as `hold`: whoever vanishes loses it then.
    async fn claim(
        &self,
        hooks: &[&str],
        now: Timestamp,
        hold: Duration,
        limit: usize,
    ) -> Stored<Vec<HookRun>>;
    /// Notes how it ended; `false` and nothing written if somebody else has taken it since.
    async fn conclude(&self, run: &HookRun, end: &HookEnd, now: Timestamp) -> Stored<bool>;
    /// What failed is to be done again; gives how many it were.
    async fn retry_failed(&self, now: Timestamp, limit: usize) -> Stored<usize>;
}
