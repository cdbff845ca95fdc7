//! Where a task can stand. What leads from one status to another is in [`super::lifecycle`].

use serde::{Deserialize, Serialize};

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Waits for dependencies or for an agent.
    Pending,
    /// An agent is assigned, its dependencies are done: it can be claimed.
    Ready,
    /// An attempt holds a lease.
    Running,
    /// Waits for a person or a moment.
    Waiting,
    /// Done. Final.
    Completed,
    /// Tried, without success.
    Failed,
    /// Given up. Final.
    Cancelled,
    /// Left out. Final.
    Skipped,
}

impl TaskStatus {
    /// Every status, in the order of the contract.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Ready,
        Self::Running,
        Self::Waiting,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Skipped,
    ];

    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }

    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether it is never left, and the result never changes.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Skipped)
    }

    /// Whether those that wait for it need not wait any longer. What failed or was cancelled never satisfies anybody.
    pub const fn satisfies(self) -> bool {
        matches!(self, Self::Completed | Self::Skipped)
    }

    /// Whether it counts in its goal's total.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Cancelled | Self::Skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_round_trips() {
        for status in TaskStatus::ALL {
            assert_eq!(TaskStatus::parse(status.as_str()), Some(status));
        }
        assert_eq!(TaskStatus::parse("done"), None);
    }
}
