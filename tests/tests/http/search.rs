//! Tasks by their words.

use goalwright_testkit::Backend;
use rstest::rstest;
use serde_json::{Value, json};

use crate::client::Client;

fn titles(body: &Value) -> Vec<&str> {
    body["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|task| task["title"].as_str().expect("a title"))
        .collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn tasks_are_found_by_their_words(#[case] backend: Backend) {
    let Some(client) = Client::start(backend).await else { return };
    for (title, description, key) in [
        ("Clean the lantern room", "Mind the lens.", "T001"),
        ("Ölstand prüfen", "Am Generator, every week", "T002"),
        ("Order a new lens", "From the glass works", "T003"),
        ("灯台 の レンズ を 磨く", "", "T004"),
        ("Count %_\"' OR 1=1 --", "quotes and signs", "T005"),
    ] {
        let body = json!({"title": title, "description": description, "key": key});
        assert_eq!(client.post("/v1/tasks", body).await.status, 201);
    }
    let eve = client.send(Some("eve"), "POST", "/v1/tasks", Some(&json!({"title": "Another lens"}))).await;
    assert_eq!(eve.status, 201);
    for (q, found) in [
        ("lens", vec!["Order a new lens", "Clean the lantern room"]),
        ("LENS", vec!["Order a new lens", "Clean the lantern room"]),
        ("lens%20room", vec!["Clean the lantern room"]),
        ("lant", vec!["Clean the lantern room"]),
        ("ant", vec![]),
        ("%C3%B6lstand", vec!["Ölstand prüfen"]),
        ("%E7%81%AF%E5%8F%B0", vec!["灯台 の レンズ を 磨く"]),
        ("t003", vec!["Order a new lens"]),
        ("1=1%22%27", vec!["Count %_\"' OR 1=1 --"]),
        ("lens%20works%20nothing", vec![]),
    ] {
        let answer = client.get(&format!("/v1/tasks?q={q}")).await;
        assert_eq!(answer.status, 200, "{q}: {}", answer.text);
        assert_eq!(titles(&answer.body), found, "{q}");
    }
    let first = client.get("/v1/tasks?q=lens&limit=1").await.body;
    let cursor = first["next_cursor"].as_str().expect("another page");
    let second = client.get(&format!("/v1/tasks?q=lens&limit=1&cursor={cursor}")).await.body;
    assert_eq!((titles(&first), titles(&second)), (vec!["Order a new lens"], vec!["Clean the lantern room"]));
    assert!(second["next_cursor"].is_null());
    let done = client.get("/v1/tasks?q=lens&status=completed").await.body;
    assert!(titles(&done).is_empty(), "filters are combined");
    for q in ["", "%20--%20", &"x".repeat(300)] {
        let answer = client.get(&format!("/v1/tasks?q={q}")).await;
        answer.is_problem(422, "invalid_input");
        assert_eq!(answer.body["errors"][0]["path"], "q");
    }
}
