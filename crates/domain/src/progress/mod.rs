//! How far a goal is, and why it is not further.

mod past;

use serde::Serialize;

use crate::Timestamp;
use crate::goal::{GoalId, GoalStatus, TaskCounts};
use crate::task::TaskId;
pub use past::{PastTask, then};

/// At most so many tasks are named with a reason.
pub const NAMED_TASKS: usize = 20;

/// Tasks of a goal that share an obstacle: how many there are and the first of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Obstacle {
    /// All of them.
    pub count: i64,
    /// The first [`NAMED_TASKS`].
    pub task_ids: Vec<TaskId>,
}

impl Obstacle {
    /// Other tasks share it.
    pub fn join(&mut self, others: Self) {
        self.count += others.count;
        self.task_ids.extend(others.task_ids);
        self.task_ids.truncate(NAMED_TASKS);
    }
}

/// What stands in the way, as far as it was looked up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Obstacles {
    /// Pending with nothing left to wait for, and nobody has it.
    pub unassigned: Obstacle,
    /// The same, where none of the agents could do it.
    pub no_capable_agent: Obstacle,
    /// Not begun, and what it calls is not there.
    pub tool_unavailable: Obstacle,
    /// What to do about each of these tools.
    pub tools: Vec<String>,
    /// Is for a model, and none can be asked.
    pub model_unavailable: Obstacle,
    /// Is for a model, and the budget leaves too little.
    pub budget_exhausted: Obstacle,
    /// Failed for good.
    pub failed: Obstacle,
    /// Pending behind a failed or cancelled task.
    pub behind_failed: Obstacle,
    /// Waiting for a person.
    pub for_person: Obstacle,
    /// Waiting for a moment.
    pub for_time: Obstacle,
}

/// The answer to: how far is this goal?
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// The goal.
    pub goal_id: GoalId,
    /// Whether the figures can be relied upon; if not, `errors` says why.
    pub valid: bool,
    /// `completed / total × 100`.
    pub percentage: f64,
    /// Completed tasks.
    pub completed: i64,
    /// Tasks that count.
    pub total: i64,
    /// Tasks by status.
    pub by_status: TaskCounts,
    /// Why it stands where it stands.
    pub reasons: Vec<Reason>,
    /// What makes the figures unreliable.
    pub errors: Vec<Reason>,
    /// When this was computed.
    pub calculated_at: Timestamp,
    /// Raised with every change of a counter.
    pub revision: i64,
}

/// One reason, with what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Stable, snake_case.
    pub code: &'static str,
    /// In words.
    pub message: String,
    /// How many tasks it concerns.
    pub count: i64,
    /// The first [`NAMED_TASKS`] of them.
    pub task_ids: Vec<TaskId>,
    /// What to do.
    pub mend: String,
}

/// Explains a goal's counters. Counters that cannot be right are an error, never a silent 0 %.
pub fn explain(
    goal_id: GoalId,
    status: GoalStatus,
    counts: TaskCounts,
    revision: i64,
    obstacles: Obstacles,
    now: Timestamp,
) -> Progress {
    let mut errors = Vec::new();
    if !counts.is_sound() {
        errors.push(Reason {
            code: "counter_drift",
            message: "a counter of this goal's tasks is below zero".to_owned(),
            count: 0,
            task_ids: Vec::new(),
            mend: "report this: the counters and the tasks disagree".to_owned(),
        });
    }
    Progress {
        goal_id,
        valid: errors.is_empty(),
        percentage: counts.percentage(),
        completed: counts.completed,
        total: counts.total(),
        by_status: counts,
        reasons: reasons(status, &counts, obstacles),
        errors,
        calculated_at: now,
        revision,
    }
}

fn reasons(status: GoalStatus, counts: &TaskCounts, obstacles: Obstacles) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut say = |code, obstacle: Obstacle, message: (&str, &str), mend: &str| {
        if obstacle.count > 0 {
            let message = if obstacle.count == 1 {
                format!("1 task {}", message.0)
            } else {
                format!("{} tasks {}", obstacle.count, message.1)
            };
            reasons.push(Reason {
                code,
                message,
                count: obstacle.count,
                task_ids: obstacle.task_ids,
                mend: mend.to_owned(),
            });
        }
    };
    say(
        "task_failed",
        obstacles.failed,
        ("has failed for good", "have failed for good"),
        "read its experience and mend the cause; a failed task stays failed, so add a task for what is left, or run the plan again with --new",
    );
    say(
        "dependency_failed",
        obstacles.behind_failed,
        ("waits for a failed or cancelled one", "wait for a failed or cancelled one"),
        "mend the task they wait for",
    );
    say(
        "waiting_for_person",
        obstacles.for_person,
        ("waits for a person", "wait for a person"),
        "complete it: POST /v1/tasks/{id}/complete",
    );
    say(
        "no_capable_agent",
        obstacles.no_capable_agent,
        ("can be done by none of the agents", "can be done by none of the agents"),
        "create an agent with the task's type, or a default agent",
    );
    say(
        "unassigned",
        obstacles.unassigned,
        ("has no agent yet", "have no agent yet"),
        "wait until the scheduler of a server assigns it, or assign it: POST /v1/tasks/{id}/assign",
    );
    say(
        "tool_unavailable",
        obstacles.tool_unavailable,
        ("calls a tool that is not there", "call tools that are not there"),
        &obstacles.tools.join("; "),
    );
    say(
        "model_unavailable",
        obstacles.model_unavailable,
        ("is for a model that cannot be asked now", "are for a model that cannot be asked now"),
        "wait if it is only away for a while; else set GOALWRIGHT_MODEL, or give it to somebody else: POST /v1/tasks/{id}/assign",
    );
    say(
        "budget_exhausted",
        obstacles.budget_exhausted,
        (
            "is for a model, and the budget leaves too little",
            "are for a model, and the budget leaves too little",
        ),
        "raise the budget: PUT /v1/budget, or wait for the next month",
    );
    say(
        "scheduled_later",
        obstacles.for_time,
        ("sleeps until its time comes", "sleep until their time comes"),
        "wait",
    );
    let plain = |code, count, message: &str, mend: &str| Reason {
        code,
        message: message.to_owned(),
        count,
        task_ids: Vec::new(),
        mend: mend.to_owned(),
    };
    if matches!(status, GoalStatus::Draft | GoalStatus::Abandoned) {
        reasons.push(plain("goal_not_active", 0, "the goal is not active", "make the goal active"));
    }
    let open = counts.total() - counts.completed;
    if counts.total() == 0 {
        reasons.push(plain(
            "no_tasks",
            0,
            "the goal has no tasks that count",
            "decompose the goal, import a plan or add a task",
        ));
    } else if open > 0 && counts.running > 0 {
        reasons.push(plain(
            "in_progress",
            counts.running,
            &format!("{} running", plural(counts.running)),
            "wait",
        ));
    } else if open > 0 && counts.completed == 0 && counts.is_moving() {
        reasons.push(plain(
            "not_started",
            counts.ready,
            &format!("{} ready, none begun", plural(counts.ready)),
            "start a worker",
        ));
    } else if open > 0 && counts.ready > 0 {
        reasons.push(plain(
            "in_progress",
            counts.ready,
            &format!("{} ready for a worker", plural(counts.ready)),
            "wait, or start a worker",
        ));
    }
    reasons
}

fn plural(count: i64) -> String {
    if count == 1 { "1 task is".to_owned() } else { format!("{count} tasks are") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn codes(counts: TaskCounts, obstacles: Obstacles) -> Vec<&'static str> {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("time");
        let id = GoalId::new(Uuid::from_u128(1));
        explain(id, GoalStatus::Active, counts, 1, obstacles, now)
            .reasons
            .iter()
            .map(|reason| reason.code)
            .collect()
    }

    #[test]
    fn every_standstill_has_a_reason() {
        let one = || Obstacle { count: 1, task_ids: vec![TaskId::new(Uuid::from_u128(7))] };
        assert_eq!(codes(TaskCounts::default(), Obstacles::default()), ["no_tasks"]);
        assert_eq!(
            codes(TaskCounts { ready: 2, ..Default::default() }, Obstacles::default()),
            ["not_started"]
        );
        assert_eq!(
            codes(TaskCounts { running: 1, ..Default::default() }, Obstacles::default()),
            ["in_progress"]
        );
        let failed = Obstacles { failed: one(), behind_failed: one(), ..Default::default() };
        assert_eq!(
            codes(TaskCounts { failed: 1, pending: 1, ..Default::default() }, failed),
            ["task_failed", "dependency_failed"]
        );
        let person = Obstacles { for_person: one(), ..Default::default() };
        assert_eq!(codes(TaskCounts { waiting: 1, ..Default::default() }, person), ["waiting_for_person"]);
        let nobody = Obstacles { no_capable_agent: one(), unassigned: one(), ..Default::default() };
        assert_eq!(
            codes(TaskCounts { pending: 2, ..Default::default() }, nobody),
            ["no_capable_agent", "unassigned"]
        );
        let off = Obstacles {
            tool_unavailable: one(),
            tools: vec!["switch it on".to_owned()],
            ..Default::default()
        };
        assert_eq!(
            codes(TaskCounts { ready: 1, ..Default::default() }, off),
            ["tool_unavailable", "not_started"]
        );
        let unasked = Obstacles { model_unavailable: one(), budget_exhausted: one(), ..Default::default() };
        assert_eq!(
            codes(TaskCounts { ready: 1, ..Default::default() }, unasked),
            ["model_unavailable", "budget_exhausted", "not_started"]
        );
        let sleeping = Obstacles { for_time: one(), ..Default::default() };
        assert_eq!(codes(TaskCounts { waiting: 1, ..Default::default() }, sleeping), ["scheduled_later"]);
        assert!(codes(TaskCounts { completed: 3, ..Default::default() }, Obstacles::default()).is_empty());
    }

    #[test]
    fn counters_that_cannot_be_right_are_an_error() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("time");
        let counts = TaskCounts { ready: -1, completed: 1, ..Default::default() };
        let progress = explain(
            GoalId::new(Uuid::from_u128(1)),
            GoalStatus::Active,
            counts,
            1,
            Obstacles::default(),
            now,
        );
        assert!(!progress.valid);
        assert_eq!(progress.errors[0].code, "counter_drift");
    }
}
