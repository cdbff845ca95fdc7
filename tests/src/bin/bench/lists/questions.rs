//! What is asked.

use super::fill::{Filled, LARGEST_GOAL, SLUG, SMALL_GOAL};

/// A request, the same for each tenant but for its ids.
pub(super) struct Question {
    pub(super) what: &'static str,
    pub(super) path: fn(&Filled) -> String,
    /// How many items the answer must show; none if it is no list.
    pub(super) items: Option<usize>,
}

/// Every list and every filter. The pages are short enough to be full in the small tenant, too: a fuller page would
/// take longer for a reason that has nothing to do with the size of the tenant.
pub(super) fn all() -> Vec<Question> {
    let list = |what, items, path| Question { what, path, items: Some(items) };
    let page = |what, path| list(what, 20, path);
    vec![
        list("tasks, first page of 50", 50, |_| "/v1/tasks?limit=50".to_owned()),
        list("tasks, a page of 50 in the middle", 50, |filled| {
            format!("/v1/tasks?limit=50&cursor=tasks:{}", filled.task(filled.tasks / 2))
        }),
        page("tasks of one goal of 20", |filled| tasks("goal_id", filled.goal(SMALL_GOAL))),
        page("tasks of the largest goal", |filled| tasks("goal_id", filled.goal(LARGEST_GOAL))),
        page("tasks by status (ready)", |_| tasks("status", "ready")),
        page("tasks by agent", |filled| tasks("agent_id", filled.agent(3))),
        page("tasks by type", |_| tasks("task_type", "type-5")),
        list("task by slug", 1, |_| tasks("slug", SLUG)),
        list("tasks by agent and status, none there", 0, |filled| {
            tasks("status=waiting&agent_id", filled.agent(0))
        }),
        list("tasks by type and status, none there", 0, |_| tasks("status=waiting&task_type", "type-0")),
        list("tasks by agent and type, none there", 0, |filled| {
            tasks("task_type=type-0&agent_id", filled.agent(0))
        }),
        list("tasks by goal and type, none there", 0, |filled| {
            tasks("task_type=type-0&goal_id", filled.goal(LARGEST_GOAL))
        }),
        list("tasks by goal and agent, none there", 0, |filled| {
            let goal = filled.goal(LARGEST_GOAL);
            format!("{}&agent_id={}", tasks("goal_id", goal), filled.agent(0))
        }),
        list("goals", 20, |_| "/v1/goals?limit=20".to_owned()),
        list("goals by status", 20, |_| "/v1/goals?limit=20&status=active".to_owned()),
        list("events, first page of 50", 50, |_| "/v1/events?limit=50".to_owned()),
        list("events, a page of 50 in the middle", 50, |filled| {
            format!("/v1/events?limit=50&cursor=events:{}", filled.tasks / 2)
        }),
        list("events of one task", 1, |filled| format!("/v1/events?entity_id={}", filled.task(500))),
        Question {
            what: "progress of a goal of 20",
            path: |filled| progress(filled.goal(SMALL_GOAL)),
            items: None,
        },
        Question {
            what: "progress of the largest goal",
            path: |filled| progress(filled.goal(LARGEST_GOAL)),
            items: None,
        },
    ]
}

fn tasks(filter: &str, value: impl std::fmt::Display) -> String {
    format!("/v1/tasks?limit=20&{filter}={value}")
}

fn progress(goal: impl std::fmt::Display) -> String {
    format!("/v1/goals/{goal}/progress")
}
