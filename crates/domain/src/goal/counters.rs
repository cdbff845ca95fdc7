//! How many tasks of a goal are in each status; kept in the transaction that changes a task.

use serde::Serialize;

use crate::task::TaskStatus;

/// Tasks of one goal by status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TaskCounts {
    /// See [`TaskStatus::Pending`].
    pub pending: i64,
    /// See [`TaskStatus::Ready`].
    pub ready: i64,
    /// See [`TaskStatus::Running`].
    pub running: i64,
    /// See [`TaskStatus::Waiting`].
    pub waiting: i64,
    /// See [`TaskStatus::Completed`].
    pub completed: i64,
    /// See [`TaskStatus::Failed`].
    pub failed: i64,
    /// See [`TaskStatus::Cancelled`].
    pub cancelled: i64,
    /// See [`TaskStatus::Skipped`].
    pub skipped: i64,
}

impl TaskCounts {
    /// A task went from one status to another; `None` is: was not there, or is gone.
    pub fn shift(&mut self, from: Option<TaskStatus>, to: Option<TaskStatus>) {
        if let Some(status) = from {
            *self.of_mut(status) -= 1;
        }
        if let Some(status) = to {
            *self.of_mut(status) += 1;
        }
    }

    /// The tasks in this status.
    pub const fn of(&self, status: TaskStatus) -> i64 {
        match status {
            TaskStatus::Pending => self.pending,
            TaskStatus::Ready => self.ready,
            TaskStatus::Running => self.running,
            TaskStatus::Waiting => self.waiting,
            TaskStatus::Completed => self.completed,
            TaskStatus::Failed => self.failed,
            TaskStatus::Cancelled => self.cancelled,
            TaskStatus::Skipped => self.skipped,
        }
    }

    /// Those in this status, to be changed.
    pub const fn of_mut(&mut self, status: TaskStatus) -> &mut i64 {
        match status {
            TaskStatus::Pending => &mut self.pending,
            TaskStatus::Ready => &mut self.ready,
            TaskStatus::Running => &mut self.running,
            TaskStatus::Waiting => &mut self.waiting,
            TaskStatus::Completed => &mut self.completed,
            TaskStatus::Failed => &mut self.failed,
            TaskStatus::Cancelled => &mut self.cancelled,
            TaskStatus::Skipped => &mut self.skipped,
        }
    }

    /// Tasks that count: all but the cancelled and skipped.
    pub fn total(&self) -> i64 {
        TaskStatus::ALL.into_iter().filter(|status| status.counts()).map(|status| self.of(status)).sum()
    }

    /// `completed / total × 100`, 0 without tasks.
    pub fn percentage(&self) -> f64 {
        let total = self.total();
        if total == 0 { 0.0 } else { self.completed as f64 / total as f64 * 100.0 }
    }

    /// Whether at least one task counts and all that count are completed.
    pub fn is_achieved(&self) -> bool {
        self.total() > 0 && self.completed == self.total()
    }

    /// Whether work is under way or can be claimed.
    pub const fn is_moving(&self) -> bool {
        self.ready > 0 || self.running > 0
    }

    /// Whether every counter is zero or more, as they must be.
    pub fn is_sound(&self) -> bool {
        TaskStatus::ALL.into_iter().all(|status| self.of(status) >= 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelled_and_skipped_leave_the_total() {
        let mut counts = TaskCounts::default();
        assert_eq!((counts.percentage(), counts.is_achieved()), (0.0, false));
        for status in [TaskStatus::Completed, TaskStatus::Completed, TaskStatus::Failed, TaskStatus::Skipped]
        {
            counts.shift(None, Some(status));
        }
        assert_eq!(counts.total(), 3);
        assert!((counts.percentage() - 66.666).abs() < 0.001);
        counts.shift(Some(TaskStatus::Failed), Some(TaskStatus::Cancelled));
        assert!(counts.is_achieved());
        assert_eq!(counts.percentage(), 100.0);
    }
}
