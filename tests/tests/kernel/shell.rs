//! What commands do is recorded, and what nobody knows the end of is not repeated without a person.

use std::time::Duration;

use goalwright_domain::execution::WaitKind;
use goalwright_domain::goal::GoalId;
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp, until};
use rstest::rstest;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A plan of commands that do not wait for each other.
fn plan(commands: &[Value]) -> String {
    let tasks = commands.iter().enumerate().map(|(index, parameters)| {
        format!("- [ ] T00{} [P] Run {index}\n  use: shell.run {parameters}\n", index + 1)
    });
    format!("# P\n\n{}", tasks.collect::<String>())
}

async fn io(app: &TestApp) -> Vec<Value> {
    app.experiences().await.iter().map(|one| one.content["structured"]["io"].clone()).collect()
}

/// Works off what can be, over every delay.
async fn work_off(app: &TestApp) {
    for _ in 0..5 {
        app.drain().await;
        app.clock.advance(Duration::from_secs(3600));
    }
}

async fn is_waiting_for_a_decision(app: &TestApp, goal: GoalId, key: &str) {
    let task = app.task(goal, key).await.state;
    assert_eq!(task.status, TaskStatus::Waiting, "{key}");
    let waiting = task.waiting.expect("why");
    assert_eq!(waiting.kind, WaitKind::Decision);
    assert!(waiting.message.contains("unknown"), "{}", waiting.message);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_a_command_did_is_recorded_without_secrets(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    std::fs::write(app.sandbox().join("old.txt"), "old").expect("a file");
    let command = "echo $API_TOKEN; echo made > new.txt; rm old.txt; head -c 100000 /dev/zero | tr '\\0' x";
    let goal = app
        .import(&plan(&[
            json!({"command": command, "env": {"API_TOKEN": "s3cret-1"}, "effect": "reversible"}),
        ]))
        .await;
    app.drain().await;
    let task = app.task(goal, "T001").await.state;
    let result = task.result.expect("a result");
    assert_eq!((&result["exit_code"], &result["files_written"]), (&json!(0), &json!(["new.txt"])));
    assert_eq!(result["files_deleted"], json!(["old.txt"]));

    let io = io(&app).await.remove(0);
    assert_eq!(io["files_written"], json!(["new.txt"]));
    let script = io["script_runs"][0].as_str().expect("an id").to_owned();
    assert_eq!(
        app.db.number("SELECT COUNT(*) FROM script_runs WHERE status = 'succeeded' AND exit_code = 0").await,
        1
    );
    let kept = "SELECT COUNT(*) FROM script_runs WHERE stdout_artifact_id IS NOT NULL";
    assert_eq!((app.db.number(kept).await, script.is_empty()), (1, false));
    let artifact = io["artifact_ids"].as_array().expect("artifacts").iter();
    let mut whole = 0;
    for id in artifact {
        let id = id.as_str().expect("an id").parse().expect("a UUID");
        let (_, bytes) = app.services.artifacts.read(&app.ada, id).await.expect("is there");
        let text = String::from_utf8(bytes).expect("text");
        assert!(!text.contains("s3cret"), "scrubbed");
        whole += usize::from(text.contains(&"x".repeat(100_000)));
    }
    assert!(whole > 0, "all of the output is kept");
    for sql in [
        "SELECT stdout FROM script_runs",
        "SELECT CAST(parameters AS TEXT) FROM tool_calls",
        "SELECT CAST(result AS TEXT) FROM tool_calls",
    ] {
        let text = app.db.texts(sql).await.remove(0);
        assert!(!text.contains("s3cret"), "{sql}: {text}");
    }
    let intent = "SELECT COUNT(*) FROM tool_calls WHERE effect = 'reversible' AND idempotency_key <> ''";
    assert_eq!(app.db.number(intent).await, 1, "as it stated");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_failed_command_leaves_its_files_and_its_run(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal =
        app.import(&plan(&[json!({"command": "echo half > half.txt; echo broken >&2; exit 4"})])).await;
    app.drain().await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Failed, "irreversible: one attempt");
    let record = app.experiences().await.remove(0).content["structured"].clone();
    assert_eq!(record["error"]["type"], "ScriptFailed");
    assert!(record["error"]["message"].as_str().expect("a message").ends_with("broken"), "{record}");
    assert_eq!(record["io"]["files_written"], json!(["half.txt"]));
    assert_eq!(record["io"]["script_runs"].as_array().map(Vec::len), Some(1));
    assert_eq!(app.db.number("SELECT COUNT(*) FROM script_runs WHERE exit_code = 4").await, 1);
    assert_eq!(app.db.number("SELECT COUNT(*) FROM tool_calls WHERE status = 'failed'").await, 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_stopped_command_waits_for_a_person_or_is_repeated_by_its_effect(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let once = |name: &str| format!("test -e {name} && exit 0; touch {name}; sleep 60");
    let goal = app
        .import(&plan(&[
            json!({"command": once("a"), "timeout": 0.3}),
            json!({"command": once("b"), "timeout": 0.3, "effect": "idempotent"}),
            json!({"command": once("c"), "timeout": 0.3, "effect": "reversible"}),
        ]))
        .await;
    work_off(&app).await;
    is_waiting_for_a_decision(&app, goal, "T001").await;
    for key in ["T002", "T003"] {
        let task = app.task(goal, key).await.state;
        assert_eq!((task.status, task.attempt), (TaskStatus::Completed, 2), "{key}");
    }
    assert_eq!(app.db.number("SELECT COUNT(*) FROM tool_calls WHERE status = 'unknown'").await, 3);
    assert_eq!(app.db.number("SELECT COUNT(*) FROM script_runs WHERE status = 'timed_out'").await, 3);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_command_whose_worker_died_waits_for_a_person_or_is_repeated(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let once = |name: &str| format!("test -e {name} && exit 0; touch {name}; sleep 60");
    let goal = app
        .import(&plan(&[
            json!({"command": once("a")}),
            json!({"command": once("b"), "effect": "idempotent"}),
        ]))
        .await;
    for assignment in app.kernel.claim(9).await.expect("claims") {
        let name = if assignment.task.key.as_deref() == Some("T001") { "a" } else { "b" };
        let begun = app.sandbox().join(name);
        let cancel = CancellationToken::new();
        // Whoever performs it vanishes in the middle: the intent is there, the end is not.
        tokio::select! {
            _ = app.kernel.perform(&assignment, &cancel) => panic!("it does not end"),
            () = until("the command begins", async || begun.exists()) => {}
        }
    }
    assert_eq!(app.db.number("SELECT COUNT(*) FROM tool_calls WHERE status = 'intended'").await, 2);
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(app.kernel.reclaim().await.expect("reclaims"), 2);
    work_off(&app).await;
    is_waiting_for_a_decision(&app, goal, "T001").await;
    let again = app.task(goal, "T002").await.state;
    assert_eq!((again.status, again.attempt), (TaskStatus::Completed, 2));
    assert_eq!(app.db.number("SELECT COUNT(*) FROM tool_calls WHERE status = 'unknown'").await, 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_command_that_ended_before_its_worker_died_keeps_its_run(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(&plan(&[json!({"command": "echo once >> log.txt"})])).await;
    let assignment = app.kernel.claim(1).await.expect("claims").remove(0);
    app.perform(&assignment).await;
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(app.kernel.reclaim().await.expect("reclaims"), 1);
    app.drain().await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Completed);
    assert_eq!(std::fs::read_to_string(app.sandbox().join("log.txt")).expect("a file"), "once\n");
    let io = io(&app).await.remove(0);
    assert_eq!(io["files_written"], json!(["log.txt"]));
    assert_eq!(io["script_runs"].as_array().map(Vec::len), Some(1));
    assert_eq!(app.db.number("SELECT COUNT(*) FROM script_runs").await, 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_unknown_outcome_is_asked_about_only_where_it_cannot_be_undone(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 [P] Pay\n  use: probe.irreversible {\"name\": \"pay\", \"fail\": 1, \"unknown\": true}\n\
                - [ ] T002 [P] Write\n  use: probe.idempotent {\"name\": \"write\", \"fail\": 1, \"unknown\": true}\n";
    let goal = app.import(plan).await;
    work_off(&app).await;
    is_waiting_for_a_decision(&app, goal, "T001").await;
    assert_eq!(app.tools.calls("pay").len(), 1);
    assert_eq!(app.task(goal, "T002").await.state.status, TaskStatus::Completed);
    let keys = app.tools.calls("write");
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1], "each attempt has a key of its own");
    for key in keys {
        let sql = format!("SELECT COUNT(*) FROM tool_calls WHERE idempotency_key = '{key}'");
        assert_eq!(app.db.number(&sql).await, 1, "it stands with the intent");
    }
    assert_eq!(app.db.number("SELECT COUNT(*) FROM tool_calls WHERE status = 'unknown'").await, 2);
}
