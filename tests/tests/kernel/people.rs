use goalwright_application::tasks::Completion;
use goalwright_domain::execution::WaitKind;
use goalwright_domain::goal::GoalStatus;
use goalwright_domain::task::{DraftTask, TaskStatus};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

const PLAN: &str =
    "# P\n\n- [ ] T001 Ask the neighbours\n- [ ] T002 Note the time (depends on T001)\n  use: time.now\n";

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn words_wait_for_a_person_who_completes_the_attempt_that_waits(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    app.drain().await;
    let task = app.task(goal, "T001").await;
    assert_eq!(task.state.status, TaskStatus::Waiting);
    assert_eq!(task.state.waiting.as_ref().expect("why").kind, WaitKind::Person);
    assert_eq!(app.progress(goal).await.reasons[0].code, "waiting_for_person");
    let completion = Completion {
        result: json!({"answer": "yes"}),
        summary: Some("They said yes".into()),
        partial: true,
        ..Completion::default()
    };
    app.services.tasks.complete(&app.ada, task.state.id, &completion).await.expect("completes");
    app.drain().await;
    let view = app.services.goals.get(&app.ada, goal).await.expect("there");
    assert_eq!(view.state.status, GoalStatus::Achieved);
    let record = &app.experiences().await[0];
    let structured = &record.content["structured"];
    assert_eq!(record.content["text"], "They said yes");
    assert_eq!(structured["status"], "partial");
    assert_eq!(structured["scheduled_vs_manual"], "manual");
    assert_eq!(record.provenance["method"], "MANUAL_TASK");
    assert_eq!(structured["attempt"], 1);
    let again = app.services.tasks.complete(&app.ada, task.state.id, &completion).await.expect_err("over");
    assert_eq!(again.code(), "invalid_transition");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_person_may_complete_what_nobody_has_claimed(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let (first, second) = (app.task(goal, "T001").await.state.id, app.task(goal, "T002").await.state.id);
    let blocked =
        app.services.tasks.complete(&app.ada, second, &Completion::default()).await.expect_err("blocked");
    assert_eq!(blocked.code(), "dependencies_open");
    let done = app.services.tasks.complete(&app.ada, first, &Completion::default()).await.expect("completes");
    assert_eq!((done.state.status, done.state.attempt), (TaskStatus::Completed, 1));
    assert_eq!(app.task(goal, "T002").await.state.status, TaskStatus::Ready);
    let record = &app.experiences().await[0];
    let structured = &record.content["structured"];
    assert_eq!(structured["scheduled_at"], structured["started_at_iso"]);
    assert_eq!(
        app.db.number("SELECT COUNT(*) FROM runs WHERE status = 'queued'").await,
        1,
        "only the second waits"
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_person_is_refused_while_a_worker_holds_the_task(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import("# P\n\n- [ ] T001 Tool\n  use: time.now\n").await;
    let held = app.kernel.claim(1).await.expect("claims").remove(0);
    let task = app.task(goal, "T001").await.state.id;
    let refused =
        app.services.tasks.complete(&app.ada, task, &Completion::default()).await.expect_err("held");
    assert_eq!(refused.code(), "task_leased");
    assert_eq!(app.kernel.settle(&[app.done(&held, json!(1))]).await.expect("answers"), [Ok(())]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_without_an_agent_is_completed_by_giving_it_to_whoever_does_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let draft = DraftTask {
        title: "Nobody's".into(),
        action: Some(goalwright_domain::execution::Action::External),
        ..DraftTask::default()
    };
    let task = app.create_task(draft).await;
    let done = app
        .services
        .tasks
        .complete(&app.ada, task.state.id, &Completion::default())
        .await
        .expect("completes");
    assert!(done.state.agent_id.is_some());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn checked_items_are_completed_without_an_execution(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import("# P\n\n- [x] T001 Done before\n- [ ] T002 Then\n  use: time.now\n").await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Completed);
    assert_eq!(app.task(goal, "T002").await.state.status, TaskStatus::Ready);
    assert_eq!(app.progress(goal).await.percentage, 50.0);
    assert!(app.experiences().await.is_empty());
    let all_done = app.import("# Q\n\n- [x] T001 Done before\n").await;
    let view = app.services.goals.get(&app.ada, all_done).await.expect("there");
    assert_eq!(view.state.status, GoalStatus::Achieved);
}
