//! The operations that change what is there: statuses, bodies, tags, refusals.

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::{Value, json};

use crate::client::{Answer, Client};

async fn make(client: &Client, path: &str, body: Value) -> String {
    let made = client.post(path, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.body["id"].as_str().expect("an id").to_owned()
}

async fn send(client: &Client, method: &str, path: &str, body: Value) -> Answer {
    client.send(Some("ada"), method, path, Some(&body)).await
}

/// With `If-Match`; `null` sends no body.
async fn send_if(client: &Client, method: &str, path: &str, tag: &str, body: Value) -> Answer {
    let token = format!("Bearer {}", client.app.token("ada"));
    let body = (!body.is_null()).then(|| ("application/json".to_owned(), body.to_string().into_bytes()));
    client.send_raw(Some(&token), method, path, body, &[("if-match", tag)]).await
}

/// A change under the tag that was read, then one under the old tag.
async fn changes_once(client: &Client, path: &str, change: Value, stale: Value) -> Answer {
    let seen = client.get(path).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let changed = send_if(client, "PATCH", path, seen.header("etag"), change).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_ne!(changed.header("etag"), seen.header("etag"));
    assert_eq!(client.get(path).await.header("etag"), changed.header("etag"));
    send_if(client, "PATCH", path, seen.header("etag"), stale).await.is_problem(412, "precondition_failed");
    changed
}

/// Removed under the tag it has, not under another one.
async fn goes(client: &Client, path: &str) {
    let tag = client.get(path).await.header("etag").to_owned();
    send_if(client, "DELETE", path, "\"other\"", Value::Null).await.is_problem(412, "precondition_failed");
    let gone = send_if(client, "DELETE", path, &tag, Value::Null).await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn goals_are_changed_and_deleted(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let id = make(&client, "/v1/goals", json!({"title": "G", "due_at": "2026-05-01T00:00:00Z"})).await;
    let path = format!("/v1/goals/{id}");
    let stale = json!({"title": "Late"});
    let changed = changes_once(&client, &path, json!({"title": "Goal", "due_at": null}), stale).await;
    assert_eq!((&changed.body["title"], &changed.body["due_at"]), (&json!("Goal"), &Value::Null));
    let rests = send(&client, "PATCH", &path, json!({"status": "abandoned"})).await;
    assert_eq!((rests.status, &rests.body["status"]), (200, &json!("abandoned")));
    let refused = send(&client, "PATCH", &path, json!({"status": "achieved", "title": null})).await;
    refused.is_problem(422, "invalid_input");
    let refused = send(&client, "PATCH", &path, json!({"status": "achieved"})).await;
    refused.is_problem(422, "invalid_input");
    assert_eq!(refused.body["errors"][0]["code"], "computed");
    send(&client, "PATCH", &path, json!({"titel": "x"})).await.is_problem(422, "invalid_input");
    let late = client.post("/v1/tasks", json!({"title": "T", "goal_id": id})).await;
    late.is_problem(409, "goal_not_active");
    send(&client, "PATCH", &path, json!({"status": "active"})).await;
    let task = make(&client, "/v1/tasks", json!({"title": "T", "goal_id": id})).await;
    client.app.kernel.claim(1).await.expect("claims");
    client.send(Some("ada"), "DELETE", &path, None).await.is_problem(409, "goal_running");
    client.app.clock.advance(std::time::Duration::from_secs(31));
    client.app.kernel.reclaim().await.expect("reclaims");
    goes(&client, &path).await;
    client.get(&path).await.is_problem(404, "not_found");
    assert_eq!(client.get(&format!("/v1/tasks/{task}")).await.body["goal_id"], Value::Null);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn tasks_are_changed_and_deleted(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let id = make(&client, "/v1/tasks", json!({"title": "T", "estimate_minutes": 5, "key": "K"})).await;
    make(&client, "/v1/tasks", json!({"title": "Other", "slug": "other"})).await;
    let path = format!("/v1/tasks/{id}");
    let change = json!({"title": "Task", "priority": 3, "estimate_minutes": null, "complexity": 4, "complexity_reason": "b"});
    let changed = changes_once(&client, &path, change, json!({"title": "Late"})).await;
    let body = &changed.body;
    assert_eq!((&body["title"], &body["priority"]), (&json!("Task"), &json!(3)));
    assert_eq!((&body["estimate_minutes"], &body["complexity"]), (&Value::Null, &json!(4)));
    assert_eq!(body["complexity_reason"], "b");
    let refused = send(&client, "PATCH", &path, json!({"title": null, "slug": null})).await;
    refused.is_problem(422, "invalid_input");
    assert_eq!(refused.body["errors"].as_array().map(Vec::len), Some(2));
    send(&client, "PATCH", &path, json!({"complexity": 400})).await.is_problem(422, "invalid_input");
    let long = json!({"complexity_reason": "x".repeat(2_001)});
    send(&client, "PATCH", &path, long).await.is_problem(422, "invalid_input");
    send(&client, "PATCH", &path, json!({"slug": "other"})).await.is_problem(409, "name_taken");
    client.app.kernel.claim(5).await.expect("claims");
    send(&client, "PATCH", &path, json!({"title": "Held"})).await.is_problem(409, "task_leased");
    client.send(Some("ada"), "DELETE", &path, None).await.is_problem(409, "task_leased");
    client.app.clock.advance(std::time::Duration::from_secs(31));
    client.app.kernel.reclaim().await.expect("reclaims");
    goes(&client, &path).await;
    client.get(&path).await.is_problem(404, "not_found");
    client.send(Some("ada"), "DELETE", &path, None).await.is_problem(404, "not_found");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn dependencies_are_replaced(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let first = make(&client, "/v1/tasks", json!({"title": "First"})).await;
    let second = make(&client, "/v1/tasks", json!({"title": "Second"})).await;
    let path = |id: &str| format!("/v1/tasks/{id}/dependencies");
    let tag = client.get(&format!("/v1/tasks/{second}")).await.header("etag").to_owned();
    let waits = send_if(&client, "PUT", &path(&second), &tag, json!({"depends_on": [first]})).await;
    assert_eq!((waits.status, &waits.body["status"]), (200, &json!("pending")), "{}", waits.text);
    assert_eq!(waits.body["blocked_by"], json!([first]));
    let stale = send_if(&client, "PUT", &path(&second), &tag, json!({"depends_on": []})).await;
    stale.is_problem(412, "precondition_failed");
    let cycle = send(&client, "PUT", &path(&first), json!({"depends_on": [second]})).await;
    cycle.is_problem(422, "dependency_cycle");
    let detail = cycle.body["detail"].as_str().expect("words");
    assert!(detail.contains("`first` waits for `second` waits for `first`"), "{detail}");
    let wrong = send(&client, "PUT", &path(&first), json!({"depends_on": [first, first]})).await;
    wrong.is_problem(422, "invalid_input");
    send(&client, "PUT", &path(&first), json!({})).await.is_problem(422, "invalid_input");
    let free = send(&client, "PUT", &path(&second), json!({"depends_on": []})).await;
    assert_eq!((free.status, &free.body["status"]), (200, &json!("ready")));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn tasks_are_assigned_and_ended(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let agent = make(&client, "/v1/agents", json!({"name": "robot", "kind": "external"})).await;
    let task = make(&client, "/v1/tasks", json!({"title": "One"})).await;
    let path = |verb: &str| format!("/v1/tasks/{task}/{verb}");
    let given = client.post(&path("assign"), json!({"agent_id": agent})).await;
    assert_eq!((given.status, &given.body["agent_id"]), (200, &json!(agent)), "{}", given.text);
    assert!(!given.header("etag").is_empty());
    client.post(&path("assign"), json!({})).await.is_problem(422, "invalid_input");
    let unknown = client.post(&path("assign"), json!({"agent_id": task})).await;
    unknown.is_problem(422, "invalid_input");
    assert_eq!(unknown.body["errors"][0]["path"], "agent_id");
    // A reason is no more than polite.
    let cancelled = client.send(Some("ada"), "POST", &path("cancel"), None).await;
    assert_eq!(
        (cancelled.status, &cancelled.body["status"]),
        (200, &json!("cancelled")),
        "{}",
        cancelled.text
    );
    client.post(&path("cancel"), json!({})).await.is_problem(409, "invalid_transition");
    client.post(&path("skip"), json!({"reason": "no"})).await.is_problem(409, "invalid_transition");
    let other = make(&client, "/v1/tasks", json!({"title": "Two"})).await;
    let skipped = client.post(&format!("/v1/tasks/{other}/skip"), json!({"reason": "not needed"})).await;
    assert_eq!((skipped.status, &skipped.body["status"]), (200, &json!("skipped")));
    client.app.sequence().await;
    let told = client.get(&format!("/v1/events?entity_id={other}&event_type=task.skipped")).await;
    assert_eq!(told.body["items"][0]["metadata"]["reason"], "not needed");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn readiness_and_what_is_next_are_told(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let none = client.get("/v1/tasks/next").await;
    assert_eq!((none.status, &none.body["task"]), (200, &Value::Null));
    assert_eq!(none.body["reason"]["code"], "nothing_to_do");
    let first = make(&client, "/v1/tasks", json!({"title": "First"})).await;
    let second = make(&client, "/v1/tasks", json!({"title": "Second", "depends_on": [first]})).await;
    let next = client.get("/v1/tasks/next").await;
    assert_eq!((&next.body["task"]["id"], &next.body["reason"]["code"]), (&json!(first), &json!("only_one")));
    let ready = client.get(&format!("/v1/tasks/{first}/readiness")).await;
    assert_eq!((ready.status, ready.body), (200, json!({"ready": true, "failures": []})));
    let blocked = client.get(&format!("/v1/tasks/{second}/readiness")).await.body;
    assert_eq!(blocked["ready"], false);
    let failure = &blocked["failures"][0];
    assert_eq!((&failure["code"], &failure["related"]), (&json!("dependencies_open"), &json!([first])));
    client.get(&format!("/v1/tasks/next?goal_id={first}")).await.is_problem(404, "not_found");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn agents_are_changed_and_retired(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let id =
        make(&client, "/v1/agents", json!({"name": "robot", "kind": "external", "max_concurrency": 2})).await;
    make(&client, "/v1/agents", json!({"name": "other", "kind": "external"})).await;
    let path = format!("/v1/agents/{id}");
    let change = json!({"capabilities": ["build"], "max_concurrency": null});
    let changed = changes_once(&client, &path, change, json!({"name": "late"})).await;
    assert_eq!(changed.body["capabilities"], json!(["build"]));
    assert_eq!(changed.body["max_concurrency"], Value::Null);
    send(&client, "PATCH", &path, json!({"name": "other"})).await.is_problem(409, "name_taken");
    send(&client, "PATCH", &path, json!({"max_concurrency": 0})).await.is_problem(422, "invalid_input");
    send(&client, "PATCH", &path, json!({"kind": "human"})).await.is_problem(422, "invalid_input");
    send(&client, "PATCH", &path, json!({"is_default": true})).await;
    client.send(Some("ada"), "DELETE", &path, None).await.is_problem(409, "agent_needed");
    send(&client, "PATCH", &path, json!({"is_default": false})).await;
    goes(&client, &path).await;
    assert_eq!(client.get(&path).await.body["status"], "retired");
    send(&client, "PATCH", &path, json!({"name": "late"})).await.is_problem(409, "invalid_transition");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn experiences_are_added(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let note = json!({
        "type": "OBSERVATION", "text": "It rains", "structured": {"place": "York", "task_slug": "weather"},
        "sources": ["the window"], "session_id": "s1",
    });
    let added = client.post("/v1/experiences", note.clone()).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let id = added.body["id"].as_str().expect("an id");
    assert_eq!(added.header("location"), format!("/v1/experiences/{id}"));
    assert_eq!(added.body["content"]["text"], "It rains");
    assert_eq!(added.body["content"]["structured"]["place"], "York");
    assert_eq!(client.get(&format!("/v1/experiences/{id}")).await.body, added.body);
    let found = client.get("/v1/experiences?task_slug=weather").await;
    assert_eq!(found.body["items"][0]["id"], id);
    let child = json!({"type": "OBSERVATION", "text": "Still", "parents": [id]});
    assert_eq!(client.post("/v1/experiences", child).await.body["parents"], json!([id]));
    for reserved in ["TASK_EXECUTION", "CHAIN_EXECUTION"] {
        let refused = client.post("/v1/experiences", json!({"type": reserved, "text": "x"})).await;
        refused.is_problem(422, "type_reserved");
    }
    let wrong =
        json!({"type": "OBSERVATION", "text": " ", "structured": {"idempotency_key": "k", "task_id": 7}});
    let refused = client.post("/v1/experiences", wrong).await;
    refused.is_problem(422, "invalid_input");
    let mut paths: Vec<_> =
        refused.body["errors"].as_array().expect("errors").iter().map(|one| one["path"].clone()).collect();
    paths.sort_by_key(Value::to_string);
    assert_eq!(paths, [json!("structured.idempotency_key"), json!("structured.task_id"), json!("text")]);
    let orphan = json!({"type": "OBSERVATION", "text": "x", "parents": ["nobody"]});
    let refused = client.post("/v1/experiences", orphan).await;
    assert_eq!(refused.body["errors"][0]["code"], "unknown_experience");
    // The same key is the same experience.
    let token = format!("Bearer {}", client.app.token("ada"));
    let mut ids = Vec::new();
    for _ in 0..2 {
        let body = Some(("application/json".to_owned(), note.to_string().into_bytes()));
        let answer =
            client.send_raw(Some(&token), "POST", "/v1/experiences", body, &[("idempotency-key", "k")]).await;
        ids.push(answer.body["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
}
