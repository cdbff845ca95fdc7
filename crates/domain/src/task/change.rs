//! What can be changed of a task besides its progress: its words, what it waits for, whether it is wanted at all.

use serde_json::{Value, json};

use super::aggregate::Task;
use super::{Compensation, Dependency, DraftTask, TaskCommand, TaskState, TaskStatus};
use crate::agent::AgentId;
use crate::execution::{Action, Backoff, OnExhausted, WaitKind};
use crate::goal::GoalId;
use crate::ledger::Fact;
use crate::schedule::Schedule;
use crate::{Rejection, Timestamp, Violation};

/// What somebody wants changed of a task; what is none stays as it is, and none inside takes a value away.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskEdit {
    /// See [`TaskState::title`].
    pub title: Option<String>,
    /// See [`TaskState::description`].
    pub description: Option<String>,
    /// See [`TaskState::labels`].
    pub labels: Option<Vec<String>>,
    /// See [`TaskState::priority`].
    pub priority: Option<i32>,
    /// See [`TaskState::parallel`].
    pub parallel: Option<bool>,
    /// See [`TaskState::estimate_minutes`].
    pub estimate_minutes: Option<Option<u32>>,
    /// See [`TaskState::complexity`].
    pub complexity: Option<Option<u8>>,
    /// See [`TaskState::complexity_reason`].
    pub complexity_reason: Option<Option<String>>,
    /// See [`TaskState::slug`]; already unique.
    pub slug: Option<String>,
    /// See [`TaskState::key`].
    pub key: Option<Option<String>>,
    /// See [`TaskState::goal_id`].
    pub goal_id: Option<Option<GoalId>>,
    /// See [`TaskState::task_type`].
    pub task_type: Option<String>,
    /// See [`TaskState::action`].
    pub action: Option<Option<Action>>,
    /// See [`TaskState::max_attempts`].
    pub max_attempts: Option<u32>,
    /// See [`TaskState::retry`].
    pub retry: Option<Option<Backoff>>,
    /// See [`TaskState::on_exhausted`].
    pub on_exhausted: Option<OnExhausted>,
    /// See [`TaskState::scheduled_at`].
    pub scheduled_at: Option<Option<Timestamp>>,
    /// See [`TaskState::schedule`].
    pub schedule: Option<Option<Schedule>>,
}

impl TaskEdit {
    /// Whether it changes how the task is performed, or who performs it.
    pub const fn concerns_performance(&self) -> bool {
        self.task_type.is_some()
            || self.action.is_some()
            || self.max_attempts.is_some()
            || self.retry.is_some()
            || self.on_exhausted.is_some()
            || self.scheduled_at.is_some()
    }
}

impl Task {
    /// Changes what `edit` names. What is the same already changes nothing and leaves no fact.
    ///
    /// # Errors
    /// `task_leased` while it runs; `invalid_transition` if it is done, or waits for anything but a decision, and the edit
    /// concerns how it is performed: what was performed is on record. Every violation of the new values.
    pub fn edit(&mut self, edit: TaskEdit, now: Timestamp) -> Result<(), Refusal> {
        let status = self.state.status;
        status.after(TaskCommand::Edit)?;
        let undecided = self.state.waiting.as_ref().is_some_and(|waiting| waiting.kind == WaitKind::Decision);
        let performed = status.is_final() || (status == TaskStatus::Waiting && !undecided);
        if performed && edit.concerns_performance() {
            let message = format!(
                "the task is {}; its type, action, attempts and time stay as they were performed",
                status.as_str()
            );
            return Err(Rejection::new("invalid_transition", message).into());
        }
        let edited = self.edited(edit)?;
        if edited != self.state {
            self.record("task.updated", now, json!({}), |state| *state = edited);
        }
        Ok(())
    }

    fn edited(&self, edit: TaskEdit) -> Result<TaskState, Vec<Violation>> {
        let state = self.state.clone();
        let draft = DraftTask {
            goal_id: edit.goal_id.unwrap_or(state.goal_id),
            key: edit.key.unwrap_or_else(|| state.key.clone()),
            slug: edit.slug.unwrap_or_else(|| state.slug.clone()),
            title: edit.title.unwrap_or_else(|| state.title.clone()),
            description: edit.description.unwrap_or_else(|| state.description.clone()),
            task_type: edit.task_type.unwrap_or_else(|| state.task_type.clone()),
            priority: edit.priority.unwrap_or(state.priority),
            action: edit.action.unwrap_or_else(|| state.action.clone()),
            labels: edit.labels.unwrap_or_else(|| state.labels.clone()),
            parallel: edit.parallel.unwrap_or(state.parallel),
            estimate_minutes: edit.estimate_minutes.unwrap_or(state.estimate_minutes),
            complexity: edit.complexity.unwrap_or(state.complexity),
            // The reason of another complexity is none of this one.
            complexity_reason: match (edit.complexity_reason, edit.complexity) {
                (Some(reason), _) => reason,
                (None, Some(other)) if other != state.complexity => None,
                (None, _) => state.complexity_reason.clone(),
            },
            max_attempts: Some(edit.max_attempts.unwrap_or(state.max_attempts)),
            retry: edit.retry.unwrap_or_else(|| state.retry.clone()),
            on_exhausted: edit.on_exhausted.unwrap_or(state.on_exhausted),
            scheduled_at: edit.scheduled_at.unwrap_or(state.scheduled_at),
            schedule: edit.schedule.unwrap_or_else(|| state.schedule.clone()),
        };
        let violations = draft.violations();
        if !violations.is_empty() {
            return Err(violations);
        }
        Ok(TaskState {
            task_type: draft.effective_type().to_owned(),
            goal_id: draft.goal_id,
            key: draft.key,
            slug: draft.slug,
            title: draft.title.trim().to_owned(),
            description: draft.description,
            priority: draft.priority,
            action: draft.action,
            labels: draft.labels,
            parallel: draft.parallel,
            estimate_minutes: draft.estimate_minutes,
            complexity: draft.complexity,
            complexity_reason: draft.complexity_reason.filter(|reason| !reason.trim().is_empty()),
            max_attempts: draft.max_attempts.unwrap_or(state.max_attempts),
            retry: draft.retry,
            on_exhausted: draft.on_exhausted,
            scheduled_at: draft.scheduled_at,
            schedule: draft.schedule,
            ..state
        })
    }

    /// Waits for other tasks from now on: for `after` instead of `before`, of which `open` are not done. A ready task
    /// with an open dependency is pending again.
    ///
    /// # Errors
    /// `task_leased` while it runs; `invalid_transition` if it waits for a person or is over.
    pub fn depend(
        &mut self,
        before: &[Dependency],
        after: &[Dependency],
        open: u32,
        now: Timestamp,
    ) -> Result<Compensation, Rejection> {
        let command = if open > 0 { TaskCommand::Block } else { TaskCommand::Unblock };
        let line = self.state.status.transition(command)?;
        self.open_dependencies = open;
        self.record("task.dependencies_changed", now, json!({}), |state| {
            state.status = line.to.unwrap_or(state.status);
        });
        self.tell_of_edges(before, after);
        Ok(line.compensation)
    }

    /// A task that it waits for, or waited for, is no more.
    pub fn forget(&mut self, before: &[Dependency], after: &[Dependency], was_open: bool, now: Timestamp) {
        self.open_dependencies = self.open_dependencies.saturating_sub(u32::from(was_open));
        self.record("task.dependencies_changed", now, json!({}), |_| {});
        self.tell_of_edges(before, after);
    }

    fn tell_of_edges(&mut self, before: &[Dependency], after: &[Dependency]) {
        if let Some(fact) = self.facts.last_mut() {
            fact.changes["depends_on"] = json!({"from": sorted(before), "to": sorted(after)});
        }
    }

    /// A ready task whose goal is not worked on any more, or that nobody can do any more.
    ///
    /// # Errors
    /// `invalid_transition` unless it is ready.
    pub fn withdraw(&mut self, agent: Option<AgentId>, now: Timestamp) -> Result<Compensation, Rejection> {
        let line = self.state.status.transition(TaskCommand::Withdraw)?;
        self.record("task.withdrawn", now, json!({}), |state| {
            state.status = line.to.unwrap_or(state.status);
            state.agent_id = agent;
        });
        Ok(line.compensation)
    }

    /// Its goal is to be no more.
    ///
    /// # Errors
    /// `task_leased` while it runs.
    pub fn detach(&mut self, now: Timestamp) -> Result<Compensation, Rejection> {
        let line = self.state.status.transition(TaskCommand::Detach)?;
        self.record("task.updated", now, json!({}), |state| state.goal_id = None);
        Ok(line.compensation)
    }

    /// Nobody has it any more.
    pub fn unassign(&mut self, now: Timestamp) {
        if self.state.agent_id.is_some() && self.state.status == TaskStatus::Pending {
            self.record("task.unassigned", now, json!({}), |state| state.agent_id = None);
        }
    }

    /// It is given up. A task that nobody had is noted for `agent`.
    ///
    /// # Errors
    /// `task_leased` while it runs; `invalid_transition` if it is over.
    pub fn cancel(
        &mut self,
        agent: AgentId,
        reason: &str,
        now: Timestamp,
    ) -> Result<Compensation, Rejection> {
        self.end(TaskCommand::Cancel, "task.cancelled", agent, reason, now)
    }

    /// It is left out; what waits for it need not wait any longer. A task that nobody had is noted for `agent`.
    ///
    /// # Errors
    /// As [`Task::cancel`].
    pub fn skip(&mut self, agent: AgentId, reason: &str, now: Timestamp) -> Result<Compensation, Rejection> {
        self.end(TaskCommand::Skip, "task.skipped", agent, reason, now)
    }

    fn end(
        &mut self,
        command: TaskCommand,
        event: &'static str,
        agent: AgentId,
        reason: &str,
        now: Timestamp,
    ) -> Result<Compensation, Rejection> {
        let line = self.state.status.transition(command)?;
        let metadata = if reason.is_empty() { json!({}) } else { json!({"reason": reason}) };
        self.record(event, now, metadata, |state| {
            state.status = line.to.unwrap_or(state.status);
            state.waiting = None;
            state.agent_id = state.agent_id.or(Some(agent));
        });
        Ok(line.compensation)
    }

    /// It is to be no more: the last fact, with everything it was.
    ///
    /// # Errors
    /// `task_leased` while it runs.
    pub fn delete(&mut self, depends_on: &[Dependency], now: Timestamp) -> Result<Compensation, Rejection> {
        let line = self.state.status.transition(TaskCommand::Delete)?;
        self.revision += 1;
        self.updated_at = now;
        let mut fact = Fact::deleted("task", "task.deleted", self.state.id, &self.state);
        fact.changes["depends_on"] = json!({"from": sorted(depends_on), "to": null});
        self.facts.push(fact);
        Ok(line.compensation)
    }
}

/// Edges are a set; in the ledger they stand in the order of their ids.
pub(super) fn sorted(edges: &[Dependency]) -> Value {
    let mut edges = edges.to_vec();
    edges.sort_unstable_by_key(|edge| edge.task_id);
    json!(edges)
}

/// Why a task is not changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// The state does not allow it.
    Rejected(Rejection),
    /// The new values break rules.
    Invalid(Vec<Violation>),
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<Vec<Violation>> for Refusal {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Invalid(violations)
    }
}
