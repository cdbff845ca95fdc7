//! The field contract of an execution's record.

use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn every_field_of_the_contract_is_there_and_true(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 Write\n  use: file.write {\"path\": \"out/a.txt\", \"content\": \"hello\"}\n\
                - [ ] T002 Read (depends on T001)\n  use: file.read {\"path\": \"{T001.path}\"}\n\
                - [ ] T003 Break (depends on T001)\n  use: file.read {\"path\": \"nowhere.txt\"}\n";
    let goal = app.import(plan).await;
    app.drain().await;
    let records = app.experiences().await;
    assert_eq!(records.len(), 3, "one per attempt, failed ones too");
    let write = serde_json::to_value(&records[0]).expect("json");
    let task = app.task(goal, "T001").await;
    let id = task.state.id.to_string();

    let top: Vec<&str> = keys(&write);
    assert_eq!(
        top,
        [
            "causes",
            "content",
            "created_at",
            "id",
            "meta",
            "parents",
            "provenance",
            "session_id",
            "ts",
            "type"
        ]
    );
    assert_eq!(write["type"], "TASK_EXECUTION");
    assert!(write["id"].as_str().expect("text").starts_with(&format!("task_exec_{id}_")));
    assert!(write["session_id"].as_str().expect("text").starts_with(&format!("task:{id}:")));
    assert_eq!(write["provenance"], json!({"actor": "AGENT", "method": "SCHEDULED_TASK", "sources": []}));
    assert_eq!(write["meta"]["scrubbed"], true);
    assert_eq!(write["causes"], json!([goal.to_string()]));
    assert_eq!(write["parents"], json!([]));

    let structured = &write["content"]["structured"];
    for field in [
        "schema_version",
        "task_id",
        "task_slug",
        "task_name",
        "task_type",
        "scheduled_vs_manual",
        "status",
        "started_at_iso",
        "ended_at_iso",
        "started_at_ts",
        "ended_at_ts",
        "duration_ms",
        "trace_id",
        "span_id",
        "attempt",
        "retry_of",
        "idempotency_key",
        "task_config_digest",
        "retrieval",
        "io",
        "embedding_skipped",
        "provenance_runner",
        "grants",
        "error",
    ] {
        assert!(structured.get(field).is_some(), "{field} is missing");
    }
    assert_eq!(structured["schema_version"], 1);
    assert_eq!(structured["task_id"], json!(id));
    assert_eq!(structured["status"], "success");
    assert_eq!(structured["retry_of"], Value::Null);
    assert_eq!(structured["error"], Value::Null);
    assert_eq!(structured["retrieval"]["memory_count"], 0);
    assert!(structured["retrieval"].get("query").is_none(), "without retrieval there is no query");
    assert_eq!(structured["io"]["files_written"], json!(["out/a.txt"]));
    assert_eq!(structured["embedding_skipped"], true);
    assert_eq!(keys(&structured["provenance_runner"]), ["host", "name", "pid", "version"]);
    assert_eq!(structured["grants"], json!({"scopes": [], "impersonation": false}));
    assert!(structured["task_config_digest"].as_str().expect("text").starts_with("sha256:"));
    for id in ["trace_id", "span_id"] {
        let id: Uuid = structured[id].as_str().expect("text").parse().expect("a UUID");
        assert_eq!(id.get_version_num(), 4);
    }
    // The same instant as text and as number.
    assert_eq!(write["created_at"], structured["started_at_iso"]);
    assert_eq!(write["ts"], structured["started_at_ts"]);

    // The ids of calls refer to rows, also of calls without an effect.
    for record in &records {
        let calls = record.content["structured"]["io"]["tool_calls"].as_array().expect("a list").clone();
        assert_eq!(calls.len(), 1);
        let known = app.db.number("SELECT COUNT(*) FROM tool_calls WHERE ended_at IS NOT NULL").await;
        assert_eq!(known, 3);
    }

    let find =
        |key: &str| records.iter().find(|r| r.content["structured"]["task_slug"] == key).expect("recorded");
    let read = find("read");
    assert_eq!(read.causes, [goal.to_string(), records[0].id.clone()], "the goal, and what made it possible");
    let broken = &find("break").content["structured"];
    assert_eq!(broken["status"], "failed");
    assert_eq!(broken["error"]["type"], "FileNotFound");
    assert_eq!(broken["error"]["stack_hash"].as_str().expect("text").len(), 16);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn appending_a_known_key_writes_nothing_and_gives_the_known_id(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.import("# P\n\n- [ ] T001 Tick\n  use: time.now\n").await;
    app.drain().await;
    let known = app.experiences().await.remove(0);
    let mut again = known.clone();
    again.id = "task_exec_other".to_owned();
    let mut fresh = known.clone();
    fresh.id = "task_exec_fresh".to_owned();
    fresh.content["structured"]["idempotency_key"] = json!("another key");
    let unit = app.ports.transactions.begin().await.expect("begins");
    let ids = unit.experiences().append(&[again, fresh]).await.expect("appends");
    unit.commit().await.expect("commits");
    assert_eq!(ids, [known.id, "task_exec_fresh".to_owned()]);
    assert_eq!(app.experiences().await.len(), 2);
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// The requests never leave: a private address that a template completes is refused when the call is made.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_request_is_recorded_with_its_effect_and_without_its_credentials(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 Choose\n  use: text.render {\"template\": \"GET\"}\n\
                - [ ] T002 [P] Ask\n  use: http.request {\"method\": \"{T001}\", \"url\": \"http://10.0.0.1/{T001}\", \
                \"headers\": {\"Authorization\": \"Bearer s3cret\"}}\n\
                - [ ] T003 [P] Fetch\n  use: http.request {\"method\": \"GET\", \"url\": \"http://10.0.0.1/{T001}\"}\n\
                - [ ] T004 [P] Pay\n  use: http.request {\"method\": \"POST\", \"url\": \"http://10.0.0.1/{T001}\"}\n";
    let goal = app.import(plan).await;
    let attempts = |key: &'static str| {
        let app = &app;
        async move { app.task(goal, key).await.state.max_attempts }
    };
    assert_eq!(attempts("T002").await, 1, "the method may become POST");
    assert_eq!((attempts("T003").await, attempts("T004").await), (3, 1));
    app.drain().await;
    let effects = app.db.texts("SELECT effect FROM tool_calls WHERE tool = 'http' ORDER BY effect").await;
    assert_eq!(effects, ["irreversible", "none", "none"]);
    let stored =
        app.db.texts("SELECT CAST(parameters AS TEXT) FROM tool_calls WHERE tool = 'http'").await.join(" ");
    assert!(stored.contains("[redacted]") && !stored.contains("s3cret"), "{stored}");
    let told = serde_json::to_string(&app.experiences().await).expect("json");
    assert!(told.contains("a private address") && !told.contains("s3cret"), "{told}");
}
