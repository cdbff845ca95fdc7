//! The task's state machine.

use serde::{Deserialize, Serialize};

use crate::Rejection;

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

/// What can be asked of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskCommand {
    /// Its dependencies are done and it has an agent.
    Ready,
    /// A worker claimed it.
    Start,
    /// Its attempt waits.
    Wait,
    /// It is to be tried again.
    Requeue,
    /// It has a result.
    Complete,
    /// It has failed for good.
    Fail,
    /// It cannot be claimed any more.
    Withdraw,
    /// It is given up.
    Cancel,
    /// It is left out.
    Skip,
    /// A person wants another try of what failed, or waits for their decision.
    Retry,
}

impl TaskCommand {
    /// Every command.
    pub const ALL: [Self; 10] = [
        Self::Ready,
        Self::Start,
        Self::Wait,
        Self::Requeue,
        Self::Complete,
        Self::Fail,
        Self::Withdraw,
        Self::Cancel,
        Self::Skip,
        Self::Retry,
    ];
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

    /// The status that a command leads to.
    ///
    /// # Errors
    /// `invalid_transition`, naming both.
    pub fn after(self, command: TaskCommand) -> Result<Self, Rejection> {
        use TaskCommand as C;
        use TaskStatus as S;
        match (self, command) {
            (S::Pending, C::Ready)
            | (S::Running | S::Waiting, C::Requeue)
            | (S::Failed | S::Waiting, C::Retry) => Ok(S::Ready),
            (S::Ready | S::Waiting, C::Start) => Ok(S::Running),
            (S::Running, C::Wait) => Ok(S::Waiting),
            (S::Pending | S::Ready | S::Running | S::Waiting, C::Complete) => Ok(S::Completed),
            (S::Running | S::Waiting, C::Fail) => Ok(S::Failed),
            (S::Ready, C::Withdraw) => Ok(S::Pending),
            (S::Pending | S::Ready | S::Waiting | S::Failed, C::Cancel) => Ok(S::Cancelled),
            (S::Pending | S::Ready | S::Waiting | S::Failed, C::Skip) => Ok(S::Skipped),
            (S::Pending, C::Start | C::Wait | C::Requeue | C::Fail | C::Withdraw | C::Retry)
            | (S::Ready, C::Ready | C::Wait | C::Requeue | C::Fail | C::Retry)
            | (S::Running, C::Ready | C::Start | C::Withdraw | C::Cancel | C::Skip | C::Retry)
            | (S::Waiting, C::Ready | C::Wait | C::Withdraw)
            | (S::Failed, C::Ready | C::Start | C::Wait | C::Requeue | C::Complete | C::Fail | C::Withdraw)
            | (
                S::Completed | S::Cancelled | S::Skipped,
                C::Ready
                | C::Start
                | C::Wait
                | C::Requeue
                | C::Complete
                | C::Fail
                | C::Withdraw
                | C::Cancel
                | C::Skip
                | C::Retry,
            ) => Err(Rejection::new(
                "invalid_transition",
                format!("the task is {} and cannot {} now", self.as_str(), command.verb()),
            )),
        }
    }
}

impl TaskCommand {
    const fn verb(self) -> &'static str {
        match self {
            Self::Ready => "become ready",
            Self::Start => "be started",
            Self::Wait => "wait",
            Self::Requeue => "be tried again",
            Self::Complete => "be completed",
            Self::Fail => "fail",
            Self::Withdraw => "be withdrawn",
            Self::Cancel => "be cancelled",
            Self::Skip => "be skipped",
            Self::Retry => "be retried",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_states_are_never_left() {
        for status in TaskStatus::ALL.into_iter().filter(|s| s.is_final()) {
            for command in TaskCommand::ALL {
                let refused = status.after(command).expect_err("final");
                assert_eq!(refused.code, "invalid_transition");
                assert!(refused.message.contains(status.as_str()));
            }
        }
    }

    #[test]
    fn the_usual_life_is_possible() {
        use TaskCommand as C;
        let mut status = TaskStatus::Pending;
        for command in [C::Ready, C::Start, C::Wait, C::Start, C::Requeue, C::Start, C::Complete] {
            status = status.after(command).expect("allowed");
        }
        assert_eq!(status, TaskStatus::Completed);
    }

    #[test]
    fn only_what_failed_or_waits_is_retried() {
        for status in TaskStatus::ALL {
            let retried = status.after(TaskCommand::Retry);
            let can = matches!(status, TaskStatus::Failed | TaskStatus::Waiting);
            assert_eq!(retried.ok(), can.then_some(TaskStatus::Ready), "{status:?}");
        }
    }

    #[test]
    fn spelling_round_trips() {
        for status in TaskStatus::ALL {
            assert_eq!(TaskStatus::parse(status.as_str()), Some(status));
        }
        assert_eq!(TaskStatus::parse("done"), None);
    }
}
