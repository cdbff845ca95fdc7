//! What the document says about bodies is true: its examples work, its bounds hold, its links lead somewhere.

use goalwright_testkit::Backend;
use serde_json::{Value, json};

use crate::client::{Answer, Client};

/// An operation with a body.
struct Reads {
    method: String,
    path: String,
    example: Value,
    schema: Value,
}

fn document() -> Value {
    serde_json::from_str(&goalwright_api::openapi_document()).expect("JSON")
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).expect("it is there"),
        None => schema,
    }
}

/// Those that make something without an id come first.
fn readers() -> Vec<Reads> {
    let document = document();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let content = &operation["requestBody"]["content"]["application/json"];
            if content.is_null() {
                continue;
            }
            all.push(Reads {
                method: method.to_uppercase(),
                path: path.clone(),
                example: content["example"].clone(),
                schema: resolved(&document, &content["schema"]).clone(),
            });
        }
    }
    all.sort_by_key(|one| (one.path.contains('{'), one.path.contains("run")));
    all
}

impl Client {
    /// An agent whose work is done outside.
    async fn printer(&self) -> Value {
        let count = self.app.db.number("SELECT COUNT(*) FROM agents").await;
        let agent = json!({"name": format!("printer {count}"), "kind": "external", "capabilities": [format!("p{count}")]});
        self.post("/v1/agents", agent).await.body["id"].clone()
    }

    /// A task that is where an operation needs it to be: held, if it takes the token of a lease; waiting, if a person
    /// decides.
    async fn task_for(&self, reads: &Reads, body: &mut Value) -> Value {
        if body.get("lease_token").is_some_and(|token| !token.is_null()) {
            let agent = self.printer().await;
            let kind = self.get(&format!("/v1/agents/{}", agent.as_str().expect("an id"))).await;
            let task = json!({
                "title": "One", "action": {"kind": "external"}, "task_type": kind.body["capabilities"][0],
            });
            let task = self.post("/v1/tasks", task).await.body;
            let claimed = self.post("/v1/tasks/claim", json!({"agent_id": agent})).await;
            body["lease_token"] = claimed.body["items"][0]["lease"]["token"].clone();
            assert!(body["lease_token"].is_string(), "{}", claimed.text);
            return task;
        }
        let mut task = json!({"title": "One"});
        if reads.path.ends_with("expand") {
            task["goal_id"] = self.post("/v1/goals", json!({"title": "One"})).await.body["id"].clone();
        }
        let task = self.post("/v1/tasks", task).await.body;
        let path = format!("/v1/tasks/{}", task["id"].as_str().unwrap_or_default());
        if ["approve", "answer", "retry"].iter().any(|act| reads.path.ends_with(act)) {
            self.app.drain().await;
        }
        if reads.path.ends_with("retry") {
            self.post(&format!("{path}/approve"), json!({"approved": false})).await;
        }
        task
    }

    /// A plan that was shown, and its hash where an operation wants it.
    async fn proposal(&self, body: &mut Value) -> Value {
        let goal = self.post("/v1/goals", json!({"title": "One"})).await.body;
        let path = format!("/v1/goals/{}/decompose", goal["id"].as_str().unwrap_or_default());
        let shown = self.post(&path, json!({"outline": "- [ ] T001 One\n", "dry_run": true})).await.body;
        if body["plan_hash"].as_str().is_some_and(|hash| hash.starts_with("sha256:")) {
            body["plan_hash"] = shown["plan_hash"].clone();
        }
        json!({"id": shown["decomposition_id"]})
    }

    /// Calls an operation, with something new where its path has an id.
    async fn call(&self, reads: &Reads, body: &Value) -> Answer {
        let mut body = body.clone();
        // Ids in examples stand for ids of something that there is.
        if body["agent_id"].is_string() {
            body["agent_id"] = match reads.path.as_str() {
                "/v1/tasks/claim" => self.printer().await,
                _ => self.get("/v1/agents").await.body["items"][0]["id"].clone(),
            };
        }
        if body["depends_on"][0].is_string() {
            body["depends_on"][0] = self.post("/v1/tasks", json!({"title": "One"})).await.body["id"].clone();
        }
        let noun = reads.path.split('/').nth(2).unwrap_or_default();
        let made = match noun {
            _ if !reads.path.contains('{') => Value::Null,
            "goals" => self.post("/v1/goals", json!({"title": "One"})).await.body,
            "tasks" => self.task_for(reads, &mut body).await,
            "agents" => {
                let count = self.app.db.number("SELECT COUNT(*) FROM agents").await;
                self.post("/v1/agents", json!({"name": format!("a{count}"), "kind": "external"})).await.body
            }
            "decompositions" => self.proposal(&mut body).await,
            "workspaces" => json!({"id": self.app.ada.workspace()}),
            other => panic!("teach this test to make one of `{other}`"),
        };
        let path = reads.path.replace("{id}", made["id"].as_str().unwrap_or_default());
        self.send(Some("ada"), &reads.method, &path, Some(&body)).await
    }
}

#[tokio::test]
async fn every_body_has_an_example_that_works() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    for reads in readers() {
        let name = format!("{} {}", reads.method, reads.path);
        assert!(reads.example.is_object(), "{name} has no example");
        let answer = client.call(&reads, &reads.example).await;
        assert!((200..300).contains(&answer.status), "{name}: {}", answer.text);
    }
}

#[tokio::test]
async fn every_bound_is_kept_and_none_is_tighter_than_the_domain() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let mut checked = 0;
    for reads in readers() {
        for (field, schema) in reads.schema["properties"].as_object().into_iter().flatten() {
            // Whoever leaves `wait` open waits for a worker, and here is none; nor is there anything to claim. Which planner needs an `outline`, a schema
            // cannot say.
            let values = at_the_bounds(schema)
                .into_iter()
                .filter(|_| !matches!(field.as_str(), "wait" | "wait_ms" | "outline"));
            for (value, fits) in values {
                let mut body = reads.example.clone();
                body[field] = value;
                let answer = client.call(&reads, &body).await;
                // Parents within bounds may still be unknown.
                let about_it = answer.body["errors"].as_array().is_some_and(|errors| {
                    errors.iter().any(|one| {
                        one["path"].as_str().unwrap_or_default().starts_with(field)
                            && one["code"] != "unknown_experience"
                    })
                });
                let refused = answer.status == 422 && about_it;
                let shown: String = body.to_string().chars().take(300).collect();
                assert_eq!(!refused, fits, "{} {field}: {shown}\n{}", reads.path, answer.text);
                checked += 1;
            }
        }
    }
    assert!(checked > 40, "only {checked} values");
}

/// Values at the bounds of a field, and whether they are within.
fn at_the_bounds(schema: &Value) -> Vec<(Value, bool)> {
    let mut values = Vec::new();
    if let Some(most) = schema["maxLength"].as_u64() {
        values.push((json!("ä".repeat(most as usize)), true));
        values.push((json!("ä".repeat(most as usize + 1)), false));
    }
    if schema["minLength"] == 1 {
        values.push((json!(""), false));
    }
    if schema["pattern"] == r"\S" {
        values.push((json!(" \t"), false));
    }
    if let Some(least) = schema["minimum"].as_i64() {
        values.push((json!(least), true));
        values.push((json!(least - 1), false));
    }
    if let Some(most) = schema["maximum"].as_i64() {
        values.push((json!(most), true));
        values.push((json!(most + 1), false));
    }
    if let Some(most) = schema["maxItems"].as_u64().filter(|_| schema["items"]["format"] != "uuid") {
        values.push((json!(vec!["a"; most as usize]), true));
        values.push((json!(vec!["a"; most as usize + 1]), false));
    }
    for (item, fits) in schema.get("items").map(at_the_bounds).unwrap_or_default() {
        values.push((json!([item]), fits));
    }
    let or_null = schema["oneOf"].as_array().is_some_and(|all| all.iter().any(|one| one["nullable"] == true));
    if schema["nullable"] == true || or_null {
        values.push((Value::Null, true));
    } else if schema["type"] == "string" {
        values.push((Value::Null, false));
    }
    values
}

#[tokio::test]
async fn every_link_leads_from_what_was_made_to_an_operation() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let document = document();
    let mut followed = 0;
    for reads in readers().into_iter().filter(|reads| reads.method == "POST") {
        let created = &document["paths"][&reads.path]["post"]["responses"]["201"];
        let links: Vec<(&String, &Value)> = created["links"].as_object().into_iter().flatten().collect();
        if links.is_empty() {
            continue;
        }
        let answer = client.call(&reads, &reads.example).await;
        for (name, link) in links {
            let expression = link["parameters"]["id"].as_str().expect("an expression");
            let pointer = expression.strip_prefix("$response.body#").expect("a pointer");
            let id = answer.body.pointer(pointer).and_then(Value::as_str).expect("an id");
            let path = path_of(&document, link["operationId"].as_str().expect("an operation"));
            // Read without its body: whatever can be done to the thing, it is there.
            let thing: String = path.split_inclusive('/').take(4).collect::<String>().replace("{id}", id);
            let found = client.get(thing.trim_end_matches('/')).await;
            assert_eq!(found.status, 200, "{name}: {}", found.text);
            followed += 1;
        }
    }
    assert!(followed >= 8, "only {followed} links");
}

fn path_of(document: &Value, operation: &str) -> String {
    let mut paths = document["paths"].as_object().expect("paths").iter();
    let found = paths.find(|(_, methods)| {
        methods.as_object().expect("methods").values().any(|one| one["operationId"] == operation)
    });
    found.map(|(path, _)| path.clone()).expect("an operation of the document")
}

#[tokio::test]
async fn a_parameter_that_nothing_has_is_refused_everywhere_as_documented() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let document = document();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let answer = client.send(Some("ada"), &method.to_uppercase(), &format!("{path}?x=1"), None).await;
            answer.is_problem(422, "invalid_input");
            assert!(operation["responses"]["422"].is_object(), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_named_beside_the_path_and_not_there_is_404_as_documented() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let next = "/v1/tasks/next?goal_id=019a4f3c-7d1e-7b42-9c55-3f2a8e6d1b70";
    client.get(next).await.is_problem(404, "not_found");
    let responses = |path: &str| document()["paths"][path]["get"]["responses"].clone();
    assert!(responses("/v1/tasks/next")["404"].is_object());
    assert!(responses("/v1/tasks").get("404").is_none(), "a list of nothing is empty");
    for path in ["/v1/tasks/run", "/api/tasks/run"] {
        client.post(path, json!({"task_id": "nowhere", "mode": "manual"})).await.is_problem(404, "not_found");
        assert!(document()["paths"][path]["post"]["responses"]["404"].is_object(), "{path}");
    }
}

#[tokio::test]
async fn a_body_that_may_be_left_out_may_be_left_out() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let document = document();
    let id = client.post("/v1/tasks", json!({"title": "One"})).await.body["id"].clone();
    let skip = "/v1/tasks/{id}/skip";
    assert_eq!(document["paths"][skip]["post"]["requestBody"]["required"], false);
    assert_eq!(document["paths"]["/v1/goals"]["post"]["requestBody"]["required"], true);
    let path = skip.replace("{id}", id.as_str().expect("an id"));
    let answer = client.send(Some("ada"), "POST", &path, None).await;
    assert_eq!((answer.status, answer.body["status"].as_str()), (200, Some("skipped")), "{}", answer.text);
}
