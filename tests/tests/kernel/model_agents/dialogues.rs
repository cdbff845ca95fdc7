//! Dialogues that outlive whoever held them, and calls that are not made again.

use std::time::Duration;

use goalwright_domain::agent::Profile;
use goalwright_domain::execution::WaitKind;
use goalwright_domain::model::Cause;
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp, until};
use rstest::rstest;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn who_takes_over_goes_on_where_the_dialogue_ended(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, with_tools(&["probe.*"])).await;
    let id = make(&app, titled("Count")).await;
    app.models.call(vec![
        call("a", "probe_idempotent", json!({"name": "first", "result": 1})),
        call("b", "probe_none", json!({"name": "second", "result": 2})),
    ]);
    // While the second answer is awaited the worker vanishes.
    app.models.hang();
    let lost = claim(&app).await;
    let never = CancellationToken::new();
    tokio::select! {
        _ = app.kernel.perform(&lost, &never) => panic!("the model does not answer"),
        () = until("it is asked twice", async || app.models.asked().len() == 2) => {}
    }
    worker_vanishes(&app).await;
    app.models.call(finish("c", json!("both counted")));
    app.drain().await;
    let task = state(&app, id).await;
    assert_eq!(task.result, Some(json!("both counted")));
    assert_eq!(app.tools.calls("first").len(), 1, "nothing is called again");
    assert_eq!(app.tools.calls("second").len(), 1);
    let asked = app.models.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[1].messages, asked[2].messages, "the same question, and nothing of it anew");
    let records = executions(&app).await;
    let of = |n: usize, field: &str| records[n].content["structured"][field].clone();
    assert_eq!((of(0, "status"), of(1, "status")), (json!("failed"), json!("success")));
    assert_eq!(of(1, "retry_of"), of(0, "span_id"));
    let calls = |n: usize| of(n, "io")["tool_calls"].as_array().map(Vec::len);
    assert_eq!((calls(0), calls(1)), (Some(2), Some(0)), "what it did before it vanished is told of it");
    let unit = app.ports.transactions.begin().await.expect("a unit");
    let left = unit.executions().dialogue(lost.run.id).await.expect("reads");
    assert!(left.is_empty(), "the dialogue ended with its run");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_call_whose_end_nobody_saw_is_not_simply_made_again(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, with_tools(&["probe.*"])).await;
    let id = make(&app, titled("Send it")).await;
    app.models.call(vec![call(
        "a",
        "probe_irreversible",
        json!({"name": "mail", "fail": 1, "unknown": true}),
    )]);
    let first = claim(&app).await;
    let asking = app.perform(&first).await;
    settle(&app, asking).await;
    let waiting = state(&app, id).await;
    assert_eq!(waiting.status, TaskStatus::Waiting);
    assert_eq!(waiting.waiting.as_ref().map(|wait| wait.kind), Some(WaitKind::Decision));
    app.services.tasks.retry(&app.ada, id, "it may go on").await.expect("retried");
    app.models.call(finish("b", json!("seen to it")));
    app.drain().await;
    assert_eq!(state(&app, id).await.result, Some(json!("seen to it")));
    assert_eq!(app.tools.calls("mail").len(), 1, "the model is told instead");
    assert!(told_last(&app).contains("took effect is not known"), "{}", told_last(&app));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_model_that_sleeps_holds_nothing_and_goes_on_then(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    model_agent(&app, with_tools(&["time.*", "file.write"])).await;
    let id = make(&app, titled("Wait for it")).await;
    app.models.call(vec![
        call("a", "file_write", json!({"path": "before.txt", "content": "x"})),
        call("b", "time_sleep", json!({"seconds": 3600})),
    ]);
    app.drain().await;
    let waiting = state(&app, id).await;
    assert_eq!(waiting.status, TaskStatus::Waiting);
    assert_eq!(waiting.waiting.as_ref().map(|wait| wait.kind), Some(WaitKind::Time));
    app.clock.advance(Duration::from_secs(3601));
    app.models.call(finish("c", json!("slept")));
    app.drain().await;
    assert_eq!(state(&app, id).await.result, Some(json!("slept")));
    let records = executions(&app).await;
    assert_eq!(records.len(), 1, "one attempt, however long it slept");
    let io = &records[0].content["structured"]["io"];
    assert_eq!(io["files_written"], json!(["before.txt"]), "what it did before it slept is told");
    assert_eq!(io["tool_calls"].as_array().map(Vec::len), Some(2));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_failed_goes_on_when_somebody_has_it_tried_again(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let agent = model_agent(&app, with_tools(&["probe.*"])).await;
    let id = make(&app, titled("Order it")).await;
    app.models.call(vec![call("a", "probe_idempotent", json!({"name": "order", "result": "A"}))]);
    app.models.fail(Cause::Credentials { setting: "ANTHROPIC_API_KEY", status: 401 });
    app.drain().await;
    assert_eq!(state(&app, id).await.error.expect("an error").kind, "ModelCredentials");
    // The key was renewed: what was paid for and done is not done again.
    app.services.tasks.retry(&app.ada, id, "another key").await.expect("retried");
    app.models.call(vec![call("b", "give_up", json!({"reason": "it is sold out"}))]);
    app.drain().await;
    assert!(
        told_last(&app).contains("ModelCredentials")
            && app.models.asked().last().expect("asked").messages.len() > 2
    );
    assert_eq!(state(&app, id).await.error.expect("an error").kind, "GaveUp");
    let entries = "SELECT COUNT(*) FROM dialogue_entries";
    assert!(app.db.number(entries).await > 0);
    // Its agent works otherwise now: another dialogue, and the same call in it is another call.
    let profile =
        Profile { instructions: "Order elsewhere.".into(), max_turns: 5, ..with_tools(&["probe.*"]) };
    become_other(&app, agent, profile).await;
    app.services.tasks.retry(&app.ada, id, "elsewhere").await.expect("retried");
    app.models.call(vec![call("a", "probe_idempotent", json!({"name": "order", "result": "B"}))]);
    app.models.call(finish("b", json!("ordered")));
    app.drain().await;
    let keys = app.tools.calls("order");
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1], "whoever is called must not take the one for the other");
    assert_eq!(state(&app, id).await.result, Some(json!("ordered")));
    let asked = app.models.asked();
    assert_eq!(asked[asked.len() - 2].messages.len(), 1, "from its beginning");
    // Bounds are those of the run: two answers before, two now, and there would be one left.
    assert_eq!(asked[asked.len() - 1].choice, goalwright_domain::model::ToolChoice::Auto);
}
