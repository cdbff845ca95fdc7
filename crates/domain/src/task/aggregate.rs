//! The task itself: its state, its commands, and the facts they leave.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{DraftTask, Origin, TaskCommand, TaskId, TaskState, TaskStatus, change};
use crate::agent::{Agent, AgentId};
use crate::canonical;
use crate::execution::{ExecutionError, OnExhausted, RetryPolicy, Wait};
use crate::ledger::Fact;
use crate::workspace::WorkspaceId;
use crate::{Rejection, Timestamp, Violation};

/// A task waits for another one of the same workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The task waited for.
    pub task_id: TaskId,
    /// How the edge came about.
    pub origin: Origin,
}

/// A task with the facts its commands left, until the unit of work takes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub(super) state: TaskState,
    /// The number of its events.
    pub(super) revision: i64,
    pub(super) updated_at: Timestamp,
    /// Dependencies that are neither completed nor skipped; a counter kept by the unit that ends them.
    pub(super) open_dependencies: u32,
    pub(super) facts: Vec<Fact>,
}

impl Task {
    /// Makes a pending task, with all its dependencies open but for `already_done` of them.
    ///
    /// # Errors
    /// Every violation at once, with paths such as `title`.
    pub fn create(
        id: TaskId,
        workspace_id: WorkspaceId,
        draft: DraftTask,
        depends_on: &[Dependency],
        already_done: u32,
        now: Timestamp,
    ) -> Result<Self, Vec<Violation>> {
        let violations = draft.violations();
        if !violations.is_empty() {
            return Err(violations);
        }
        let task_type = draft.effective_type().to_owned();
        let state = TaskState {
            id,
            workspace_id,
            goal_id: draft.goal_id,
            key: draft.key,
            slug: draft.slug,
            title: draft.title.trim().to_owned(),
            description: draft.description,
            task_type,
            status: TaskStatus::Pending,
            waiting: None,
            error: None,
            priority: draft.priority,
            agent_id: None,
            action: draft.action,
            result: None,
            labels: draft.labels,
            parallel: draft.parallel,
            estimate_minutes: draft.estimate_minutes,
            complexity: draft.complexity,
            complexity_reason: draft.complexity_reason.filter(|reason| !reason.trim().is_empty()),
            attempt: 0,
            max_attempts: draft.max_attempts.unwrap_or(3),
            retry: draft.retry,
            on_exhausted: draft.on_exhausted,
            scheduled_at: draft.scheduled_at,
            schedule: draft.schedule,
            created_at: now,
        };
        let open = u32::try_from(depends_on.len()).unwrap_or(u32::MAX).saturating_sub(already_done);
        Ok(Self { state, revision: 0, updated_at: now, open_dependencies: open, facts: Vec::new() })
    }

    /// Announces the creation with the state as it is now and the dependencies; to be called once, last.
    #[must_use]
    pub fn announced(mut self, depends_on: &[Dependency]) -> Self {
        let mut fact = Fact::created("task", "task.created", self.state.id, &self.state);
        fact.changes["depends_on"] = json!({"from": null, "to": change::sorted(depends_on)});
        self.revision = 1;
        self.facts = vec![fact];
        self
    }

    /// Trusts storage.
    pub fn rehydrate(state: TaskState, revision: i64, updated_at: Timestamp, open_dependencies: u32) -> Self {
        Self { state, revision, updated_at, open_dependencies, facts: Vec::new() }
    }

    /// All fields.
    pub const fn state(&self) -> &TaskState {
        &self.state
    }

    /// Its id.
    pub const fn id(&self) -> TaskId {
        self.state.id
    }

    /// Where it stands.
    pub const fn status(&self) -> TaskStatus {
        self.state.status
    }

    /// The number of its events, for `ETag`.
    pub const fn revision(&self) -> i64 {
        self.revision
    }

    /// When it last changed.
    pub const fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    /// Dependencies that are neither completed nor skipped.
    pub const fn open_dependencies(&self) -> u32 {
        self.open_dependencies
    }

    /// Whether it has a schedule: then that begins its runs, and being free of dependencies does not.
    pub const fn recurs(&self) -> bool {
        self.state.schedule.is_some()
    }

    /// The facts since it was loaded, in order; they are taken out.
    pub fn take_facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }

    /// How often and when it is tried again.
    pub fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy {
            max_attempts: self.state.max_attempts,
            backoff: self.state.retry.clone().unwrap_or_default(),
            on_exhausted: self.state.on_exhausted,
        }
    }

    /// `sha256:` of the canonical JSON of what decides how it is performed.
    pub fn config_digest(&self) -> String {
        let mut config = json!({
            "action": self.state.action,
            "task_type": self.state.task_type,
            "title": self.state.title,
            "description": self.state.description,
            "max_attempts": self.state.max_attempts,
        });
        // What is as usual is left out: digests are compared with those of the past.
        if let Some(retry) = &self.state.retry {
            config["retry"] = json!(retry);
        }
        if self.state.on_exhausted != OnExhausted::default() {
            config["on_exhausted"] = json!(self.state.on_exhausted);
        }
        canonical::digest(&config)
    }

    /// Gives it to an agent; nothing happens if it has that agent already.
    pub fn assign(&mut self, agent: AgentId, now: Timestamp) {
        if self.state.agent_id != Some(agent) {
            self.record("task.assigned", now, json!({}), |state| state.agent_id = Some(agent));
        }
    }

    /// `count` of the tasks it waits for were completed or skipped.
    pub fn dependencies_met(&mut self, count: u32) {
        self.open_dependencies = self.open_dependencies.saturating_sub(count);
    }

    /// Becomes ready for `agent`.
    ///
    /// # Errors
    /// `dependencies_open` while it waits for others; `invalid_transition` if it is not pending.
    pub fn ready(&mut self, agent: AgentId, now: Timestamp) -> Result<(), Rejection> {
        if self.open_dependencies > 0 {
            return Err(self.still_blocked());
        }
        let status = self.state.status.after(TaskCommand::Ready)?;
        self.record("task.readied", now, json!({}), |state| {
            state.agent_id = Some(agent);
            state.status = status;
        });
        Ok(())
    }

    /// An attempt began, or resumed.
    ///
    /// # Errors
    /// `invalid_transition`.
    pub fn start(
        &mut self,
        number: u32,
        scheduled_at: Timestamp,
        run: Value,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let status = self.state.status.after(TaskCommand::Start)?;
        self.record("task.started", now, run, |state| {
            state.status = status;
            state.waiting = None;
            state.attempt = number;
            state.scheduled_at = Some(scheduled_at);
        });
        Ok(())
    }

    /// Its attempt waits without a lease, or ended with `error` and a person decides what follows.
    ///
    /// # Errors
    /// `invalid_transition`.
    pub fn wait(
        &mut self,
        wait: Wait,
        error: Option<ExecutionError>,
        run: Value,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let status = self.state.status.after(TaskCommand::Wait)?;
        self.record("task.suspended", now, run, |state| {
            state.status = status;
            state.waiting = Some(wait);
            state.error = error.or(state.error.take());
        });
        Ok(())
    }

    /// It is to be tried again after `error`.
    ///
    /// # Errors
    /// `invalid_transition`.
    pub fn requeue(&mut self, error: ExecutionError, run: Value, now: Timestamp) -> Result<(), Rejection> {
        let status = self.state.status.after(TaskCommand::Requeue)?;
        self.record("task.requeued", now, run, |state| {
            state.status = status;
            state.waiting = None;
            state.error = Some(error);
        });
        Ok(())
    }

    /// It has its result, from attempt `number` of the run at `scheduled_at`. A task that nobody had is given to
    /// `agent`.
    ///
    /// # Errors
    /// `dependencies_open` while it waits for others; `invalid_transition` from a final or failed state.
    pub fn complete(
        &mut self,
        result: Value,
        agent: AgentId,
        (number, scheduled_at): (u32, Timestamp),
        run: Value,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let status = self.state.status.after(TaskCommand::Complete)?;
        if self.open_dependencies > 0 {
            return Err(self.still_blocked());
        }
        self.record("task.completed", now, run, |state| {
            state.status = status;
            state.waiting = None;
            state.error = None;
            state.agent_id = state.agent_id.or(Some(agent));
            state.attempt = number;
            state.scheduled_at = Some(scheduled_at);
            state.result = Some(result);
        });
        Ok(())
    }

    /// It is done before anybody here worked on it: a checked item of an imported plan.
    pub fn done_elsewhere(&mut self, agent: AgentId) {
        self.state.status = TaskStatus::Completed;
        self.state.agent_id = Some(agent);
        self.state.result = Some(Value::Null);
    }

    /// It is not to be done: an item of an imported plan that is marked so.
    pub fn dropped_elsewhere(&mut self, agent: AgentId) {
        self.state.status = TaskStatus::Skipped;
        self.state.agent_id = Some(agent);
    }

    /// It has failed for good.
    ///
    /// # Errors
    /// `invalid_transition`.
    pub fn fail(&mut self, error: ExecutionError, run: Value, now: Timestamp) -> Result<(), Rejection> {
        let status = self.state.status.after(TaskCommand::Fail)?;
        self.record("task.failed", now, run, |state| {
            state.status = status;
            state.waiting = None;
            state.error = Some(error);
        });
        Ok(())
    }

    /// Nobody in the workspace could do it: `needed` says who could. A task that has an agent is left alone.
    pub fn unassignable(&mut self, needed: &str, now: Timestamp) {
        if self.state.agent_id.is_none() && self.state.status == TaskStatus::Pending {
            let about = json!({"reason": "no_capable_agent", "needed": needed});
            self.record("task.unassignable", now, about, |_| {});
        }
    }

    /// A person wants another try of it, by `agent`.
    ///
    /// # Errors
    /// `dependencies_open` while it waits for others; `invalid_transition` unless it failed or waits.
    pub fn retry(&mut self, agent: AgentId, about: Value, now: Timestamp) -> Result<(), Rejection> {
        let status = self.state.status.after(TaskCommand::Retry)?;
        if self.open_dependencies > 0 {
            return Err(self.still_blocked());
        }
        self.record("task.retried", now, about, |state| {
            state.status = status;
            state.waiting = None;
            state.agent_id = Some(agent);
        });
        Ok(())
    }

    /// Makes a task that is not yet announced ready, or leaves it pending with its agent.
    pub fn place(&mut self, agent: Option<&Agent>) {
        self.state.agent_id = agent.map(Agent::id);
        if agent.is_some() && self.open_dependencies == 0 && !self.recurs() {
            self.state.status = TaskStatus::Ready;
        }
    }

    fn still_blocked(&self) -> Rejection {
        Rejection::new(
            "dependencies_open",
            format!(
                "task `{}` still waits for {} other task{}",
                self.state.slug,
                self.open_dependencies,
                if self.open_dependencies == 1 { "" } else { "s" }
            ),
        )
    }

    pub(super) fn record(
        &mut self,
        event: &'static str,
        now: Timestamp,
        metadata: Value,
        change: impl FnOnce(&mut TaskState),
    ) {
        let before = self.state.clone();
        change(&mut self.state);
        self.revision += 1;
        self.updated_at = now;
        let changes = self.state.changes_since(&before);
        let entity_id = self.state.id.to_string();
        self.facts.push(Fact { entity_type: "task", entity_id, event_type: event, changes, metadata });
    }
}
