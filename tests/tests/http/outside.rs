//! Workers outside, and the recovery of tasks, as HTTP has them.

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::{Value, json};

use crate::client::{Answer, Client};

async fn make(client: &Client, path: &str, body: Value) -> String {
    let made = client.post(path, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.body["id"].as_str().expect("an id").to_owned()
}

async fn printer(client: &Client) -> String {
    make(client, "/v1/agents", json!({"name": "printer", "kind": "external", "capabilities": ["print"]}))
        .await
}

async fn act(client: &Client, task: &str, act: &str, body: Value) -> Answer {
    client.post(&format!("/v1/tasks/{task}/{act}"), body).await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_worker_outside_lives_by_http_alone(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let agent = printer(&client).await;
    let print = json!({"title": "Print it", "task_type": "print", "action": {"kind": "external"}});
    let task = make(&client, "/v1/tasks", print).await;
    let claim =
        json!({"agent_id": agent, "task_types": ["print"], "limit": 5, "lease_ms": 60_000, "wait_ms": 100});
    let claimed = client.post("/v1/tasks/claim", claim.clone()).await;
    assert_eq!((claimed.status, claimed.body["items"].as_array().map(Vec::len)), (200, Some(1)));
    let item = &claimed.body["items"][0];
    assert_eq!((&item["task"]["id"], &item["task"]["status"]), (&json!(task), &json!("running")));
    assert_eq!(item["lease"]["fence"], 1);
    assert_eq!(item["lease"]["expires_at"], "2026-01-01T12:01:00.000000Z");
    let token = item["lease"]["token"].clone();
    let none = client.post("/v1/tasks/claim", json!({"agent_id": agent})).await;
    let held = json!({"code": "in_progress", "message": "1 task is held by the agent", "count": 1});
    assert_eq!((none.status, none.body), (200, json!({"items": [], "left_out": [held]})));

    let beat = act(&client, &task, "heartbeat", json!({"lease_token": token, "lease_ms": 120_000})).await;
    assert_eq!((beat.status, beat.body), (200, json!({"expires_at": "2026-01-01T12:02:00.000000Z"})));
    act(&client, &task, "complete", json!({"result": 1})).await.is_problem(409, "task_leased");
    let jam = json!({"lease_token": token, "error": {"type": "PrinterJammed", "message": "Tray 2"}});
    let failed = act(&client, &task, "fail", jam).await;
    assert_eq!((failed.status, &failed.body["status"]), (200, &json!("ready")));
    assert_eq!(failed.body["error"]["type"], "PrinterJammed");
    for what in ["heartbeat", "release", "complete"] {
        act(&client, &task, what, json!({"lease_token": token})).await.is_problem(409, "lease_lost");
    }
    let late = json!({"lease_token": token, "error": {"type": "X", "message": ""}});
    act(&client, &task, "fail", late).await.is_problem(409, "lease_lost");

    client.app.clock.advance(std::time::Duration::from_secs(5));
    let again = client.post("/v1/tasks/claim", claim).await;
    let token = again.body["items"][0]["lease"]["token"].clone();
    let done = json!({
        "lease_token": token, "result": {"pages": 3}, "summary": "Printed", "outcome": "partial",
        "io": {"files_written": ["out.pdf"]}, "evidence": {"photo": "p1"},
    });
    let done = act(&client, &task, "complete", done).await;
    assert_eq!(
        (done.status, &done.body["status"], &done.body["attempt"]),
        (200, &json!("completed"), &json!(2))
    );
    assert!(!done.header("etag").is_empty());
    client.app.sequence().await;
    let records = client.get(&format!("/v1/experiences?task_id={task}")).await;
    let record = &records.body["items"][0]["content"]["structured"];
    assert_eq!(record["io"]["files_written"], json!(["out.pdf"]));
    assert_eq!(records.body["items"].as_array().map(Vec::len), Some(2));
    let refused = client.get("/v1/events?event_type=run.report_refused").await;
    assert_eq!(
        refused.body["items"].as_array().map(Vec::len),
        Some(3),
        "of three reports, not of the heartbeat"
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_agent_is_heard_of_without_being_changed(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let agent = printer(&client).await;
    let path = format!("/v1/agents/{agent}");
    let before = client.get(&path).await;
    assert_eq!(before.body["last_seen_at"], Value::Null);
    client.app.sequence().await;
    let events = client.get("/v1/events?limit=200").await.body;
    let beat = client.send(Some("ada"), "POST", &format!("{path}/heartbeat"), None).await;
    assert_eq!((beat.status, &beat.body["last_seen_at"]), (200, &json!("2026-01-01T12:00:00.000000Z")));
    assert_eq!(beat.header("etag"), before.header("etag"));
    client.app.clock.advance(std::time::Duration::from_secs(60));
    client.post("/v1/tasks/claim", json!({"agent_id": agent})).await;
    assert_eq!(client.get(&path).await.body["last_seen_at"], "2026-01-01T12:01:00.000000Z");
    client.app.sequence().await;
    assert_eq!(client.get("/v1/events?limit=200").await.body, events);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn tasks_are_retried_approved_and_answered(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let broken = json!({
        "title": "Break", "max_attempts": 1, "on_exhausted": "pause", "retry": {"initial_delay": 0.5, "jitter": false},
        "action": {"kind": "tool", "tool": "probe", "operation": "none", "parameters": {"name": "x", "fail": 1}},
    });
    let task = make(&client, "/v1/tasks", broken).await;
    act(&client, &task, "retry", json!({})).await.is_problem(409, "invalid_transition");
    act(&client, &task, "approve", json!({"approved": true})).await.is_problem(409, "not_waiting");
    client.app.drain().await;
    let shown = client.get(&format!("/v1/tasks/{task}")).await.body;
    assert_eq!((&shown["status"], &shown["waiting"]["kind"]), (&json!("waiting"), &json!("decision")));
    let usual = json!({
        "initial_delay": 0.5, "backoff_factor": 2.0, "max_delay": 60.0, "jitter": false, "retryable_errors": [],
        "fatal_errors": [],
    });
    assert_eq!((&shown["retry"], &shown["on_exhausted"]), (&usual, &json!("pause")));
    act(&client, &task, "answer", json!({"answer": 1})).await.is_problem(409, "not_waiting");
    let patch = json!({"max_attempts": 2, "on_exhausted": "fail", "retry": null});
    let path = format!("/v1/tasks/{task}");
    let edited = client.send(Some("ada"), "PATCH", &path, Some(&patch)).await;
    assert_eq!((edited.status, &edited.body["retry"]["jitter"]), (200, &json!(true)), "{}", edited.text);
    let wrong = json!({"retry": {"backoff_factor": 0.5, "retryable_errors": ["A"], "fatal_errors": ["A"]}});
    client.send(Some("ada"), "PATCH", &path, Some(&wrong)).await.is_problem(422, "invalid_input");
    let goes_on = act(&client, &task, "approve", json!({"approved": true, "comment": "once more"})).await;
    assert_eq!((goes_on.status, &goes_on.body["status"]), (200, &json!("ready")));
    client.app.drain().await;
    assert_eq!(client.get(&path).await.body["status"], "completed");

    let question = make(&client, "/v1/tasks", json!({"title": "Which colour?"})).await;
    let lost = json!({"error": {"type": "NoIdea", "message": "Nobody knows"}});
    act(&client, &question, "fail", lost.clone()).await.is_problem(409, "invalid_transition");
    client.app.drain().await;
    let failed = act(&client, &question, "fail", lost).await;
    assert_eq!((failed.status, &failed.body["status"]), (200, &json!("failed")));
    let retried = act(&client, &question, "retry", json!({"reason": "ask again"})).await;
    assert_eq!((retried.status, &retried.body["status"]), (200, &json!("ready")));
    client.app.drain().await;
    let answered = act(&client, &question, "answer", json!({"answer": {"colour": "blue"}})).await;
    assert_eq!((answered.status, &answered.body["result"]), (200, &json!({"colour": "blue"})));
    act(&client, &question, "retry", json!({})).await.is_problem(409, "invalid_transition");
}
