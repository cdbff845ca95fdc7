//! What bad input gets.

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::json;

use crate::client::Client;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn bad_input_gets_a_clear_answer_and_changes_nothing(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let goal =
        client.post("/v1/goals", json!({"title": "G"})).await.body["id"].as_str().expect("an id").to_owned();
    let decompose = format!("/v1/goals/{goal}/decompose");
    let alone = client.post("/v1/tasks", json!({"title": "Alone"})).await.body["id"].clone();
    let expand = format!("/v1/tasks/{}/expand", alone.as_str().expect("an id"));
    let before = client.app.db.number("SELECT COUNT(*) FROM events").await;
    let long = "x".repeat(501);
    let cases = [
        ("/v1/goals", json!({}), 422, "invalid_input"),
        ("/v1/goals", json!({"title": "  "}), 422, "invalid_input"),
        ("/v1/goals", json!({"title": long}), 422, "invalid_input"),
        ("/v1/goals", json!({"title": "a\u{0}b"}), 422, "invalid_input"),
        ("/v1/goals", json!({"title": "a", "due_at": "tomorrow"}), 422, "invalid_input"),
        ("/v1/goals", json!({"title": "a", "titel": "b"}), 422, "invalid_input"),
        ("/v1/goals", json!([]), 422, "invalid_input"),
        ("/v1/goals/import", json!({"content": ""}), 422, "not_a_plan"),
        ("/v1/goals/import", json!({"content": "{\"tasks\": []}"}), 422, "not_a_plan"),
        ("/v1/goals/import", json!({"content": "# Words\n\nonly words\n"}), 422, "not_a_plan"),
        ("/v1/goals/import", json!({"content": "- [ ] T001 A\n- [ ] T001 B\n"}), 422, "invalid_plan"),
        (
            "/v1/goals/import",
            json!({"content": "- [ ] T001 A\n  use: nothing.here {}\n"}),
            422,
            "invalid_plan",
        ),
        ("/v1/goals/import", json!({"content": "x".repeat(5 << 20)}), 422, "plan_too_large"),
        ("/v1/goals/import", json!({"content": "- [ ] T001 A\n", "format": "taskmaster"}), 422, "not_a_plan"),
        (
            "/v1/tasks",
            json!({"title": "a", "depends_on": ["00000000-0000-7000-8000-000000000000"]}),
            422,
            "invalid_input",
        ),
        (
            "/v1/tasks",
            json!({"title": "a", "goal_id": "00000000-0000-7000-8000-000000000000"}),
            422,
            "invalid_input",
        ),
        (
            "/v1/tasks",
            json!({"title": "a", "action": {"kind": "tool", "tool": "no", "operation": "such"}}),
            422,
            "invalid_input",
        ),
        ("/v1/tasks", json!({"title": "a", "max_attempts": 0}), 422, "invalid_input"),
        ("/v1/tasks/run", json!({"task_id": "nothing", "mode": "manual"}), 404, "not_found"),
        ("/v1/tasks/run", json!({"task_id": "nothing", "mode": "now"}), 422, "invalid_input"),
        ("/v1/tasks/nothing/complete", json!({}), 404, "not_found"),
        ("/v1/agents", json!({"name": "", "kind": "robot"}), 422, "invalid_input"),
        (decompose.as_str(), json!({"planner": "llm"}), 503, "model_not_configured"),
        (expand.as_str(), json!({}), 422, "invalid_input"),
        (expand.as_str(), json!({"outline": "- [ ] A\n", "mode": "update"}), 422, "invalid_input"),
        (expand.as_str(), json!({"outline": "- [ ] A\n"}), 409, "goal_needed"),
        ("/v1/nothing", json!({}), 404, "not_found"),
    ];
    for (path, body, status, code) in cases {
        let answer = client.post(path, body).await;
        answer.is_problem(status, code);
        if status == 422 {
            assert!(!answer.body["errors"].as_array().expect("a list").is_empty(), "{}", answer.text);
        }
    }
    for (path, status, code) in [
        ("/v1/goals?limit=0", 422, "invalid_input"),
        ("/v1/goals?limit=many", 422, "invalid_input"),
        ("/v1/goals?cursor=tasks:1", 422, "invalid_input"),
        ("/v1/goals?cursor=goals:1", 422, "invalid_input"),
        ("/v1/events?cursor=events:x", 422, "invalid_input"),
        ("/v1/experiences?cursor=experiences:x", 422, "invalid_input"),
        ("/v1/tasks?status=done", 422, "invalid_input"),
        ("/v1/goals/not-an-id", 404, "not_found"),
        ("/v1/goals/%00", 404, "not_found"),
    ] {
        client.get(path).await.is_problem(status, code);
    }
    assert_eq!(
        client.app.db.number("SELECT COUNT(*) FROM events").await,
        before + 1,
        "only the record has changed: a model that is not there made no plan"
    );
}

#[tokio::test]
async fn a_cycle_is_named_in_the_answer() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let plan = "- [ ] T001 A (depends on T002)\n- [ ] T002 B (depends on T001)\n";
    let answer = client.post("/v1/goals/import", json!({"content": plan})).await;
    answer.is_problem(422, "invalid_plan");
    let problem = &answer.body["errors"][0];
    assert_eq!(problem["code"], "dependency_cycle");
    let message = problem["message"].as_str().expect("words");
    assert!(message.contains("T001") && message.contains("T002"), "{message}");
}

#[tokio::test]
async fn what_is_wrong_with_the_request_itself_is_told_apart() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let token = format!("Bearer {}", client.app.token("ada"));
    let send = async |method: &str, path: &str, kind: &str, body: &[u8]| {
        let body = Some((kind.to_owned(), body.to_vec()));
        client.send_raw(Some(&token), method, path, body, &[]).await
    };
    send("POST", "/v1/goals", "application/json", b"{").await.is_problem(400, "unreadable_body");
    send("POST", "/v1/goals", "application/json", b"{\"title\": \"\xff\"}")
        .await
        .is_problem(400, "unreadable_body");
    send("POST", "/v1/goals", "text/plain", b"{}").await.is_problem(415, "unsupported_media_type");
    let huge = vec![b' '; 7 << 20];
    send("POST", "/v1/goals", "application/json", &huge).await.is_problem(413, "payload_too_large");
    let wrong = send("DELETE", "/v1/goals", "application/json", b"").await;
    wrong.is_problem(405, "method_not_allowed");
    assert!(wrong.header("allow").contains("GET") && wrong.header("allow").contains("POST"));
    for authorization in ["Bearer x.y.z", "Basic YTpi", "Bearer", ""] {
        client
            .send_raw(Some(authorization), "GET", "/v1/goals", None, &[])
            .await
            .is_problem(401, "unauthenticated");
    }
}
