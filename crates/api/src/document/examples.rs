//! One example of every body that is read. A test sends all of them.

use serde_json::{Value, json};

/// Stands for the id of something that there is.
const AN_ID: &str = "019a4f3c-7d1e-7b42-9c55-3f2a8e6d1b70";

/// Stands for the token of a lease that holds.
const A_TOKEN: &str = "5d2ff51be6ac41c0a6dd5cd69d7ab28fe0d3a1a6b1c94e62a2a0b4e3d0a95b11";

/// Stands for the hash of a plan that was shown.
const A_HASH: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

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
        "Expand" => json!({
            "planner": "outline",
            "outline": "- [ ] Collect what is new\n- [ ] Write it in words that customers know\n- [ ] Have it read by support\n",
        }),
        "ApplyDecomposition" => json!({"plan_hash": A_HASH}),
        "RejectDecomposition" => json!({"reason": "The picture comes last."}),
        "NewBudget" => json!({"monthly_usd": 50.0, "monthly_tokens": 20_000_000}),
        "NewPrompt" => json!({
            "version": "short-tasks-2",
            "content": "You break a goal down into tasks of an hour at most, and into the order between them.",
        }),
        "NewTask" => json!({
            "title": "Write the announcement",
            "description": "One page, for customers.",
            "labels": ["writing"],
            "estimate_minutes": 90,
            "complexity": 3,
            "complexity_reason": "What is new is known; only the words have to be found.",
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
        "ClaimTasks" => json!({"agent_id": AN_ID, "limit": 1, "lease_ms": 60_000}),
        "TaskHeartbeat" => json!({"lease_token": A_TOKEN, "lease_ms": 60_000}),
        "ReleaseTask" => json!({"lease_token": A_TOKEN}),
        "FailTask" => json!({
            "lease_token": A_TOKEN,
            "error": {"type": "PrinterJammed", "message": "Tray 2 is stuck."},
            "retryable": true,
        }),
        "RetryTask" => json!({"reason": "The tray is mended."}),
        "ApproveTask" => json!({"approved": true, "comment": "Go ahead."}),
        "AnswerTask" => json!({"answer": {"colour": "blue"}}),
        "NewAgent" => json!({
            "name": "Design agency",
            "kind": "external",
            "capabilities": ["design"],
            "max_concurrency": 4,
        }),
        "AgentChanges" => json!({"capabilities": ["design", "illustration"], "max_concurrency": 2}),
        "WorkspaceSettingsChanges" => json!({"retention_days": 365}),
        "NewApiKey" => json!({
            "name": "Design agency's worker",
            "scopes": ["read", "work"],
            "agent_id": AN_ID,
            "expires_at": "2030-06-30T00:00:00Z",
        }),
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
