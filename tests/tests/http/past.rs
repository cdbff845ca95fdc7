//! The past, and the settings of a workspace, over HTTP.

use std::time::Duration;

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::json;

use crate::client::Client;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn goals_progress_and_tasks_are_shown_as_they_were(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let goal = client.post("/v1/goals", json!({"title": "Trip"})).await.body["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let task = client.post("/v1/tasks", json!({"title": "Pack", "goal_id": goal})).await.body["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let then = client.app.ports.clock.now().to_string();
    client.app.clock.advance(Duration::from_secs(60));
    client.post(&format!("/v1/tasks/{task}/skip"), json!({})).await;
    client.app.sequence().await;
    let at = |path: &str| format!("{path}?as_of={then}");
    let shown = client.get(&at(&format!("/v1/tasks/{task}"))).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert_eq!((&shown.body["as_of"], &shown.body["redacted"]), (&json!(then), &json!([])));
    assert_ne!(shown.body["status"], "skipped");
    let present = client.get(&format!("/v1/tasks/{task}")).await;
    assert_eq!((&present.body["status"], present.body.get("as_of")), (&json!("skipped"), None));
    let progress = client.get(&at(&format!("/v1/goals/{goal}/progress"))).await.body;
    assert_eq!((&progress["total"], &progress["as_of"]), (&json!(1), &json!(then)));
    assert_eq!(client.get(&at(&format!("/v1/goals/{goal}"))).await.body["title"], "Trip");
    client.get(&format!("/v1/goals/{goal}?as_of=2001-01-01T00:00:00Z")).await.is_problem(404, "not_found");
    client
        .get(&format!("/v1/goals/{goal}?as_of=2999-01-01T00:00:00Z"))
        .await
        .is_problem(422, "invalid_input");
    client.get(&format!("/v1/goals/{goal}?as_of=yesterday")).await.is_problem(422, "invalid_input");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_workspace_settles_how_long_it_keeps_what_there_is(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let path = format!("/v1/workspaces/{}/settings", client.app.ada.workspace());
    let settings = client.get(&path).await;
    assert_eq!((settings.status, &settings.body["retention_days"]), (200, &json!(null)), "{}", settings.text);
    let agents = client.get("/v1/agents").await.body["items"].clone();
    let agent = |default: bool| {
        let found = agents.as_array().expect("agents").iter().find(|agent| agent["is_default"] == default);
        found.expect("one")["id"].clone()
    };
    assert_eq!(settings.body["default_agent_id"], agent(true));
    let tag = settings.header("etag").to_owned();
    let token = format!("Bearer {}", client.app.token("ada"));
    let patch = async |body: serde_json::Value, tag: &str| {
        let body = ("application/json".to_owned(), body.to_string().into_bytes());
        client.send_raw(Some(&token), "PATCH", &path, Some(body), &[("if-match", tag)]).await
    };
    let changed = patch(json!({"retention_days": 30, "default_agent_id": agent(false)}), &tag).await;
    assert_eq!((changed.status, &changed.body["retention_days"]), (200, &json!(30)), "{}", changed.text);
    assert_eq!(changed.body["default_agent_id"], agent(false));
    assert_eq!(client.get(&path).await.body, changed.body);
    patch(json!({"retention_days": 31}), &tag).await.is_problem(412, "precondition_failed");
    // The default agent is changed elsewhere: then this is not what was read.
    let tag = changed.header("etag").to_owned();
    let other = format!("/v1/agents/{}", agent(true).as_str().expect("an id"));
    let back = client.send(Some("ada"), "PATCH", &other, Some(&json!({"is_default": true}))).await;
    assert_eq!(back.status, 200, "{}", back.text);
    patch(json!({"retention_days": 31}), &tag).await.is_problem(412, "precondition_failed");
    for wrong in [
        json!({"retention_days": 0}),
        json!({"retention_days": 36_501}),
        json!({"retention_days": "long"}),
        json!({"default_agent_id": null}),
        json!({"model": "any"}),
        json!({"colour": "red"}),
    ] {
        patch(wrong, "*").await.is_problem(422, "invalid_input");
    }
    patch(json!({"default_agent_id": client.app.ada.workspace()}), "*").await.is_problem(404, "not_found");
    assert_eq!(patch(json!({"retention_days": null}), "*").await.body["retention_days"], json!(null));
    assert_eq!(changed.body["confirm_destructive"], json!(true), "unless somebody says otherwise");
    assert_eq!(
        patch(json!({"confirm_destructive": false}), "*").await.body["confirm_destructive"],
        json!(false)
    );
    assert_eq!(client.get(&path).await.body["confirm_destructive"], json!(false));
    patch(json!({"confirm_destructive": "no"}), "*").await.is_problem(422, "invalid_input");
    assert_eq!(
        patch(json!({"confirm_destructive": null}), "*").await.body["confirm_destructive"],
        json!(true)
    );
    client.app.sequence().await;
    let told = client.get("/v1/events?event_type=workspace.settings_changed").await.body;
    assert_eq!(told["items"].as_array().map(Vec::len), Some(4));
    let change = &told["items"][1]["changes"];
    assert_eq!(change, &json!({"confirm_destructive": {"from": true, "to": false}}));
    client.send(Some("eve"), "GET", &path, None).await.is_problem(404, "not_found");
}
