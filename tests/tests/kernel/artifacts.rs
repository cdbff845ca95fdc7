//! What is too large for the record is kept as artifacts, and what scripts did as rows of their own.

use goalwright_application::Error;
use goalwright_application::execution::{Report, Settlement};
use goalwright_domain::execution::{Outcome, ScriptOutput, ScriptRun, ScriptStatus, command_copy};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

fn plan(path: &str) -> String {
    format!(
        "# P\n\n- [ ] T001 Read\n  use: file.read {{\"path\": \"{path}\"}}\n- [ ] T002 [P] Read again (depends on T001)\n  \
         use: file.read {{\"path\": \"{path}\"}}\n- [ ] T003 [P] Count\n  use: time.now\n"
    )
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_large_result_is_kept_once_and_referred_to(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let large = format!("see https://ann:s3cret@example.org {}", "words ".repeat(50_000));
    std::fs::write(app.sandbox().join("large.txt"), &large).expect("a file");
    let goal = app.import(&plan("large.txt")).await;
    app.drain().await;
    let result = app.task(goal, "T001").await.state.result.expect("a result");
    assert_eq!(result["text"], json!(large), "what tasks work with stays whole");

    let calls =
        app.db.texts("SELECT CAST(result AS TEXT) FROM tool_calls WHERE tool = 'file' ORDER BY id").await;
    let calls: Vec<Value> = calls.iter().map(|call| serde_json::from_str(call).expect("JSON")).collect();
    assert_eq!(calls[0]["omitted"], "too large");
    assert_eq!(calls[0]["artifact_id"], calls[1]["artifact_id"], "the same bytes once");
    let id: Uuid = calls[0]["artifact_id"].as_str().expect("an id").parse().expect("a UUID");
    let (artifact, bytes) = app.services.artifacts.read(&app.ada, id).await.expect("is there");
    assert_eq!((artifact.media_type.as_str(), artifact.size), ("application/json", bytes.len() as u64));
    assert_eq!(calls[0]["size"], json!(artifact.size));
    let whole: Value = serde_json::from_slice(&bytes).expect("JSON");
    let text = whole["text"].as_str().expect("text");
    assert!(text.ends_with("words ") && !text.contains("s3cret"), "scrubbed, and whole");

    let records = app.experiences().await;
    let of = |slug: &str| {
        let record =
            records.iter().find(|one| one.content["structured"]["task_slug"] == slug).expect("recorded");
        record.content["structured"]["io"]["artifact_ids"].clone()
    };
    assert_eq!((of("read"), of("read-again"), of("count")), (json!([id]), json!([id]), json!([])));
    assert_eq!(
        artifact.span_id.map(|span| json!(span)),
        Some(
            records
                .iter()
                .find(|one| one.content["structured"]["task_slug"] == "read")
                .expect("recorded")
                .content["structured"]["span_id"]
                .clone()
        )
    );

    let eve = app.user("eve").await;
    assert!(matches!(app.services.artifacts.get(&eve, id).await, Err(Error::NotFound { .. })));
    assert_eq!(app.db.number("SELECT COUNT(*) FROM artifacts").await, 1);
    for change in ["UPDATE artifacts SET size = 1", "DELETE FROM artifacts"] {
        app.db.execute(change).await.expect_err(change);
    }
    app.db.discard().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_run_of_a_script_is_a_row_that_its_experience_names(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.import("# P\n\n- [ ] T001 Run it\n  use: time.now\n").await;
    let assignment = app.kernel.claim(1).await.expect("claims").remove(0);
    let (command_digest, command) = command_copy("curl https://ann:s3cret@example.org");
    let script = ScriptRun {
        id: app.ports.ids.ordered(),
        workspace_id: assignment.run.workspace_id,
        task_id: assignment.task.id,
        span_id: assignment.attempt.span_id,
        trace_id: assignment.run.trace_id,
        command_digest,
        command,
        status: ScriptStatus::Failed,
        exit_code: Some(7),
        stdout: ScriptOutput::of("out"),
        stderr: ScriptOutput::of("no route"),
        duration_ms: 12,
        started_at: app.ports.clock.now(),
    };
    let id = script.id;
    let outcome = Outcome::Done { result: json!({"exit_code": 7}), summary: None, partial: false };
    let report = Report { scripts: vec![script], ..Report::of(outcome) };
    let settlement = Settlement { lease: assignment.lease, report, expired: false };
    app.kernel.settle(&[settlement]).await.expect("settles").pop().expect("one").expect("held");
    let record = app.experiences().await.remove(0);
    assert_eq!(record.content["structured"]["io"]["script_runs"], json!([id]));
    assert_eq!(app.db.number("SELECT CAST(exit_code AS BIGINT) FROM script_runs").await, 7);
    let command = app.db.texts("SELECT command FROM script_runs").await;
    assert_eq!(command, ["curl https://[credentials]@example.org"]);
    for change in [
        "UPDATE script_runs SET exit_code = 0",
        "DELETE FROM script_runs",
        "UPDATE script_runs SET status = 'succeeded'",
    ] {
        app.db.execute(change).await.expect_err(change);
    }
    app.db.discard().await;
}
