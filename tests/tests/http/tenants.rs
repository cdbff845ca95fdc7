//! Every operation of the document is called with another tenant's ids: nothing is seen, nothing is changed.

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::{Value, json};

use crate::client::Client;

/// Paths that need no credentials.
const OPEN: [&str; 2] = ["/livez", "/readyz"];

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn another_tenant_s_ids_open_nothing(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let plan = "# Hers\n\n- [ ] T001 Secret words\n- [ ] T002 Secret tool\n  use: time.now\n";
    let imported = client.post("/v1/goals/import", json!({"content": plan})).await;
    assert_eq!(imported.status, 201, "{}", imported.text);
    client.app.drain().await;
    client.app.sequence().await;
    let goal = imported.body["goal"]["id"].as_str().expect("an id").to_owned();
    let task =
        client.get("/v1/tasks?limit=1").await.body["items"][0]["id"].as_str().expect("an id").to_owned();
    let agent = client.get("/v1/agents").await.body["items"][0]["id"].as_str().expect("an id").to_owned();
    let waiting = client.get("/v1/tasks?status=waiting").await.body["items"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    // One execution, so that there is an experience.
    client.post(&format!("/v1/tasks/{waiting}/complete"), json!({"result": "the secret"})).await;
    client.app.drain().await;
    client.app.sequence().await;
    let experience =
        client.get("/v1/experiences").await.body["items"][0]["id"].as_str().expect("an id").to_owned();

    let services = &client.app.services;
    let artifact =
        services.artifacts.keep(client.app.ada.workspace(), None, "text/plain", b"the secret").await;
    let artifact = artifact.expect("kept").id.to_string();
    let record = client.get(&format!("/v1/experiences/{experience}")).await.body;
    let trace = record["content"]["structured"]["trace_id"].as_str().expect("an id").to_owned();

    let key = client.post("/v1/api-keys", json!({"name": "Secret key"})).await;
    let key = key.body["id"].as_str().expect("an id").to_owned();
    client.app.sequence().await;

    let outline = json!({"outline": "- [ ] T900 Secret\n", "dry_run": true});
    let shown = client.post(&format!("/v1/goals/{goal}/decompose"), outline).await;
    let decomposition = shown.body["decomposition_id"].as_str().expect("an id").to_owned();
    client.app.sequence().await;
    let workspace_id = client.app.ada.workspace().to_string();

    let before = snapshot(&client).await;
    let document: Value = serde_json::from_str(&goalwright_api::openapi_document()).expect("json");
    let mut probed = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        if OPEN.contains(&path.as_str()) {
            continue;
        }
        for method in operations.as_object().expect("operations").keys() {
            let id = match path.split('/').nth(2).unwrap_or_default() {
                _ if !path.contains('{') => "",
                "goals" => &goal,
                "tasks" => &task,
                "agents" => &agent,
                "experiences" => &experience,
                "api-keys" => &key,
                "artifacts" => &artifact,
                "decompositions" => &decomposition,
                "traces" => &trace,
                "workspaces" => &workspace_id,
                other => panic!(
                    "a new kind of id, `{other}`: teach this test one of ada's, so that it can be probed"
                ),
            };
            let has_id = path.contains('{');
            let path = path.replace("{id}", id);
            assert!(!path.contains('{'), "{path}: an unknown parameter");
            // Nobody gets in without credentials.
            let nobody = client.send(None, &method.to_uppercase(), &path, Some(&json!({}))).await;
            nobody.is_problem(401, "unauthenticated");
            assert!(nobody.header("www-authenticate").starts_with("Bearer"));

            let body = match method.as_str() {
                "post" | "put" | "patch" => body_for(&path, &goal, &task, &agent),
                _ => None,
            };
            let answer = client.send(Some("eve"), &method.to_uppercase(), &path, body.as_ref()).await;
            for secret in ["Secret", "the secret", goal.as_str(), task.as_str()] {
                // A refusal may repeat the id that was asked for, and nothing else.
                let told = answer.text.replace(&path, "");
                assert!(
                    answer.status >= 400 || !told.contains(secret),
                    "{method} {path} shows `{secret}`: {}",
                    answer.text
                );
                assert!(
                    secret.contains('-') || !told.contains(secret),
                    "{method} {path} shows `{secret}`: {}",
                    answer.text
                );
            }
            if has_id {
                answer.is_problem(404, "not_found");
            } else if body.is_some()
                && !path.ends_with("/v1/goals")
                && !path.ends_with("agents")
                && !path.ends_with("api-keys")
                && !path.ends_with("import")
                && !path.ends_with("preview")
                && !path.ends_with("budget")
                && !path.ends_with("prompts")
                && !path.ends_with("/v1/experiences")
            {
                assert!(matches!(answer.status, 404 | 422), "{method} {path}: {}", answer.text);
            }
            // Choosing ada's workspace by hand is refused.
            let token = format!("Bearer {}", client.app.token("eve"));
            let workspace = client.app.ada.workspace().to_string();
            let chosen = client
                .send_raw(
                    Some(&token),
                    &method.to_uppercase(),
                    &path,
                    None,
                    &[("x-workspace-id", &workspace)],
                )
                .await;
            chosen.is_problem(403, "forbidden");
            probed += 1;
        }
    }
    assert!(probed >= 35, "only {probed} operations");
    assert_eq!(snapshot(&client).await, before, "nothing of ada's changed");
    // Lists of ids that are not the caller's own are empty.
    for list in [
        format!("/v1/tasks?goal_id={goal}"),
        format!("/v1/events?entity_id={goal}"),
        format!("/v1/experiences?task_id={task}"),
        "/v1/experiences?q=secret".to_owned(),
        format!("/v1/task-executions?task_id={task}"),
        "/v1/task-executions".to_owned(),
        "/v1/analytics/tasks".to_owned(),
    ] {
        let answer = client.send(Some("eve"), "GET", &list, None).await;
        assert_eq!(answer.body["items"], json!([]), "{list}");
    }
}

/// A body that would do something if the ids were the caller's.
fn body_for(path: &str, goal: &str, task: &str, agent: &str) -> Option<Value> {
    Some(match path {
        "/v1/experiences" => json!({"type": "OBSERVATION", "text": "Mine"}),
        "/v1/tasks" => json!({"title": "Into hers", "goal_id": goal, "depends_on": [task]}),
        "/v1/tasks/run" | "/api/tasks/run" => json!({"task_id": task, "mode": "manual", "wait": false}),
        "/v1/goals" => json!({"title": "Mine"}),
        "/v1/schedules/preview" => json!({"schedule": {"frequency": "hourly"}}),
        "/v1/goals/import" => json!({"content": "# Mine\n\n- [ ] T001 Mine\n"}),
        "/v1/api-keys" => json!({"name": "mine"}),
        "/v1/agents" => json!({"name": "mine", "kind": "external"}),
        "/v1/budget" => json!({"monthly_usd": 0}),
        "/v1/prompts" => json!({"version": "mine-1", "content": "Mine"}),
        path if path.ends_with("/apply") => json!({"plan_hash": "sha256:00"}),
        path if path.ends_with("/reject") => json!({"reason": "Hers"}),
        path if path.ends_with("/expand") => json!({"outline": "- [ ] Into hers\n"}),
        path if path.ends_with("/decompose") => json!({"outline": "- [ ] T009 Into hers\n"}),
        "/v1/tasks/claim" => json!({"agent_id": agent}),
        path if path.starts_with("/v1/agents/") && path.ends_with("/heartbeat") => return None,
        path if path.ends_with("/heartbeat") || path.ends_with("/release") => {
            json!({"lease_token": "0".repeat(64)})
        }
        path if path.ends_with("/fail") => json!({"error": {"type": "Hers", "message": "Mine"}}),
        path if path.ends_with("/approve") => json!({"approved": true}),
        path if path.ends_with("/answer") => json!({"answer": 1}),
        path if path.ends_with("/retry") => json!({"reason": "Hers"}),
        path if path.ends_with("/complete") => json!({"result": 1}),
        path if path.ends_with("/assign") => json!({"agent_id": agent}),
        path if path.ends_with("/dependencies") => json!({"depends_on": []}),
        path if path.ends_with("/cancel") || path.ends_with("/skip") => json!({"reason": "Hers"}),
        path if path.ends_with("/settings") => json!({"retention_days": 1, "confirm_destructive": false}),
        path if path.starts_with("/v1/agents/") => json!({"name": "taken over"}),
        path if path.starts_with("/v1/goals/") || path.starts_with("/v1/tasks/") => {
            json!({"title": "Taken over"})
        }
        path => panic!("`{path}` takes a body: teach this test one that would do something"),
    })
}

/// Everything of ada's that can change.
async fn snapshot(client: &Client) -> Vec<Value> {
    let mut all = Vec::new();
    for list in ["goals", "tasks", "agents", "api-keys", "experiences", "events"] {
        all.push(client.get(&format!("/v1/{list}?limit=200")).await.body);
    }
    for one in ["budget", "prompts"] {
        all.push(client.get(&format!("/v1/{one}")).await.body);
    }
    all
}
