use goalwright_application::tasks::{RunRequest, RunState};
use goalwright_domain::Timestamp;
use goalwright_domain::execution::{Mode, RunStatus};
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

fn request(task: &str, mode: Mode, at: Option<&str>) -> RunRequest {
    let scheduled_at = at.map(|text| text.parse::<Timestamp>().expect("a time"));
    RunRequest { task: task.to_owned(), mode, scheduled_at, wait: None }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_finished_task_runs_again_without_changing_it_or_its_dependents(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 Tick\n  use: probe.none {\"name\": \"tick\", \"result\": 1}\n- [ ] T002 Then (depends on T001)\n  use: time.now\n";
    let goal = app.import(plan).await;
    app.drain().await;
    let task = app.task(goal, "T001").await;
    let asked = app.services.tasks.run(&app.ada, &request("tick", Mode::Manual, None)).await.expect("asked");
    assert_eq!(asked.state, RunState::Open(RunStatus::Queued));
    app.drain().await;
    assert_eq!(app.tools.calls("tick").len(), 2);
    let after = app.task(goal, "T001").await;
    assert_eq!((after.revision, after.state.status), (task.revision, TaskStatus::Completed));
    let records = app.experiences().await;
    assert_eq!(records.len(), 3);
    assert_eq!(records[2].content["structured"]["scheduled_vs_manual"], "manual");
    assert_ne!(records[2].content["structured"]["trace_id"], records[0].content["structured"]["trace_id"]);
    assert_eq!(app.progress(goal).await.completed, 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_same_instant_however_written_is_one_run(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.import("# P\n\n- [ ] T001 Tick\n  use: probe.none {\"name\": \"tick\"}\n").await;
    app.drain().await;
    let run = async |at: &str| {
        app.services.tasks.run(&app.ada, &request("tick", Mode::Scheduled, Some(at))).await.expect("asked")
    };
    let first = run("2026-02-01T10:00:00Z").await;
    app.drain().await;
    let again = run("2026-02-01T11:00:00.000+01:00").await;
    app.drain().await;
    assert_eq!((again.run_id, again.state), (first.run_id, RunState::Over(RunStatus::Succeeded)));
    assert!(again.experience_id.is_some());
    let other = run("2026-02-01T10:00:01Z").await;
    assert_ne!(other.run_id, first.run_id);
    app.drain().await;
    assert_eq!(app.tools.calls("tick").len(), 3);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn asking_for_a_ready_task_is_its_run_from_the_graph(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app
        .import(
            "# P\n\n- [ ] T001 Tick\n  use: time.now\n- [ ] T002 Later (depends on T001)\n  use: time.now\n",
        )
        .await;
    let at = Some("2026-01-01T08:00:00Z");
    app.services.tasks.run(&app.ada, &request("tick", Mode::Scheduled, at)).await.expect("asked");
    let blocked =
        app.services.tasks.run(&app.ada, &request("later", Mode::Manual, None)).await.expect_err("blocked");
    assert_eq!(blocked.code(), "dependencies_open");
    app.drain().await;
    assert_eq!(app.db.number("SELECT COUNT(*) FROM runs").await, 2, "one per task");
    let task = app.task(goal, "T001").await;
    assert_eq!(task.state.scheduled_at.expect("kept").to_string(), "2026-01-01T08:00:00.000000Z");
    let key = &app.experiences().await[0].content["structured"]["idempotency_key"];
    let expected = goalwright_domain::execution::idempotency_key(
        task.state.id,
        task.state.scheduled_at.expect("kept"),
        1,
    );
    assert_eq!(*key, json!(expected));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_scheduled_run_needs_a_time_and_a_known_task(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.import("# P\n\n- [ ] T001 Tick\n  use: time.now\n").await;
    let refused =
        app.services.tasks.run(&app.ada, &request("tick", Mode::Scheduled, None)).await.expect_err("no time");
    assert_eq!(refused.code(), "scheduled_at_required");
    let unknown =
        app.services.tasks.run(&app.ada, &request("tack", Mode::Manual, None)).await.expect_err("unknown");
    assert_eq!(unknown.code(), "not_found");
}
