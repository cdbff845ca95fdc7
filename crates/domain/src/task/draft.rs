//! What somebody asks for when making a task, and what may be wrong with it.

use super::{DESCRIPTION_LIMIT, GENERAL, NAME_LIMIT, REASON_LIMIT, TITLE_LIMIT};
use crate::execution::{Action, Backoff, OnExhausted};
use crate::goal::GoalId;
use crate::schedule::Schedule;
use crate::{Timestamp, Violation};

/// What somebody asks for when making a task; [`super::Task::create`] checks it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DraftTask {
    /// See [`super::TaskState::goal_id`].
    pub goal_id: Option<GoalId>,
    /// See [`super::TaskState::key`].
    pub key: Option<String>,
    /// Already unique in the workspace.
    pub slug: String,
    /// See [`super::TaskState::title`].
    pub title: String,
    /// See [`super::TaskState::description`].
    pub description: String,
    /// Empty means `general`, or `tool` where the action is a tool's.
    pub task_type: String,
    /// See [`super::TaskState::priority`].
    pub priority: i32,
    /// See [`super::TaskState::action`].
    pub action: Option<Action>,
    /// See [`super::TaskState::labels`].
    pub labels: Vec<String>,
    /// See [`super::TaskState::parallel`].
    pub parallel: bool,
    /// See [`super::TaskState::estimate_minutes`].
    pub estimate_minutes: Option<u32>,
    /// See [`super::TaskState::complexity`].
    pub complexity: Option<u8>,
    /// See [`super::TaskState::complexity_reason`].
    pub complexity_reason: Option<String>,
    /// 3 unless the effect is irreversible.
    pub max_attempts: Option<u32>,
    /// See [`super::TaskState::retry`].
    pub retry: Option<Backoff>,
    /// See [`super::TaskState::on_exhausted`].
    pub on_exhausted: OnExhausted,
    /// When the task is meant to run, for runs asked for in `scheduled` mode.
    pub scheduled_at: Option<Timestamp>,
    /// See [`super::TaskState::schedule`].
    pub schedule: Option<Schedule>,
}

impl DraftTask {
    /// The type that was given, else the one that the action has.
    pub(super) fn effective_type(&self) -> &str {
        match (self.task_type.trim(), &self.action) {
            ("", Some(Action::Tool { .. })) => "tool",
            ("", _) => GENERAL,
            (given, _) => given,
        }
    }

    /// Every rule that it breaks.
    pub(super) fn violations(&self) -> Vec<Violation> {
        let mut violations = Violation::of_text("title", &self.title, TITLE_LIMIT);
        violations.extend(Violation::of_text("description", &self.description, DESCRIPTION_LIMIT));
        let names = [
            ("task_type", self.task_type.as_str()),
            ("slug", &self.slug),
            ("key", self.key.as_deref().unwrap_or_default()),
        ];
        for (path, name) in names {
            violations.extend(Violation::of_text(path, name, NAME_LIMIT));
        }
        for (index, label) in self.labels.iter().enumerate() {
            violations.extend(Violation::of_text(&format!("labels[{index}]"), label, NAME_LIMIT));
        }
        if self.title.trim().is_empty() {
            violations.push(Violation::new("title", "empty_title", "a task needs a title"));
        }
        if self.labels.len() > 50 {
            violations.push(Violation::new("labels", "too_many", "at most 50 labels"));
        }
        if self.max_attempts.is_some_and(|n| !(1..=100).contains(&n)) {
            violations.push(Violation::new("max_attempts", "out_of_range", "between 1 and 100"));
        }
        violations.extend(self.retry.iter().flat_map(Backoff::violations));
        if self.estimate_minutes.is_some_and(|n| n > 10_000_000) {
            violations.push(Violation::new("estimate_minutes", "out_of_range", "at most 10,000,000"));
        }
        if self.complexity.is_some_and(|n| !(1..=10).contains(&n)) {
            violations.push(Violation::new("complexity", "out_of_range", "between 1 and 10"));
        }
        let reason = self.complexity_reason.as_deref().unwrap_or_default();
        violations.extend(Violation::of_text("complexity_reason", reason, REASON_LIMIT));
        violations
    }
}
