//! API keys: what they let in, and what stays out.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use goalwright_domain::canonical;
use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::client::{Answer, Client};

/// A key that was made.
struct Key {
    id: String,
    text: String,
}

impl Client {
    /// Ada makes a key.
    async fn key(&self, body: Value) -> Key {
        let made = self.post("/v1/api-keys", body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let field = |name: &str| made.body[name].as_str().expect("a text").to_owned();
        Key { id: field("id"), text: field("key") }
    }

    /// Somebody with a key asks.
    async fn by(&self, key: &Key, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.by_with(key, method, path, body, &[]).await
    }

    async fn by_with(
        &self,
        key: &Key,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let body = body.map(|body| ("application/json".to_owned(), body.to_string().into_bytes()));
        self.send_raw(Some(&format!("Bearer {}", key.text)), method, path, body, headers).await
    }

    async fn revoke(&self, key: &Key) -> Answer {
        self.send(Some("ada"), "DELETE", &format!("/v1/api-keys/{}", key.id), None).await
    }

    async fn events_of(&self, id: &str) -> Vec<Value> {
        self.app.sequence().await;
        let listed = self.get(&format!("/v1/events?entity_id={id}")).await.body;
        let mut events = listed["items"].as_array().expect("items").clone();
        events.reverse();
        events
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_key_is_shown_once_and_stored_nowhere(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let body = json!({"name": "ci", "expires_at": "2030-01-01T00:00:00Z"});
    let once = [("idempotency-key", "one")];
    let made = client.as_ada("POST", "/v1/api-keys", Some(&body), &once).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (id, text) = (made.body["id"].as_str().expect("id"), made.body["key"].as_str().expect("key"));
    assert!(text.starts_with("gw_"), "{text}");
    assert_eq!(made.body["scopes"], json!(["read", "write", "work"]));
    assert_eq!(made.header("location"), format!("/v1/api-keys/{id}"));

    let again = client.as_ada("POST", "/v1/api-keys", Some(&body), &once).await;
    again.is_problem(409, "shown_once");
    assert!(again.text.contains(id) && !again.text.contains(text), "{}", again.text);
    let other = client.as_ada("POST", "/v1/api-keys", Some(&json!({"name": "other"})), &once).await;
    other.is_problem(422, "idempotency_key_reused");
    let listed = client.get("/v1/api-keys").await;
    assert_eq!(listed.body["items"].as_array().map(Vec::len), Some(1));
    let shown = client.get(&format!("/v1/api-keys/{id}")).await;
    assert_eq!(shown.body, listed.body["items"][0]);
    assert_eq!(shown.header("etag"), made.header("etag"));
    assert_eq!(shown.body["name"], "ci");
    let key = Key { id: id.to_owned(), text: text.to_owned() };
    assert_eq!(client.by(&key, "GET", "/v1/goals", None).await.status, 200);

    let told = client.events_of(id).await;
    assert_eq!(told[0]["event_type"], "api_key.created");
    assert_eq!(told[0]["changes"]["name"]["to"], "ci");
    let secret = &text[36..];
    let stored = everything(&client, backend).await;
    assert!(stored.contains("api_key.created"), "what is stored is looked at");
    for answer in [&again.text, &listed.text, &shown.text, &json!(told).to_string(), &stored] {
        assert!(!answer.contains(secret), "the key is nowhere");
    }
}

/// All that the database has, as one text.
async fn everything(client: &Client, backend: Backend) -> String {
    let mut all = String::new();
    match backend {
        Backend::Sqlite => {
            let mut folders = vec![client.app.db.folder().to_path_buf()];
            while let Some(folder) = folders.pop() {
                for entry in std::fs::read_dir(folder).expect("a folder") {
                    let path = entry.expect("an entry").path();
                    if path.is_dir() {
                        folders.push(path);
                    } else {
                        all.push_str(&String::from_utf8_lossy(&std::fs::read(path).expect("a file")));
                    }
                }
            }
        }
        Backend::Postgres => {
            let tables = "SELECT CAST(table_name AS TEXT) FROM information_schema.tables \
                          WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'";
            for table in client.app.db.texts(tables).await {
                let rows = format!("SELECT CAST(t AS TEXT) FROM {table} AS t");
                all.push_str(&client.app.db.texts(&rows).await.join("\n"));
            }
        }
    }
    all
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_key_is_good_until_it_expires_or_is_revoked(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let key = client.key(json!({"name": "short", "expires_at": "2026-01-01T13:00:00Z"})).await;
    let last_used =
        async || client.get(&format!("/v1/api-keys/{}", key.id)).await.body["last_used_at"].clone();
    assert_eq!(last_used().await, Value::Null);
    for (seconds, noted) in [(0, "12:00:00"), (59, "12:00:00"), (1, "12:01:00"), (3_539, "12:59:59")] {
        client.app.clock.advance(Duration::from_secs(seconds));
        assert_eq!(client.by(&key, "GET", "/v1/goals", None).await.status, 200, "{noted}");
        assert_eq!(last_used().await, format!("2026-01-01T{noted}.000000Z"));
    }
    client.app.clock.advance(Duration::from_secs(1));
    let expired = client.by(&key, "GET", "/v1/goals", None).await;
    expired.is_problem(401, "unauthenticated");
    assert!(expired.body["detail"].as_str().expect("text").contains("has expired"));
    assert!(expired.header("www-authenticate").starts_with("Bearer"));

    let key = client.key(json!({"name": "long"})).await;
    assert_eq!(client.by(&key, "GET", "/v1/goals", None).await.status, 200);
    for _ in 0..2 {
        assert_eq!(client.revoke(&key).await.status, 204, "revoking again is no mistake");
    }
    let revoked = client.by(&key, "GET", "/v1/goals", None).await;
    revoked.is_problem(401, "unauthenticated");
    assert!(revoked.body["detail"].as_str().expect("text").contains("is revoked"));
    let kept = client.get(&format!("/v1/api-keys/{}", key.id)).await.body;
    assert_eq!((&kept["revision"], kept["revoked_at"].is_string()), (&json!(2), true));
    let told: Vec<_> = client.events_of(&key.id).await;
    let types: Vec<_> = told.iter().map(|event| event["event_type"].as_str().expect("type")).collect();
    assert_eq!(types, ["api_key.created", "api_key.revoked"], "uses are no events");

    for body in [
        json!({"name": " "}),
        json!({"name": "x", "scopes": []}),
        json!({"name": "x", "scopes": ["everything"]}),
        json!({"name": "x", "expires_at": "2026-01-01T13:00:00Z"}),
        json!({"name": "x", "key": "gw_mine"}),
    ] {
        client.post("/v1/api-keys", body).await.is_problem(422, "invalid_input");
    }
    let nobody = json!({"name": "x", "agent_id": key.id});
    client.post("/v1/api-keys", nobody).await.is_problem(404, "not_found");
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logged {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_never_repeated() {
    let logged = Logged::default();
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(logged.clone());
    let guard = tracing::subscriber::set_default(log.finish());
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let (key, other) = (client.key(json!({"name": "a"})).await, client.key(json!({"name": "b"})).await);
    assert_eq!(client.by(&key, "GET", "/v1/goals", None).await.status, 200);
    // The id of one key with the secret of another one; the checksum is right.
    let forged = format!("{}{}", &key.text[..36], &other.text[36..100]);
    let forged = format!("{forged}{}", &canonical::sha256_hex(forged.as_bytes())[..8]);
    for text in [
        forged,
        key.text[..key.text.len() - 1].to_owned(),
        key.text.to_uppercase(),
        format!("{}0", key.text),
        "gw_".to_owned(),
        format!("gw_{}", "0".repeat(105)),
        format!("gw_{}", "x".repeat(20_000)),
        key.text.replacen("gw_", "gx_", 1),
    ] {
        let wrong = Key { id: String::new(), text };
        let answer = client.by(&wrong, "GET", "/v1/goals", None).await;
        answer.is_problem(401, "unauthenticated");
        assert!(wrong.text.len() < 10 || !answer.text.contains(&wrong.text), "{}", answer.text);
    }
    drop(guard);
    let logged =
        String::from_utf8_lossy(&logged.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
    assert!(logged.contains("authentication failed"), "failures are logged");
    for key in [&key, &other] {
        assert!(!logged.contains(&key.text[36..100]), "without the key");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn every_operation_refuses_a_key_without_its_scope(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let all = ["read", "write", "work", "admin"];
    let document: Value = serde_json::from_str(&goalwright_api::openapi_document()).expect("json");
    let mut asked = 0;
    for scope in all {
        let others: Vec<_> = all.into_iter().filter(|other| *other != scope).collect();
        let without = client.key(json!({"name": format!("not {scope}"), "scopes": others})).await;
        let only = client.key(json!({"name": scope, "scopes": [scope]})).await;
        for (path, operations) in document["paths"].as_object().expect("paths") {
            for (method, operation) in operations.as_object().expect("operations") {
                let secured = operation["security"][0].is_object();
                let needed = operation["x-scope"].as_str();
                assert_eq!(secured, needed.is_some(), "{method} {path} names its scope");
                if needed != Some(scope) {
                    continue;
                }
                let told = format!("the scope `{scope}`");
                assert!(operation["description"].as_str().expect("text").contains(&told), "{method} {path}");
                let path = path.replace("{id}", "019a4f3c-7d1e-7b42-9c55-3f2a8e6d1b70");
                let method = method.to_uppercase();
                let body = || matches!(method.as_str(), "POST" | "PUT" | "PATCH").then(|| json!({}));
                let refused = client.by(&without, &method, &path, body()).await;
                refused.is_problem(403, "forbidden");
                assert!(refused.body["detail"].as_str().expect("text").contains(&told), "{}", refused.text);
                let answered = client.by(&only, &method, &path, body()).await;
                assert!(!matches!(answered.status, 401 | 403), "{method} {path}: {}", answered.text);
                assert!(method == "GET" || scope != "read" || path.ends_with("preview"), "{method} {path}");
                asked += 1;
            }
        }
    }
    assert!(asked >= 50, "only {asked} operations");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_key_gives_no_more_than_it_has_and_stays_in_its_workspace(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let key = client.key(json!({"name": "admin", "scopes": ["read", "admin"]})).await;
    let usual = client.by(&key, "POST", "/v1/api-keys", Some(json!({"name": "more"}))).await;
    usual.is_problem(403, "forbidden");
    assert!(usual.text.contains("`write`, `work`"), "{}", usual.text);
    let fewer = json!({"name": "fewer", "scopes": ["read"]});
    let fewer = client.by(&key, "POST", "/v1/api-keys", Some(fewer)).await;
    assert_eq!(fewer.status, 201, "{}", fewer.text);
    let told = client.events_of(fewer.body["id"].as_str().expect("id")).await;
    assert_eq!(told[0]["actor"]["type"], "user");
    assert_eq!(told[0]["actor"]["id"], client.app.ada.principal.user_id.to_string());
    assert_eq!(told[0]["metadata"]["api_key_id"], json!(key.id));

    let eve = client.app.user("eve").await;
    let (hers, own) = (eve.workspace().to_string(), client.app.ada.workspace().to_string());
    for other in [hers.as_str(), "", "x", "019a4f3c-7d1e-7b42-9c55-3f2a8e6d1b70"] {
        let elsewhere = [("x-workspace-id", other)];
        client.by_with(&key, "GET", "/v1/goals", None, &elsewhere).await.is_problem(403, "forbidden");
    }
    let here = [("x-workspace-id", own.as_str())];
    assert_eq!(client.by_with(&key, "GET", "/v1/goals", None, &here).await.status, 200);
    // What one key was answered is not repeated to another one.
    let (one, two) = (client.key(json!({"name": "1"})).await, client.key(json!({"name": "2"})).await);
    let (goal, header) = (json!({"title": "G"}), [("idempotency-key", "k")]);
    let first = client.by_with(&one, "POST", "/v1/goals", Some(goal.clone()), &header).await;
    let again = client.by_with(&one, "POST", "/v1/goals", Some(goal.clone()), &header).await;
    assert_eq!((again.header("idempotency-replayed"), &again.text), ("true", &first.text));
    let other = client.by_with(&two, "POST", "/v1/goals", Some(goal), &header).await;
    assert_eq!((other.status, other.header("idempotency-replayed")), (201, ""));
    assert_ne!(other.body["id"], first.body["id"]);
    // Whoever is no member any more gets in by no key.
    client.app.db.execute("UPDATE workspace_members SET personal = (1 = 0)").await.expect("changed");
    client.app.db.execute("DELETE FROM workspace_members").await.expect("removed");
    client.by(&one, "GET", "/v1/goals", None).await.is_problem(401, "unauthenticated");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_key_of_an_agent_works_for_it_alone(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let mut agents = Vec::new();
    let mut tasks = Vec::new();
    for name in ["mine", "theirs"] {
        let agent = json!({"name": name, "kind": "external", "capabilities": [name]});
        agents.push(client.post("/v1/agents", agent).await.body["id"].clone());
        let task = json!({"title": name, "task_type": name, "action": {"kind": "external"}});
        tasks.push(client.post("/v1/tasks", task).await.body["id"].as_str().expect("id").to_owned());
    }
    let wider = json!({"name": "w", "agent_id": agents[0], "scopes": ["read", "write"]});
    client.post("/v1/api-keys", wider).await.is_problem(422, "invalid_input");
    let key = client.key(json!({"name": "worker", "agent_id": agents[0]})).await;
    let theirs = client.key(json!({"name": "another", "agent_id": agents[1]})).await;
    let claim = async |key: &Key, agent: &Value| {
        client.by(key, "POST", "/v1/tasks/claim", Some(json!({"agent_id": agent}))).await
    };
    claim(&key, &agents[1]).await.is_problem(403, "forbidden");
    let claimed = claim(&key, &agents[0]).await;
    assert_eq!(claimed.body["items"][0]["task"]["id"], json!(tasks[0]), "{}", claimed.text);
    let lease = claimed.body["items"][0]["lease"]["token"].clone();
    let life = |agent: &Value| format!("/v1/agents/{}/heartbeat", agent.as_str().expect("id"));
    assert_eq!(client.by(&key, "POST", &life(&agents[0]), None).await.status, 200);
    client.by(&key, "POST", &life(&agents[1]), None).await.is_problem(403, "forbidden");

    let error = json!({"type": "X", "message": "y"});
    for (act, body) in [
        ("heartbeat", json!({"lease_token": lease})),
        ("release", json!({"lease_token": lease})),
        ("complete", json!({"lease_token": lease})),
        ("fail", json!({"lease_token": lease, "error": error})),
        ("complete", json!({"result": 1})),
        ("fail", json!({"error": error})),
    ] {
        let path = format!("/v1/tasks/{}/{act}", tasks[0]);
        client.by(&theirs, "POST", &path, Some(body)).await.is_problem(403, "forbidden");
    }
    let complete = format!("/v1/tasks/{}/complete", tasks[0]);
    client.by(&key, "POST", &complete, Some(json!({"result": 1}))).await.is_problem(403, "forbidden");
    let done = client.by(&key, "POST", &complete, Some(json!({"lease_token": lease, "result": 1}))).await;
    assert_eq!((done.status, &done.body["status"]), (200, &json!("completed")), "{}", done.text);
    let told = client.events_of(&tasks[0]).await;
    let last = told.iter().find(|event| event["event_type"] == "task.completed").expect("it is told");
    assert_eq!(last["actor"], json!({"type": "agent", "id": agents[0]}));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn once_revoked_a_key_lets_nobody_in_again(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    for round in 0..5 {
        let key = client.key(json!({"name": format!("round {round}")})).await;
        let uses = futures::future::join_all((0..8).map(|_| client.by(&key, "GET", "/v1/goals", None)));
        let revokes = async {
            let answers = futures::future::join_all((0..4).map(|_| client.revoke(&key))).await;
            assert!(answers.iter().all(|answer| answer.status == 204), "{answers:?}");
            // From the answer on, it is over.
            client.by(&key, "GET", "/v1/goals", None).await.is_problem(401, "unauthenticated");
        };
        let (used, ()) = futures::future::join(uses, revokes).await;
        for answer in used.iter().filter(|answer| answer.status != 200) {
            answer.is_problem(401, "unauthenticated");
        }
        assert_eq!(client.events_of(&key.id).await.len(), 2, "it is revoked once");
    }
}

#[tokio::test]
async fn each_key_has_its_own_limit_of_requests() {
    let limit = |settings: &mut goalwright_api::ApiSettings| settings.rate_limit = NonZeroU32::new(5);
    let Some(client) = Client::start_with(Backend::Sqlite, limit).await else { return };
    let (one, two) = (client.key(json!({"name": "1"})).await, client.key(json!({"name": "2"})).await);
    let mut refused = Vec::new();
    for _ in 0..20 {
        let answer = client.by(&one, "GET", "/v1/goals", None).await;
        if answer.status != 200 {
            refused.push(answer);
        }
    }
    assert!(refused.len() >= 10, "{}", refused.len());
    refused[0].is_problem(429, "rate_limited");
    assert_eq!(client.by(&two, "GET", "/v1/goals", None).await.status, 200, "another key is another caller");
    assert_eq!(client.get("/v1/goals").await.status, 200, "and so is its user");
}
