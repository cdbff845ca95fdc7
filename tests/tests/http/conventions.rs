//! What holds for every operation: tags, keys, limits, headers.

use std::num::NonZeroU32;
use std::time::Duration;

use goalwright_testkit::Backend;
use poem::http::HeaderMap;
use rstest::rstest;
use serde_json::{Value, json};

use crate::client::{Answer, Client};

fn json_body(body: &Value) -> Option<(String, Vec<u8>)> {
    Some(("application/json".to_owned(), body.to_string().into_bytes()))
}

impl Client {
    pub(crate) async fn as_ada(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let token = format!("Bearer {}", self.app.token("ada"));
        self.send_raw(Some(&token), method, path, body.and_then(json_body), headers).await
    }

    async fn count(&self, table: &str) -> i64 {
        self.app.db.number(&format!("SELECT COUNT(*) FROM {table}")).await
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_same_request_twice_is_carried_out_once(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let agent = json!({"name": "robot", "kind": "external"});
    let plan = json!({"content": "# P\n\n- [ ] T001 A\n"});
    let goal =
        client.post("/v1/goals", json!({"title": "G"})).await.body["id"].as_str().expect("id").to_owned();
    let decompose = format!("/v1/goals/{goal}/decompose");
    let task = client.post("/v1/tasks", json!({"title": "T", "goal_id": goal})).await.body["id"].clone();
    let expand = format!("/v1/tasks/{}/expand", task.as_str().expect("an id"));
    for (path, body, table) in [
        ("/v1/goals", json!({"title": "Once"}), "goals"),
        ("/v1/goals/import", plan, "goals"),
        ("/v1/tasks", json!({"title": "Once"}), "tasks"),
        ("/v1/agents", agent, "agents"),
        (decompose.as_str(), json!({"planner": "outline", "outline": "- [ ] T001 A\n"}), "decompositions"),
        (expand.as_str(), json!({"outline": "- [ ] A\n"}), "decompositions"),
    ] {
        let key = [("idempotency-key", path)];
        let before = client.count(table).await;
        let first = client.as_ada("POST", path, Some(&body), &key).await;
        assert_eq!(first.status, 201, "{path}: {}", first.text);
        assert_eq!(first.header("idempotency-replayed"), "");
        let again = client.as_ada("POST", path, Some(&body), &key).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{path}");
        assert_eq!(again.header("idempotency-replayed"), "true");
        for header in ["etag", "location", "content-type"] {
            assert_eq!(again.header(header), first.header(header), "{path}: {header}");
        }
        assert_eq!(client.count(table).await, before + 1, "{path}");
        // The same JSON in other words is the same request; other JSON is another one.
        let spelled = format!(" {body} ");
        let token = format!("Bearer {}", client.app.token("ada"));
        let spelled = Some(("application/json".to_owned(), spelled.into_bytes()));
        let spelled = client.send_raw(Some(&token), "POST", path, spelled, &key).await;
        assert_eq!(spelled.header("idempotency-replayed"), "true");
        let other = client.as_ada("POST", path, Some(&json!({"title": "Other"})), &key).await;
        other.is_problem(422, "idempotency_key_reused");
        assert_eq!(other.body["errors"][0]["path"], "Idempotency-Key");
        assert_eq!(client.count(table).await, before + 1, "{path}");
    }
    // Somebody else's key is another key, also with the same text.
    let eve = format!("Bearer {}", client.app.token("eve"));
    let body = json_body(&json!({"title": "Hers"}));
    let hers =
        client.send_raw(Some(&eve), "POST", "/v1/goals", body, &[("idempotency-key", "/v1/goals")]).await;
    assert_eq!((hers.status, hers.header("idempotency-replayed")), (201, ""));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_key_holds_for_a_day_and_only_for_successes(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let key = [("idempotency-key", "a b~")];
    let bad = client.as_ada("POST", "/v1/goals", Some(&json!({"title": ""})), &key).await;
    bad.is_problem(422, "invalid_input");
    let body = json!({"title": "Now it is right"});
    let first = client.as_ada("POST", "/v1/goals", Some(&body), &key).await;
    assert_eq!(first.status, 201, "a failure is not kept: {}", first.text);
    client.app.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(client.as_ada("POST", "/v1/goals", Some(&body), &key).await.text, first.text);
    client.app.clock.advance(Duration::from_secs(2));
    let next_day = client.as_ada("POST", "/v1/goals", Some(&body), &key).await;
    assert_eq!((next_day.status, next_day.header("idempotency-replayed")), (201, ""));
    assert_ne!(next_day.body["id"], first.body["id"]);
    // A preview makes nothing, so there is nothing to remember.
    let preview = json!({"content": "- [ ] T001 A\n", "dry_run": true});
    for _ in 0..2 {
        let shown =
            client.as_ada("POST", "/v1/goals/import", Some(&preview), &[("idempotency-key", "p")]).await;
        assert_eq!((shown.status, shown.header("idempotency-replayed")), (200, ""));
    }
    let long = "k".repeat(256);
    for wrong in ["", "tab\there", long.as_str()] {
        let answer = client.as_ada("POST", "/v1/goals", Some(&body), &[("idempotency-key", wrong)]).await;
        answer.is_problem(422, "invalid_input");
        assert_eq!(answer.body["errors"][0]["path"], "Idempotency-Key");
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    client.as_ada("POST", "/v1/goals", Some(&body), &twice).await.is_problem(422, "invalid_input");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_many_at_once_with_one_key_one_is_carried_out(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let body = json!({"title": "Once"});
    let asked = (0..8).map(|_| client.as_ada("POST", "/v1/goals", Some(&body), &[("idempotency-key", "k")]));
    let answers = futures::future::join_all(asked).await;
    assert_eq!(client.count("goals").await, 1);
    let made: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(made.iter().all(|answer| answer.text == made[0].text));
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.is_problem(409, "idempotency_in_progress");
    }
    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer.status == 201 && answer.header("idempotency-replayed").is_empty())
            .count(),
        1
    );
}

/// The process ended between carrying out a request and keeping its answer.
#[tokio::test]
async fn what_was_carried_out_and_never_answered_is_not_carried_out_again() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let (body, key) = (json!({"title": "Once"}), [("idempotency-key", "k")]);
    let first = client.as_ada("POST", "/v1/goals", Some(&body), &key).await;
    client
        .app
        .db
        .execute("UPDATE idempotency_keys SET status = NULL, headers = NULL, body = NULL")
        .await
        .expect("plain SQL");
    let again = client.as_ada("POST", "/v1/goals", Some(&body), &key).await;
    again.is_problem(409, "idempotency_in_progress");
    let made = first.body["id"].as_str().expect("an id");
    assert!(again.body["detail"].as_str().expect("words").contains(made), "{}", again.text);
    assert_eq!(client.count("goals").await, 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_change_is_made_only_to_what_was_seen(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    let goal = client.post("/v1/goals", json!({"title": "G", "due_at": "2030-01-01T00:00:00Z"})).await;
    let other = client.post("/v1/goals", json!({"title": "Other"})).await;
    let path = goal.header("location").to_owned();
    let seen = goal.header("etag").to_owned();
    assert_eq!(client.get(&path).await.header("etag"), seen);
    let patch =
        async |body: Value, tag: &str| client.as_ada("PATCH", &path, Some(&body), &[("if-match", tag)]).await;

    let changed =
        patch(json!({"title": " New ", "description": "D", "success_criteria": ["C"]}), &seen).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!((&changed.body["title"], &changed.body["description"]), (&json!("New"), &json!("D")));
    assert_eq!(changed.body["due_at"], goal.body["due_at"], "what is left out stays");
    let events = client.count("events").await;
    patch(json!({"title": "Mine"}), &seen).await.is_problem(412, "precondition_failed");
    patch(json!({"title": "Mine"}), other.header("etag")).await.is_problem(412, "precondition_failed");
    patch(json!({"title": "Mine"}), "W/\"x\", nonsense").await.is_problem(412, "precondition_failed");
    patch(json!({"title": null}), "*").await.is_problem(422, "invalid_input");
    patch(json!({"titel": "x"}), "*").await.is_problem(422, "invalid_input");
    let same = patch(json!({"title": "New"}), "*").await;
    assert_eq!((same.status, same.header("etag")), (200, changed.header("etag")), "nothing changed");
    assert_eq!(client.count("events").await, events, "and nothing was told");

    let both = format!("{seen}, {}", changed.header("etag"));
    let cleared = patch(json!({"due_at": null, "description": null}), &both).await;
    assert_eq!(
        (cleared.status, &cleared.body["due_at"], &cleared.body["description"]),
        (200, &Value::Null, &json!(""))
    );
    client.app.sequence().await;
    let told = client.get("/v1/events?event_type=goal.updated").await;
    let changes = &told.body["items"][0]["changes"];
    assert_eq!(changes["description"], json!({"from": "D", "to": ""}));
    assert!(changes["due_at"]["to"].is_null() && changes.get("title").is_none());
    let missing = "/v1/goals/00000000-0000-7000-8000-000000000000";
    client
        .as_ada("PATCH", missing, Some(&json!({})), &[("if-match", &seen)])
        .await
        .is_problem(404, "not_found");
}

#[tokio::test]
async fn whoever_has_the_present_state_gets_no_body() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let goal = client.post("/v1/goals", json!({"title": "G"})).await;
    let (path, tag) = (goal.header("location").to_owned(), goal.header("etag").to_owned());
    let weak = format!("\"other\", W/{tag}");
    for known in [tag.as_str(), weak.as_str(), "*"] {
        let answer = client.as_ada("GET", &path, None, &[("if-none-match", known)]).await;
        assert_eq!(
            (answer.status, answer.text.as_str(), answer.header("etag")),
            (304, "", tag.as_str()),
            "{known}"
        );
    }
    assert_eq!(client.as_ada("GET", &path, None, &[("if-none-match", "\"old\"")]).await.status, 200);
}

#[tokio::test]
async fn what_is_too_large_or_misspelled_is_told() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let huge = "x".repeat(64 * 1024);
    client
        .as_ada("GET", "/v1/goals", None, &[("x-anything", &huge)])
        .await
        .is_problem(431, "headers_too_large");
    client
        .as_ada("GET", &format!("/v1/tasks?slug={}", "x".repeat(9000)), None, &[])
        .await
        .is_problem(414, "uri_too_long");
    let answer = client.get("/v1/goals?staus=active").await;
    answer.is_problem(422, "invalid_input");
    assert_eq!(answer.body["errors"][0]["code"], "unknown_parameter");
    assert!(answer.body["errors"][0]["message"].as_str().expect("words").contains("status"));
    client.get("/v1/goals?limit=1&limit=2").await.is_problem(422, "invalid_input");
    let broken = client
        .as_ada("POST", "/v1/goals/import", Some(&json!({"content": "\u{89}PNG\r\n\u{1a}\n\u{0}IHDR"})), &[])
        .await;
    broken.is_problem(422, "invalid_input");
    assert!(
        broken.body["errors"][0]["message"].as_str().expect("words").contains("binary"),
        "{}",
        broken.text
    );
}

#[tokio::test]
async fn an_answer_can_be_found_again_by_its_ids() {
    let Some(client) = Client::start(Backend::Sqlite).await else { return };
    let answer = client.as_ada("GET", "/v1/goals", None, &[("x-request-id", "job-7/a")]).await;
    assert_eq!(answer.header("x-request-id"), "job-7/a");
    let trace = answer.header("traceparent").split('-').nth(1).expect("a trace").to_owned();
    assert_eq!(trace.len(), 32);
    let own = client.as_ada("GET", "/v1/goals", None, &[("x-request-id", "no\"good")]).await;
    assert_eq!(own.header("x-request-id").len(), 32);
    assert!(own.header("traceparent").contains(own.header("x-request-id")));
}

#[tokio::test]
async fn one_user_cannot_ask_for_everything_at_once() {
    let Some(client) =
        Client::start_with(Backend::Sqlite, |settings| settings.rate_limit = NonZeroU32::new(5)).await
    else {
        return;
    };
    let mut refused = Vec::new();
    for _ in 0..20 {
        let answer = client.get("/v1/goals").await;
        if answer.status != 200 {
            refused.push(answer);
        }
    }
    assert!(refused.len() >= 10, "{}", refused.len());
    refused[0].is_problem(429, "rate_limited");
    assert_eq!(refused[0].header("retry-after"), "1");
    assert_eq!(
        client.send(Some("eve"), "GET", "/v1/goals", None).await.status,
        200,
        "another user is not held up"
    );
}

#[tokio::test]
async fn pages_of_listed_origins_may_call_and_others_may_not() {
    let origins = |settings: &mut goalwright_api::ApiSettings| {
        settings.cors_origins = vec!["https://app.example".into()]
    };
    let Some(client) = Client::start_with(Backend::Sqlite, origins).await else { return };
    let asks = [("origin", "https://app.example"), ("access-control-request-method", "PATCH")];
    let may = client.send_raw(None, "OPTIONS", "/v1/goals/x", None, &asks).await;
    assert_eq!((may.status, may.header("access-control-allow-origin")), (204, "https://app.example"));
    assert!(may.header("access-control-allow-methods").contains("PATCH"));
    assert!(may.header("access-control-allow-headers").contains("idempotency-key"));
    let answer = client.as_ada("GET", "/v1/goals", None, &[("origin", "https://app.example")]).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, "https://app.example"));
    assert!(
        answer.header("access-control-expose-headers").contains("etag")
            && answer.header("vary").contains("origin")
    );
    let refusal = client.send_raw(None, "GET", "/v1/goals", None, &[("origin", "https://app.example")]).await;
    assert_eq!((refusal.status, refusal.header("access-control-allow-origin")), (401, "https://app.example"));

    let foreign = [("origin", "https://evil.example"), ("access-control-request-method", "PATCH")];
    let asked = client.send_raw(None, "OPTIONS", "/v1/goals/x", None, &foreign).await;
    asked.is_problem(405, "method_not_allowed");
    let answer = client.as_ada("GET", "/v1/goals", None, &foreign[..1]).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, ""));
    let plain = |headers: &HeaderMap| headers.keys().any(|name| name.as_str().starts_with("access-control"));
    assert!(!plain(&answer.headers) && !plain(&asked.headers));
}
