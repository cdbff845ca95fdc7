//! Reading the record: executions, traces, figures, artifacts, lineages and searches.

use std::time::Duration;

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::{Value, json};

use crate::client::Client;

const PLAN: &str = "# P\n\n- [ ] T001 [P] Say the time\n  use: time.now\n- [ ] T002 [P] Break\n  use: file.read {\"path\": \"nowhere.txt\"}\n\
                    - [ ] T003 [P] Try again\n  use: probe.none {\"name\": \"flaky\", \"fail\": 1}\n";

async fn filled(backend: Backend) -> Option<Client> {
    let client = Client::start(backend).await?;
    let trace = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    let token = format!("Bearer {}", client.app.token("ada"));
    let body = ("application/json".to_owned(), json!({"content": PLAN}).to_string().into_bytes());
    let imported = client.send_raw(Some(&token), "POST", "/v1/goals/import", Some(body), &trace).await;
    assert_eq!(imported.status, 201, "{}", imported.text);
    for _ in 0..2 {
        client.app.drain().await;
        client.app.clock.advance(Duration::from_secs(60));
    }
    client.app.sequence().await;
    Some(client)
}

fn column<'a>(body: &'a Value, field: &str) -> Vec<&'a Value> {
    body["items"].as_array().expect("a list").iter().map(|item| &item[field]).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn executions_are_listed_by_what_one_asks_for(#[case] backend: Backend) {
    let Some(client) = filled(backend).await else { return };
    let all = client.get("/v1/task-executions").await.body;
    assert_eq!(column(&all, "task_slug"), ["try-again", "try-again", "break", "say-the-time"]);
    assert_eq!(column(&all, "status"), ["success", "failed", "failed", "success"]);
    assert_eq!(column(&all, "tool"), ["probe.none", "probe.none", "file.read", "time.now"]);
    let again = &all["items"][0];
    assert_eq!((&again["attempt"], &again["retry_of"]), (&json!(2), &all["items"][1]["span_id"]));
    assert!(again["queued_at"].is_null() && !all["items"][3]["queued_at"].is_null());
    assert_eq!(all["items"][2]["error"]["type"], "FileNotFound");

    let agent = again["agent_id"].as_str().expect("an agent");
    let (task, began) =
        (again["task_id"].as_str().expect("an id"), again["started_at"].as_str().expect("a time"));
    for (query, count) in [
        ("status=failed".to_owned(), 2),
        ("status=partial".to_owned(), 0),
        ("task_slug=try-again".to_owned(), 2),
        (format!("task_id={task}"), 2),
        (format!("task_id={task}&status=success"), 1),
        (format!("agent={agent}"), 4),
        ("agent=019a4f3c-7d1e-7b42-9c55-3f2a8e6d1b70".to_owned(), 0),
        (format!("from={began}"), 1),
        (format!("to={began}"), 3),
    ] {
        let answer = client.get(&format!("/v1/task-executions?{query}")).await;
        assert_eq!(answer.body["items"].as_array().map(Vec::len), Some(count), "{query}: {}", answer.text);
    }
    let mut seen = Vec::new();
    let mut path = "/v1/task-executions?limit=1".to_owned();
    loop {
        let page = client.get(&path).await.body;
        seen.push(page["items"][0]["experience_id"].clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/task-executions?limit=1&cursor={cursor}");
    }
    assert_eq!(seen.iter().collect::<Vec<_>>(), column(&all, "experience_id"));
    client.get("/v1/task-executions?cursor=task-executions:x").await.is_problem(422, "invalid_input");
    client.get("/v1/task-executions?from=yesterday").await.is_problem(422, "invalid_input");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_trace_is_told_as_a_tree(#[case] backend: Backend) {
    let Some(client) = filled(backend).await else { return };
    let again = client.get("/v1/task-executions?task_slug=try-again").await.body["items"][0].clone();
    let trace = client.get(&format!("/v1/traces/{}", again["trace_id"].as_str().expect("an id"))).await;
    assert_eq!(trace.status, 200, "{}", trace.text);
    let run = &trace.body["runs"][0];
    assert_eq!((&run["task_id"], &run["status"]), (&again["task_id"], &json!("succeeded")));
    assert_eq!(run["attempts"].as_array().map(Vec::len), Some(2));
    let attempt = &run["attempts"][1];
    assert_eq!(
        (&attempt["span_id"], &attempt["experience_id"]),
        (&again["span_id"], &again["experience_id"])
    );
    assert_eq!(attempt["tool_calls"][0]["tool"], "probe.none");
    let stages: Vec<&Value> =
        attempt["stages"].as_array().expect("stages").iter().map(|stage| &stage["name"]).collect();
    assert_eq!(stages, ["claimed", "resolved", "performing", "settling"]);
    let events: Vec<&str> = trace.body["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|event| event["event_type"].as_str())
        .collect();
    assert!(events.contains(&"task.started") && events.contains(&"task.completed"), "{events:?}");
    assert_eq!(trace.body["truncated"], false);

    // The request: what it changed, and the runs it asked for.
    let request = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";
    let asked = client.get(&format!("/v1/traces/{request}")).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    let events: Vec<&str> = asked.body["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|event| event["event_type"].as_str())
        .collect();
    assert!(events.contains(&"goal.created"), "{events:?}");
    let token = format!("Bearer {}", client.app.token("ada"));
    let run = json!({"task_id": "say-the-time", "mode": "manual", "wait": false}).to_string().into_bytes();
    let parent = [("traceparent", "00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    let run = client
        .send_raw(Some(&token), "POST", "/v1/tasks/run", Some(("application/json".into(), run)), &parent)
        .await;
    let run_trace = run.body["trace_id"].clone();
    client.app.drain().await;
    client.app.sequence().await;
    let asked = client.get("/v1/traces/5bf92f3577b34da6a3ce929d0e0e4736").await.body;
    assert_eq!(
        (&asked["runs"][0]["trace_id"], asked["runs"].as_array().map(Vec::len)),
        (&run_trace, Some(1))
    );
    assert_eq!(asked["runs"][0]["attempts"][0]["status"], "succeeded");

    client.get("/v1/traces/019a4f3c-7d1e-7b42-9c55-3f2a8e6d1b70").await.is_problem(404, "not_found");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn figures_count_what_was_executed(#[case] backend: Backend) {
    let Some(client) = filled(backend).await else { return };
    let by_task = client.get("/v1/analytics/tasks").await;
    assert_eq!(by_task.status, 200, "{}", by_task.text);
    assert_eq!(by_task.body["complete"], true);
    let first = &by_task.body["items"][0];
    assert_eq!(
        (&first["name"], &first["executions"], &first["failed"]),
        (&json!("try-again"), &json!(2), &json!(1))
    );
    assert_eq!((&first["success_rate"], &first["retries"]), (&json!(0.5), &json!(1)));
    assert!(first["queue_p95_ms"].is_i64() && first["cost_usd"].is_null());
    for (by, keys) in [
        ("type", vec!["tool"]),
        ("tool", vec!["probe.none", "file.read", "time.now"]),
        ("day", vec!["2026-01-01"]),
    ] {
        let figures = client.get(&format!("/v1/analytics/tasks?by={by}")).await.body;
        assert_eq!(figures["items"].as_array().map(Vec::len), Some(keys.len()), "{figures}");
        assert!(
            keys.contains(&figures["items"][0]["key"].as_str().expect("a key")) || by != "tool",
            "{figures}"
        );
        let all: i64 = column(&figures, "executions").iter().filter_map(|count| count.as_i64()).sum();
        assert_eq!(all, 4, "{by}");
    }
    let none = client.get("/v1/analytics/tasks?from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z").await.body;
    assert_eq!(none["items"], json!([]));
    for query in [
        "from=2026-01-01T00:00:00Z&to=2025-01-01T00:00:00Z",
        "from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
        "by=moon",
    ] {
        client.get(&format!("/v1/analytics/tasks?{query}")).await.is_problem(422, "invalid_input");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_artifact_is_saved_and_never_shown(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let bytes = b"<script>alert(1)</script>";
    let kept = client.app.services.artifacts.keep(client.app.ada.workspace(), None, "text/html", bytes).await;
    let id = kept.expect("kept").id;
    let known = client.get(&format!("/v1/artifacts/{id}")).await;
    assert_eq!((known.status, &known.body["size"]), (200, &json!(bytes.len())));
    assert!(known.body["digest"].as_str().expect("a digest").starts_with("sha256:"));
    let content = client.get(&format!("/v1/artifacts/{id}/content")).await;
    assert_eq!((content.status, content.text.as_bytes()), (200, bytes.as_slice()));
    assert_eq!(content.header("content-type"), "application/octet-stream");
    assert_eq!(content.header("content-disposition"), format!("attachment; filename=\"{id}.txt\""));
    assert_eq!(content.header("x-content-type-options"), "nosniff");
    assert!(content.header("content-security-policy").contains("sandbox"));
    let missing = "/v1/artifacts/019a4f3c-7d1e-7b42-9c55-3f2a8e6d1b70/content";
    client.get(missing).await.is_problem(404, "not_found");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn experiences_are_found_by_their_words_and_lead_to_each_other(#[case] backend: Backend) {
    let Some(client) = filled(backend).await else { return };
    let found = client.get("/v1/experiences?q=nowhere").await;
    assert_eq!(found.body["items"].as_array().map(Vec::len), Some(1), "{}", found.text);
    let by_name = client.get("/v1/experiences?q=try%20aga&type=TASK_EXECUTION").await.body;
    assert_eq!(by_name["items"].as_array().map(Vec::len), Some(2), "the names of tasks count");
    client.get("/v1/experiences?q=%20").await.is_problem(422, "invalid_input");
    let id = found.body["items"][0]["id"].as_str().expect("an id");
    let note = json!({"type": "REFLECTION", "text": "So what", "parents": [id]});
    let note = client.post("/v1/experiences", note).await.body["id"].clone();
    let down =
        client.get(&format!("/v1/experiences/{id}/lineage?direction=down&depth=2&limit=10")).await.body;
    assert_eq!(down["edges"], json!([{"from": note, "to": id, "kind": "parent"}]));
    assert_eq!((&down["root"], &down["truncated"]), (&json!(id), &json!(false)));
    let both = client.get(&format!("/v1/experiences/{id}/lineage")).await.body;
    let mut kinds: Vec<&str> =
        both["nodes"].as_array().expect("nodes").iter().filter_map(|node| node["kind"].as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["experience", "experience", "goal"]);
    for query in ["depth=0", "depth=21", "limit=1001", "direction=sideways"] {
        client.get(&format!("/v1/experiences/{id}/lineage?{query}")).await.is_problem(422, "invalid_input");
    }
}
