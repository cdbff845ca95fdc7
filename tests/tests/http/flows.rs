//! What people do over HTTP.

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::{Value, json};

use crate::client::Client;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_plan_is_imported_executed_and_read_back(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let plan = "# Tea\n\n- [ ] T001 Say when\n  use: time.now\n- [ ] T002 [US1] Write it (depends on T001)\n  use: text.render {\"template\": \"at {T001.now}\"}\n";
    let preview = client.post("/v1/goals/import", json!({"content": plan, "dry_run": true})).await;
    assert_eq!(
        (preview.status, &preview.body["decomposition"]["dry_run"]),
        (200, &json!(true)),
        "{}",
        preview.text
    );
    assert_eq!(client.get("/v1/goals").await.body["items"], json!([]), "a preview writes nothing");

    let imported = client.post("/v1/goals/import", json!({"content": plan})).await;
    assert_eq!(imported.status, 201, "{}", imported.text);
    let decomposition = &imported.body["decomposition"];
    assert_eq!(decomposition["plan_hash"], preview.body["decomposition"]["plan_hash"]);
    assert_eq!(decomposition["status"], "applied");
    assert_eq!(decomposition["tasks"][1]["key"], "T002");
    assert_eq!(decomposition["tasks"][1]["labels"], json!(["US1"]));
    let edge = &decomposition["dependencies"][0];
    assert_eq!(
        (&edge["from_index"], &edge["to_index"], &edge["origin"]),
        (&json!(1), &json!(0), &json!("explicit"))
    );
    assert_eq!(edge["task_id"], decomposition["tasks"][1]["id"]);
    for field in ["input_tokens", "cost_tokens", "cache_hit", "cost_usd"] {
        assert!(decomposition["usage"].get(field).is_some(), "{field}");
    }

    client.app.drain().await;
    client.app.sequence().await;
    let goal = imported.body["goal"]["id"].as_str().expect("an id");
    let progress = client.get(&format!("/v1/goals/{goal}/progress")).await.body;
    assert_eq!(
        (&progress["percentage"], &progress["completed"], &progress["total"]),
        (&json!(100.0), &json!(2), &json!(2))
    );
    assert_eq!(progress["valid"], true);
    let shown = client.get(&format!("/v1/goals/{goal}")).await;
    assert_eq!(shown.body["status"], "achieved");
    assert_eq!(shown.header("etag"), format!("\"{}-{}\"", &goal[24..], shown.body["revision"]));

    let tasks = client.get(&format!("/v1/tasks?goal_id={goal}&status=completed")).await.body;
    let second = &tasks["items"][0];
    for field in [
        "id",
        "workspace_id",
        "goal_id",
        "key",
        "slug",
        "estimate_minutes",
        "complexity",
        "complexity_reason",
        "parallel",
        "title",
        "description",
        "task_type",
        "status",
        "priority",
        "agent_id",
        "depends_on",
        "blocked_by",
        "action",
        "result",
        "labels",
        "attempt",
        "max_attempts",
        "scheduled_at",
        "revision",
        "created_at",
        "updated_at",
    ] {
        assert!(second.get(field).is_some(), "{field} is missing");
    }
    assert!(second["result"].as_str().expect("text").starts_with("at 2026-"));

    let executions = client.get("/v1/experiences?type=TASK_EXECUTION").await.body;
    let executions = executions["items"].as_array().expect("a list");
    assert_eq!(executions.len(), 2, "one experience per execution");
    let id = executions[0]["id"].as_str().expect("an id");
    assert_eq!(client.get(&format!("/v1/experiences/{id}")).await.body, executions[0]);

    let events = client.get(&format!("/v1/events?entity_id={goal}")).await.body;
    let told: Vec<&Value> =
        events["items"].as_array().expect("a list").iter().rev().map(|event| &event["event_type"]).collect();
    assert_eq!(told, ["goal.created", "goal.decomposed", "goal.achieved"]);
    let task = tasks["items"][1]["id"].as_str().expect("an id");
    let events = client.get(&format!("/v1/events?entity_id={task}")).await.body;
    let told: Vec<&Value> =
        events["items"].as_array().expect("a list").iter().rev().map(|event| &event["event_type"]).collect();
    assert_eq!(told, ["task.created", "task.started", "task.completed"]);
    let positions: Vec<i64> =
        events["items"].as_array().expect("a list").iter().filter_map(|e| e["position"].as_i64()).collect();
    assert!(positions.windows(2).all(|pair| pair[0] > pair[1]), "newest first: {positions:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn lists_are_paged_without_gaps_or_repeats(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    for n in 0..7 {
        assert_eq!(client.post("/v1/goals", json!({"title": format!("Goal {n}")})).await.status, 201);
    }
    client.app.sequence().await;
    for (list, title) in [("goals", "title"), ("events", "id")] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = client.get(&format!("/v1/{list}?limit=3{cursor}")).await;
            assert_eq!(page.status, 200, "{}", page.text);
            seen.extend(
                page.body["items"].as_array().expect("a list").iter().map(|item| item[title].to_string()),
            );
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let mut distinct = seen.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), seen.len(), "no repeats");
        assert_eq!(seen.len(), if list == "goals" { 7 } else { 9 });
    }
}

#[tokio::test]
async fn a_request_keeps_its_trace() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let token = format!("Bearer {}", client.app.token("ada"));
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let answer =
        client.send_raw(Some(&token), "GET", "/v1/goals/nowhere", None, &[("traceparent", &parent)]).await;
    answer.is_problem(404, "not_found");
    assert_eq!(answer.body["trace_id"], trace);
    assert!(answer.header("traceparent").contains(trace));
    let body = Some(("application/json".to_owned(), br#"{"title": "Traced"}"#.to_vec()));
    client.send_raw(Some(&token), "POST", "/v1/goals", body, &[("traceparent", &parent)]).await;
    client.app.sequence().await;
    let events = client.get(&format!("/v1/events?trace_id={trace}")).await.body;
    assert_eq!(events["items"][0]["event_type"], "goal.created");
}
