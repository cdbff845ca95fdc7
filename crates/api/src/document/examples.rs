//! One example of every body that is read. A test sends all of them.

use serde_json::{Value, json};

/// Stands for the id of something that there is.
const AN_ID: &str = "019a4f3c-7d1e-7b42-9c55-3f2a8e6d1b70";

/// The example of a body, by the name of its schema.
fn example(body: &str) -> Option<Value> {
    const PLAN: &str = "- [ ] T001 Draft the text\n- [ ] T002 [P] Draw the picture\n- [ ] T003 Publish both (depends on T001, T002)\n";
    Some(match body {
        "NewGoal" => json!({
            "title": "Announce the release",
            "description": "Customers hear of version 2 from us first.",
            "success_criteria": ["The announcement is published", "The newsletter is sent"],
            "due_at": "2027-06-30T17:00:00Z",
        }),
        "GoalChanges" => json!({"title": "Announce the release in summer", "due_at": null}),
        "Import" => json!({"title": "Announce the release", "content": PLAN}),
        "Decompose" => json!({"planner": "outline", "outline": PLAN}),
        "NewTask" => json!({
            "title": "Write the announcement",
            "description": "One page, for customers.",
            "labels": ["writing"],
            "estimate_minutes": 90,
            "complexity": 3,
        }),
        "PreviewSchedule" => json!({
            "schedule": {"frequency": "weekly", "weekdays": ["mon", "thu"], "time": "09:00", "timezone": "Europe/Berlin"},
            "limit": 5,
        }),
        "RunTask" => json!({"task_id": "write-the-announcement", "mode": "manual", "wait": false}),
        "CompleteTask" => json!({
            "result": {"words": 412},
            "summary": "The announcement is written.",
            "outcome": "success",
        }),
        "NewAgent" => json!({
            "name": "Design agency",
            "kind": "external",
            "capabilities": ["design"],
            "max_concurrency": 4,
        }),
        "AgentChanges" => json!({"capabilities": ["design", "illustration"], "max_concurrency": 2}),
        "TaskChanges" => {
            json!({"title": "Write a shorter announcement", "priority": 5, "labels": ["writing", "urgent"]})
        }
        "Dependencies" => json!({"depends_on": [AN_ID]}),
        "Assign" => json!({"agent_id": AN_ID}),
        "EndTask" => json!({"reason": "The picture of last year will do."}),
        "NewExperience" => json!({
            "type": "OBSERVATION",
            "text": "Customers read announcements on Tuesdays.",
            "structured": {"opened": 412, "sent": 1000},
            "sources": ["newsletter statistics"],
        }),
        _ => return None,
    })
}

/// Adds the example of its body to an operation.
pub(super) fn show(operation: &mut Value, body: &str) {
    if let (Some(content), Some(example)) =
        (operation.pointer_mut("/requestBody/content/application~1json"), example(body))
    {
        content["example"] = example;
    }
}
