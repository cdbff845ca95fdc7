//! Tasks that are broken further down, and plans side by side, over HTTP.

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::json;

use crate::client::Client;

async fn goal_with(client: &Client, outline: &str) -> String {
    let goal = client.post("/v1/goals", json!({"title": "Bread"})).await.body["id"].clone();
    let goal = goal.as_str().expect("an id").to_owned();
    let answer = client.post(&format!("/v1/goals/{goal}/decompose"), json!({"outline": outline})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    goal
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_is_broken_down_shown_first_and_compared(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let goal = goal_with(&client, "- [ ] T001 Knead\n- [ ] T002 Bake (depends on T001)\n").await;
    let bake = client.task(&goal, "T002").await;
    let path = format!("/v1/tasks/{}/expand", bake["id"].as_str().expect("an id"));
    let body = json!({"outline": "- [ ] [P] Heat\n- [ ] [P] Grease\n", "dry_run": true});
    let shown = client.post(&path, body).await;
    assert_eq!((shown.status, &shown.body["status"]), (200, &json!("proposed")), "{}", shown.text);
    assert_eq!((&shown.body["goal_id"], &shown.body["expanded_task_id"]), (&json!(goal), &bake["id"]));
    assert_eq!(shown.body["changes"]["add"], json!(["T002_1", "T002_2"]));
    let change = &shown.body["changes"]["change"][0];
    assert_eq!((&change["key"], &change["task_id"]), (&json!("T002"), &bake["id"]));
    let field = json!({"field": "depends_on", "from": ["T001"], "to": ["T001", "T002_1", "T002_2"]});
    assert_eq!(change["fields"], json!([field]));
    assert_eq!(client.task(&goal, "T002").await, bake, "nothing is written");

    let decomposition = shown.body["decomposition_id"].as_str().expect("kept").to_owned();
    let apply = json!({"plan_hash": shown.body["plan_hash"]});
    let applied = client.post(&format!("/v1/decompositions/{decomposition}/apply"), apply.clone()).await;
    assert_eq!((applied.status, &applied.body["status"]), (200, &json!("applied")), "{}", applied.text);
    let grease = client.task(&goal, "T002_2").await;
    assert_eq!(grease["depends_on"], json!([client.task(&goal, "T001").await["id"]]));
    assert_eq!(client.task(&goal, "T002").await["blocked_by"].as_array().map(Vec::len), Some(3));
    client
        .post(&format!("/v1/decompositions/{decomposition}/apply"), apply)
        .await
        .is_problem(409, "decomposition_decided");

    let written = client.post(&path, json!({"outline": "- [ ] Wait\n"})).await;
    assert_eq!((written.status, written.body["tasks"][0]["key"].as_str()), (201, Some("T002_3")));
    assert_eq!(written.header("location"), format!("/v1/tasks/{}", bake["id"].as_str().expect("an id")));

    client.app.sequence().await;
    let plans = client.get(&format!("/v1/goals/{goal}/decompositions")).await.body;
    let ids: Vec<&str> = plans["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["decomposition_id"].as_str().expect("an id"))
        .collect();
    assert_eq!(plans["items"][1]["expanded_task_id"], bake["id"]);
    let path = format!("/v1/goals/{goal}/decompositions/compare");
    let compared = client.get(&format!("{path}?a={}&b={}", ids[2], ids[1])).await;
    assert_eq!(compared.status, 200, "{}", compared.text);
    let (a, b) = (&compared.body["a"], &compared.body["b"]);
    assert_eq!((&a["decomposition_id"], &b["decomposition_id"]), (&json!(ids[2]), &json!(ids[1])));
    let size = json!({
        "tasks": 2, "dependencies": 1, "depth": 2, "width": 1, "estimate_minutes": null, "estimated_tasks": 0,
    });
    assert_eq!(a["size"], size);
    let validity =
        json!({"valid": true, "failure": null, "repairs": 0, "rejected_answers": 0, "problems": 0});
    assert_eq!((&a["validity"], &a["cost"]["usage"]["cost_usd"]), (&validity, &json!(0.0)));
    assert_eq!((&a["completion"]["total"], &a["completion"]["percentage"]), (&json!(2), &json!(0.0)));
    assert_eq!(b["expanded_task_id"], bake["id"]);
    assert!(b["edits"]["fields"].is_array(), "{b}");
    client.get(&path).await.is_problem(422, "invalid_input");
    client.get(&format!("{path}?a={}&b=x", ids[0])).await.is_problem(422, "invalid_input");
}
