use std::time::Duration;

use goalwright_application::execution::{LeaseLost, Settlement};
use goalwright_domain::execution::WaitKind;
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

const ONE: &str = "# P\n\n- [ ] T001 Work\n  use: probe.idempotent {\"name\": \"work\"}\n";

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_stale_fence_writes_nothing_but_the_event_that_tells_of_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(ONE).await;
    let first = app.kernel.claim(1).await.expect("claims").remove(0);
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(app.kernel.reclaim().await.expect("reclaims"), 1);
    let second = app.kernel.claim(1).await.expect("claims").remove(0);
    assert!(second.lease.fence > first.lease.fence);
    assert_eq!(second.attempt.retry_of, Some(first.attempt.span_id));
    assert_eq!(second.run.trace_id, first.run.trace_id);

    let before = app.db.number("SELECT COUNT(*) FROM experiences").await;
    let stale = app.done(&first, json!("stale"));
    assert_eq!(app.kernel.settle(&[stale]).await.expect("answers"), [Err(LeaseLost)]);
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Running);
    assert_eq!(app.db.number("SELECT COUNT(*) FROM experiences").await, before);
    let told = app.events_of("run.report_refused").await;
    assert_eq!(told[0].metadata["span_id"], json!(first.attempt.span_id));

    // A batch in which one lease is lost still settles the others.
    let answers =
        app.kernel.settle(&[app.done(&first, json!(1)), app.done(&second, json!(2))]).await.expect("answers");
    assert_eq!(answers, [Err(LeaseLost), Ok(())]);
    assert_eq!(app.task(goal, "T001").await.state.result, Some(json!(2)));
    // Twice is once.
    assert_eq!(app.kernel.settle(&[app.done(&second, json!(3))]).await.expect("answers"), [Err(LeaseLost)]);
    assert_eq!(app.task(goal, "T001").await.state.result, Some(json!(2)));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_heartbeat_keeps_the_lease_and_tells_which_are_lost(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.import(ONE).await;
    let held = app.kernel.claim(1).await.expect("claims").remove(0);
    for _ in 0..4 {
        app.clock.advance(Duration::from_secs(20));
        assert_eq!(app.kernel.heartbeat(&[held.lease]).await.expect("beats"), [held.lease.span_id]);
        assert_eq!(app.kernel.reclaim().await.expect("nothing"), 0);
    }
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(app.kernel.reclaim().await.expect("reclaims"), 1);
    assert!(app.kernel.heartbeat(&[held.lease]).await.expect("beats").is_empty());
    let again = app.kernel.claim(1).await.expect("claims").remove(0);
    assert_eq!(app.kernel.heartbeat(&[held.lease, again.lease]).await.expect("beats"), [again.lease.span_id]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_lost_lease_leaves_a_failed_attempt_with_its_experience(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.import(ONE).await;
    app.kernel.claim(1).await.expect("claims");
    app.clock.advance(Duration::from_secs(31));
    app.kernel.reclaim().await.expect("reclaims");
    app.drain().await;
    let experiences = app.experiences().await;
    let told: Vec<_> = experiences
        .iter()
        .map(|experience| {
            let structured = &experience.content["structured"];
            (structured["status"].clone(), structured["attempt"].clone(), structured["error"]["type"].clone())
        })
        .collect();
    assert_eq!(
        told,
        [(json!("failed"), json!(1), json!("LeaseLost")), (json!("success"), json!(2), json!(null))]
    );
    let (first, second) = (&experiences[0].content["structured"], &experiences[1].content["structured"]);
    assert_eq!(first["trace_id"], second["trace_id"]);
    assert_eq!(second["retry_of"], first["span_id"]);
    assert_ne!(first["idempotency_key"], second["idempotency_key"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn workers_that_keep_dying_send_the_task_to_a_person(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(ONE).await;
    for _ in 0..3 {
        assert_eq!(app.kernel.claim(1).await.expect("claims").len(), 1);
        app.clock.advance(Duration::from_secs(31));
        app.kernel.reclaim().await.expect("reclaims");
    }
    assert!(app.kernel.claim(1).await.expect("nothing").is_empty());
    let task = app.task(goal, "T001").await;
    assert_eq!(task.state.status, TaskStatus::Waiting);
    let waiting = task.state.waiting.expect("why");
    assert_eq!(waiting.kind, WaitKind::Decision);
    assert!(waiting.message.contains("strike_limit"));
    app.services.tasks.complete(&app.ada, task.state.id, &Default::default()).await.expect("a person may");
    assert_eq!(app.task(goal, "T001").await.state.attempt, 4);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_unknown_outcome_of_an_irreversible_call_waits_for_a_person(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 [P] Pay\n  use: probe.irreversible {\"name\": \"pay\"}\n\
                - [ ] T002 [P] Write\n  use: probe.idempotent {\"name\": \"write\"}\n";
    let goal = app.import(plan).await;
    // They die inside the call: the intent is there, the end is not.
    let again = app.kernel.claim(9).await.expect("claims");
    for assignment in &again {
        let effect =
            if assignment.task.key.as_deref() == Some("T001") { "irreversible" } else { "idempotent" };
        intend(&app, assignment, effect).await;
    }
    app.clock.advance(Duration::from_secs(31));
    app.kernel.reclaim().await.expect("reclaims");
    let pay = app.task(goal, "T001").await;
    assert_eq!(pay.state.status, TaskStatus::Waiting);
    assert_eq!(pay.state.waiting.expect("why").kind, WaitKind::Decision);
    assert_eq!(
        app.task(goal, "T002").await.state.status,
        TaskStatus::Ready,
        "an idempotent call is simply repeated"
    );
    assert_eq!(app.db.number("SELECT COUNT(*) FROM tool_calls WHERE status = 'unknown'").await, 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_effect_that_was_made_and_not_settled_is_settled_and_not_repeated(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 [P] Pay\n  use: probe.irreversible {\"name\": \"pay\", \"result\": {\"paid\": 7}}\n\
                - [ ] T002 [P] Write\n  use: file.write {\"path\": \"a.txt\", \"content\": \"x\"}\n";
    let goal = app.import(plan).await;
    for assignment in app.kernel.claim(9).await.expect("claims") {
        // Performed, and dead before it could settle.
        app.perform(&assignment).await;
    }
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(app.kernel.reclaim().await.expect("reclaims"), 2);
    app.drain().await;
    let pay = app.task(goal, "T001").await;
    assert_eq!((pay.state.status, pay.state.attempt), (TaskStatus::Completed, 1));
    assert_eq!(pay.state.result, Some(json!({"paid": 7})));
    assert_eq!(app.tools.calls("pay").len(), 1, "never twice");
    let records = app.experiences().await;
    assert_eq!(records.len(), 2);
    let write = records.iter().find(|r| r.content["structured"]["task_slug"] == "write").expect("recorded");
    assert_eq!(write.content["structured"]["io"]["files_written"], json!(["a.txt"]));
}

async fn intend(app: &TestApp, assignment: &goalwright_application::execution::Assignment, effect: &str) {
    use goalwright_application::ports::{CallStatus, ToolCall};
    use goalwright_domain::execution::Effect;
    let call = ToolCall {
        id: app.ports.ids.ordered(),
        workspace_id: assignment.run.workspace_id,
        task_id: assignment.task.id,
        span_id: assignment.attempt.span_id,
        trace_id: assignment.run.trace_id,
        tool: "probe".into(),
        operation: effect.into(),
        effect: if effect == "irreversible" { Effect::Irreversible } else { Effect::Idempotent },
        idempotency_key: assignment.attempt.idempotency_key.clone(),
        parameters: json!({}),
        status: CallStatus::Intended,
        result: None,
        error: None,
        started_at: app.ports.clock.now(),
        ended_at: None,
    };
    let unit = app.ports.transactions.begin().await.expect("begins");
    assert!(unit.executions().intend(&assignment.lease, &call).await.expect("writes"));
    unit.commit().await.expect("commits");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_effect_is_not_begun_under_a_lost_lease(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.import(ONE).await;
    let stale = app.kernel.claim(1).await.expect("claims").remove(0);
    app.clock.advance(Duration::from_secs(31));
    app.kernel.reclaim().await.expect("reclaims");
    let cancel = tokio_util::sync::CancellationToken::new();
    let refused = app.kernel.perform(&stale, &cancel).await.expect_err("the lease is lost");
    assert_eq!(refused.code(), "lease_lost");
    assert!(app.tools.calls("work").is_empty(), "the tool was never called");
    app.drain().await;
    assert_eq!(app.tools.calls("work").len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_expiry_that_a_heartbeat_overtook_ends_nothing(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.import(ONE).await;
    let held = app.kernel.claim(1).await.expect("claims").remove(0);
    app.clock.advance(Duration::from_secs(31));
    // Found expired, then kept alive, then settled as expired with what was found.
    let found = Settlement { expired: true, ..app.done(&held, json!(null)) };
    app.kernel.heartbeat(&[held.lease]).await.expect("beats");
    assert_eq!(app.kernel.settle(&[found]).await.expect("answers"), [Err(LeaseLost)]);
    assert_eq!(app.kernel.settle(&[app.done(&held, json!("mine"))]).await.expect("answers"), [Ok(())]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_lost_lease_that_cannot_be_ended_keeps_nobody_from_being_replaced(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let lines: String = (1..=5)
        .map(|n| format!("- [ ] T{n:03} [P] Work {n}\n  use: probe.idempotent {{\"name\": \"work {n}\"}}\n"))
        .collect();
    let goal = app.import(&format!("# P\n\n{lines}")).await;
    assert_eq!(app.kernel.claim(5).await.expect("claims").len(), 5);
    let culprit = app.task(goal, "T001").await.state.id;
    let refuse = match backend {
        Backend::Sqlite => format!(
            "CREATE TRIGGER refuse BEFORE INSERT ON experiences WHEN NEW.id LIKE '%{culprit}%' \
             BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        ),
        Backend::Postgres => format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.id LIKE '%{culprit}%' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT ON experiences FOR EACH ROW EXECUTE FUNCTION refuse()"
        ),
    };
    app.db.execute(&refuse).await.expect("a trigger");
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(app.kernel.reclaim().await.expect("the others"), 4);
    assert_eq!(app.db.number("SELECT COUNT(*) FROM attempts WHERE status = 'running'").await, 1);
    assert_eq!(app.kernel.claim(9).await.expect("claims").len(), 4);
}
