//! What stood in a goal's way at a past moment, counted from its tasks as they were then.

use std::collections::HashMap;

use serde_json::Value;

use super::{NAMED_TASKS, Obstacle, Obstacles};
use crate::goal::TaskCounts;
use crate::task::{TaskId, TaskStatus};

/// A task at a past moment, as much of it as progress is counted from.
#[derive(Debug, Clone, PartialEq)]
pub struct PastTask {
    /// Its id.
    pub id: TaskId,
    /// Where it stood; none if that was redacted.
    pub status: Option<TaskStatus>,
    /// Whether somebody had it.
    pub assigned: bool,
    /// Why it waited.
    pub waiting: Value,
    /// What it waited for.
    pub depends_on: Vec<TaskId>,
}

/// The tasks of a goal by status, and what stood in its way. `others` has where the tasks stood that these waited for, and
/// that were not the goal's. What cannot be known of the past, which tools and agents there were, is left out.
pub fn then(mut tasks: Vec<PastTask>, others: &HashMap<TaskId, TaskStatus>) -> (TaskCounts, Obstacles) {
    tasks.sort_unstable_by_key(|task| task.id);
    let mut statuses = others.clone();
    statuses.extend(tasks.iter().filter_map(|task| Some((task.id, task.status?))));
    let (mut counts, mut obstacles) = (TaskCounts::default(), Obstacles::default());
    for task in &tasks {
        let Some(status) = task.status else { continue };
        counts.shift(None, Some(status));
        let stands = |wanted: &[TaskStatus]| {
            task.depends_on.iter().any(|id| statuses.get(id).is_some_and(|status| wanted.contains(status)))
        };
        let open =
            task.depends_on.iter().any(|id| statuses.get(id).is_some_and(|status| !status.satisfies()));
        match status {
            TaskStatus::Failed => note(&mut obstacles.failed, task.id),
            TaskStatus::Waiting if task.waiting["until"].is_null() => {
                note(&mut obstacles.for_person, task.id)
            }
            TaskStatus::Waiting => match task.waiting["kind"].as_str() {
                Some("model") => note(&mut obstacles.model_unavailable, task.id),
                Some("budget") => note(&mut obstacles.budget_exhausted, task.id),
                _ => note(&mut obstacles.for_time, task.id),
            },
            TaskStatus::Pending => {
                if !task.assigned && !open {
                    note(&mut obstacles.unassigned, task.id);
                }
                if stands(&[TaskStatus::Failed, TaskStatus::Cancelled]) {
                    note(&mut obstacles.behind_failed, task.id);
                }
            }
            TaskStatus::Ready
            | TaskStatus::Running
            | TaskStatus::Completed
            | TaskStatus::Cancelled
            | TaskStatus::Skipped => {}
        }
    }
    (counts, obstacles)
}

fn note(obstacle: &mut Obstacle, id: TaskId) {
    obstacle.count += 1;
    if obstacle.task_ids.len() < NAMED_TASKS {
        obstacle.task_ids.push(id);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn task(id: u128, status: TaskStatus, assigned: bool, depends_on: &[u128]) -> PastTask {
        let depends_on = depends_on.iter().map(|id| TaskId::new(Uuid::from_u128(*id))).collect();
        PastTask {
            id: TaskId::new(Uuid::from_u128(id)),
            status: Some(status),
            assigned,
            waiting: json!(null),
            depends_on,
        }
    }

    #[test]
    fn tasks_are_counted_and_what_stood_in_the_way_is_named() {
        let outside = HashMap::from([(TaskId::new(Uuid::from_u128(90)), TaskStatus::Cancelled)]);
        let sleeping = PastTask {
            waiting: json!({"until": "2026-01-01T00:00:00Z"}),
            ..task(5, TaskStatus::Waiting, true, &[])
        };
        let untold = PastTask { status: None, ..task(9, TaskStatus::Ready, true, &[]) };
        let tasks = vec![
            task(1, TaskStatus::Failed, true, &[]),
            task(2, TaskStatus::Pending, false, &[1]),
            task(3, TaskStatus::Pending, false, &[4]),
            task(4, TaskStatus::Completed, true, &[]),
            sleeping,
            task(6, TaskStatus::Waiting, true, &[]),
            task(7, TaskStatus::Pending, true, &[90]),
            untold,
        ];
        let (counts, obstacles) = then(tasks, &outside);
        let expected =
            TaskCounts { pending: 3, waiting: 2, completed: 1, failed: 1, ..TaskCounts::default() };
        assert_eq!(counts, expected);
        let ids =
            |obstacle: &Obstacle| obstacle.task_ids.iter().map(|id| id.uuid().as_u128()).collect::<Vec<_>>();
        assert_eq!(ids(&obstacles.failed), [1]);
        assert_eq!(ids(&obstacles.behind_failed), [2, 7]);
        assert_eq!(ids(&obstacles.unassigned), [3]);
        assert_eq!((ids(&obstacles.for_time), ids(&obstacles.for_person)), (vec![5], vec![6]));
    }
}
