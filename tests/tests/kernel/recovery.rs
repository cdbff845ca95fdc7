//! How it goes on after a failure: retry policies, and what people decide.

use std::time::Duration;

use goalwright_application::Precondition;
use goalwright_application::tasks::{Completion, Failure};
use goalwright_domain::execution::{Action, Backoff, OnExhausted, WaitKind};
use goalwright_domain::goal::GoalStatus;
use goalwright_domain::task::{DraftTask, TaskEdit, TaskId, TaskStatus};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::{Value, json};

fn probe(name: &str, fail: u32, retryable: bool) -> Action {
    Action::Tool {
        tool: "probe".into(),
        operation: "none".into(),
        parameters: json!({"name": name, "fail": fail, "retryable": retryable}),
    }
}

async fn make(app: &TestApp, draft: DraftTask) -> TaskId {
    app.create_task(draft).await.state.id
}

async fn status(app: &TestApp, id: TaskId) -> TaskStatus {
    app.services.tasks.get(&app.ada, id).await.expect("there").state.status
}

async fn records(app: &TestApp) -> Vec<Value> {
    app.experiences().await.into_iter().map(|one| one.content["structured"].clone()).collect()
}

fn given_up() -> Failure {
    Failure { kind: "GivenUp".into(), message: "Nobody needs it".into(), retryable: true }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_failed_task_is_retried_in_its_run_and_frees_what_it_blocked(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 Break\n  use: probe.none {\"name\": \"x\", \"fail\": 1, \"retryable\": false}\n\
                - [ ] T002 Behind (depends on T001)\n  use: time.now\n";
    let goal = app.import(plan).await;
    app.drain().await;
    let failed = app.task(goal, "T001").await;
    assert_eq!(failed.state.status, TaskStatus::Failed);
    let codes = |progress: goalwright_domain::progress::Progress| -> Vec<&'static str> {
        progress.reasons.iter().map(|reason| reason.code).collect()
    };
    assert!(codes(app.progress(goal).await).contains(&"dependency_failed"));
    let retried =
        app.services.tasks.retry(&app.ada, failed.state.id, "it was mended").await.expect("retries");
    assert_eq!(retried.state.status, TaskStatus::Ready);
    assert!(!codes(app.progress(goal).await).contains(&"dependency_failed"));
    app.drain().await;
    assert_eq!(
        app.services.goals.get(&app.ada, goal).await.expect("there").state.status,
        GoalStatus::Achieved
    );
    let records = records(&app).await;
    assert_eq!((&records[0]["attempt"], &records[1]["attempt"]), (&json!(1), &json!(2)));
    assert_eq!(records[0]["trace_id"], records[1]["trace_id"]);
    assert_eq!(records[1]["retry_of"], records[0]["span_id"]);
    assert_eq!(records[0]["scheduled_at"], records[1]["scheduled_at"]);
    let told = app.events_of("task.retried").await;
    assert_eq!(told[0].metadata["reason"], "it was mended");
    let again = app.services.tasks.retry(&app.ada, failed.state.id, "").await.expect_err("done");
    assert_eq!(again.code(), "invalid_transition");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_is_tried_again_as_it_was_set(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let retry = Backoff {
        initial_delay: 100.0,
        backoff_factor: 3.0,
        max_delay: 200.0,
        jitter: false,
        retryable_errors: vec!["Probed".into()],
        fatal_errors: vec![],
    };
    let draft = DraftTask {
        title: "Patient".into(),
        action: Some(probe("patient", 2, false)),
        retry: Some(retry.clone()),
        ..DraftTask::default()
    };
    let id = make(&app, draft).await;
    app.drain().await;
    assert_eq!(
        app.tools.calls("patient").len(),
        1,
        "the tool says that it cannot help, the task that it can"
    );
    for (wait, calls) in [(99, 1), (1, 2), (199, 2), (1, 3)] {
        app.clock.advance(Duration::from_secs(wait));
        app.drain().await;
        assert_eq!(app.tools.calls("patient").len(), calls);
    }
    let task = app.services.tasks.get(&app.ada, id).await.expect("there");
    assert_eq!((task.state.status, task.state.retry), (TaskStatus::Completed, Some(retry)));

    let fatal = Backoff { fatal_errors: vec!["Probed".into()], ..Backoff::default() };
    let draft = DraftTask {
        title: "Impatient".into(),
        action: Some(probe("impatient", 9, true)),
        retry: Some(fatal),
        ..DraftTask::default()
    };
    let id = make(&app, draft).await;
    app.drain().await;
    assert_eq!(status(&app, id).await, TaskStatus::Failed);
    let wrong = TaskEdit {
        retry: Some(Some(Backoff { backoff_factor: 0.5, ..Backoff::default() })),
        ..TaskEdit::default()
    };
    let refused = app.services.tasks.edit(&app.ada, id, wrong, &Precondition::Any).await.expect_err("bounds");
    assert_eq!(refused.code(), "invalid_input");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_exhausted_task_that_is_to_pause_is_changed_and_goes_on(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let draft = DraftTask {
        title: "Pausing".into(),
        action: Some(probe("pausing", 99, true)),
        max_attempts: Some(2),
        on_exhausted: OnExhausted::Pause,
        ..DraftTask::default()
    };
    let id = make(&app, draft).await;
    for _ in 0..4 {
        app.drain().await;
        app.clock.advance(Duration::from_secs(60));
    }
    let paused = app.services.tasks.get(&app.ada, id).await.expect("there").state;
    assert_eq!((paused.status, app.tools.calls("pausing").len()), (TaskStatus::Waiting, 2));
    assert_eq!(paused.waiting.expect("why").kind, WaitKind::Decision);
    assert_eq!(paused.error.expect("the failure").kind, "Probed");
    let tasks = &app.services.tasks;
    assert_eq!(
        tasks.answer_question(&app.ada, id, json!(1)).await.expect_err("no question").code(),
        "not_waiting"
    );
    // Retried as it is, it has all its attempts again.
    tasks.approve(&app.ada, id, true, "once more").await.expect("goes on");
    for _ in 0..4 {
        app.drain().await;
        app.clock.advance(Duration::from_secs(60));
    }
    assert_eq!((status(&app, id).await, app.tools.calls("pausing").len()), (TaskStatus::Waiting, 4));
    // Edit and resume: whoever can do it now does it.
    let words = TaskEdit {
        action: Some(Some(Action::Human { instructions: "Do it".into() })),
        ..TaskEdit::default()
    };
    tasks.edit(&app.ada, id, words, &Precondition::Any).await.expect("it may be changed");
    tasks.retry(&app.ada, id, "").await.expect("goes on");
    app.drain().await;
    let waiting = tasks.get(&app.ada, id).await.expect("there").state.waiting.expect("why");
    assert_eq!(waiting.kind, WaitKind::Person);
    assert_eq!(tasks.retry(&app.ada, id, "").await.expect_err("no decision").code(), "not_waiting");
    tasks.answer_question(&app.ada, id, json!({"answer": 42})).await.expect("answers");
    let done = tasks.get(&app.ada, id).await.expect("there").state;
    assert_eq!(
        (done.status, done.result, done.attempt),
        (TaskStatus::Completed, Some(json!({"answer": 42})), 5)
    );
    assert_eq!(records(&app).await.len(), 5, "every attempt left one");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_not_approved_has_failed_with_the_comment(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let words = |title: &str| DraftTask { title: title.into(), ..DraftTask::default() };
    let (yes, no) = (make(&app, words("May I?")).await, make(&app, words("May I, too?")).await);
    let pausing = DraftTask {
        title: "Pausing".into(),
        action: Some(probe("pausing", 99, false)),
        on_exhausted: OnExhausted::Pause,
        ..DraftTask::default()
    };
    let pausing = make(&app, pausing).await;
    let tasks = &app.services.tasks;
    assert_eq!(tasks.approve(&app.ada, yes, true, "").await.expect_err("not yet").code(), "not_waiting");
    app.drain().await;
    let approved = tasks.approve(&app.ada, yes, true, "of course").await.expect("approves").state;
    assert_eq!(approved.result, Some(json!({"approved": true, "comment": "of course"})));
    for id in [no, pausing] {
        let failed = tasks.approve(&app.ada, id, false, "too dear").await.expect("declines").state;
        assert_eq!(failed.status, TaskStatus::Failed);
        assert_eq!(failed.error.expect("why").message, "too dear");
    }
    assert_eq!(records(&app).await.len(), 3, "what had ended before has no second record");
    // A person's word is final for the attempt, not for the task.
    tasks.retry(&app.ada, no, "").await.expect("retries");
    app.drain().await;
    assert_eq!(status(&app, no).await, TaskStatus::Waiting);
    tasks.fail(&app.ada, no, &given_up()).await.expect("fails");
    assert_eq!(
        tasks.fail(&app.ada, no, &given_up()).await.expect_err("has failed").code(),
        "invalid_transition"
    );
    tasks.end(&app.ada, no, goalwright_application::tasks::Ending::Skipped, "").await.expect("skips");
    assert_eq!(tasks.retry(&app.ada, no, "").await.expect_err("over").code(), "invalid_transition");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_unknown_outcome_is_settled_by_a_person(#[case] backend: Backend) {
    use goalwright_application::execution::{Report, Settlement};
    use goalwright_domain::execution::{Outcome, Suspension, Wait};
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(
        &app,
        DraftTask { title: "Pay".into(), action: Some(probe("pay", 0, true)), ..DraftTask::default() },
    )
    .await;
    let held = app.kernel.claim(1).await.expect("claims").remove(0);
    let wait = Wait { kind: WaitKind::Decision, until: None, message: "did it?".into() };
    let report = Report::of(Outcome::Suspended(Suspension { wait, then: Value::Null }));
    let suspended = Settlement { lease: held.lease, report, expired: false };
    assert_eq!(app.kernel.settle(&[suspended]).await.expect("settles"), [Ok(())]);
    let tasks = &app.services.tasks;
    let edit = TaskEdit { max_attempts: Some(5), ..TaskEdit::default() };
    let refused =
        tasks.edit(&app.ada, id, edit.clone(), &Precondition::Any).await.expect_err("it has not ended");
    assert_eq!(refused.code(), "invalid_transition");
    tasks.retry(&app.ada, id, "").await.expect("it did not");
    assert_eq!(status(&app, id).await, TaskStatus::Ready);
    app.drain().await;
    assert_eq!(status(&app, id).await, TaskStatus::Completed);
    let kinds: Vec<Value> = records(&app).await.iter().map(|one| one["error"]["type"].clone()).collect();
    assert_eq!(kinds, [json!("Superseded"), json!(null)]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_retry_that_nobody_can_do_or_that_is_blocked_is_refused(#[case] backend: Backend) {
    use goalwright_domain::goal::{DraftGoal, GoalEdit};
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = DraftGoal { title: "G".into(), ..DraftGoal::default() };
    let goal = app.services.goals.create(&app.ada, goal).await.expect("made").state.id;
    let draft = |title: &str| DraftTask {
        title: title.into(),
        goal_id: Some(goal),
        action: Some(probe(title, 1, false)),
        ..DraftTask::default()
    };
    let (first, second) = (make(&app, draft("one")).await, make(&app, draft("two")).await);
    app.drain().await;
    let (tasks, any) = (&app.services.tasks, Precondition::Any);
    tasks.depend(&app.ada, second, &[first], &any).await.expect("waits");
    assert_eq!(tasks.retry(&app.ada, second, "").await.expect_err("blocked").code(), "dependencies_open");
    let outside = TaskEdit { action: Some(Some(Action::External)), ..TaskEdit::default() };
    tasks.edit(&app.ada, first, outside, &any).await.expect("changes");
    assert_eq!(tasks.retry(&app.ada, first, "").await.expect_err("nobody").code(), "no_agent");
    let rest = GoalEdit { status: Some(GoalStatus::Abandoned), ..GoalEdit::default() };
    app.services.goals.edit(&app.ada, goal, rest, &any).await.expect("rests");
    assert_eq!(tasks.retry(&app.ada, first, "").await.expect_err("rests").code(), "goal_not_active");
    let eve = app.user("eve").await;
    assert_eq!(tasks.retry(&eve, first, "").await.expect_err("not hers").code(), "not_found");
    let done = tasks.complete(&app.ada, first, &Completion::default()).await.expect_err("has failed");
    assert_eq!(done.code(), "invalid_transition");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_who_retry_at_once_one_does(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let draft =
        DraftTask { title: "one".into(), action: Some(probe("one", 1, false)), ..DraftTask::default() };
    let id = make(&app, draft).await;
    app.drain().await;
    let answers = futures::future::join_all((0..6).map(|_| app.services.tasks.retry(&app.ada, id, ""))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    // The units of those who were refused may still hold the run for a moment, and a claim passes over it.
    while status(&app, id).await == TaskStatus::Ready {
        app.drain().await;
    }
    assert_eq!((status(&app, id).await, app.tools.calls("one").len()), (TaskStatus::Completed, 2));
}
