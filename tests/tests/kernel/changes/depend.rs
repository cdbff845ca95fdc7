use goalwright_application::Error;
use goalwright_application::tasks::RunRequest;
use goalwright_domain::execution::Mode;
use goalwright_domain::task::{TaskEdit, TaskId, TaskStatus};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use super::*;

async fn depend(app: &TestApp, id: TaskId, on: &[TaskId]) -> Result<TaskView, Error> {
    app.services.tasks.depend(&app.ada, id, on, &ANY).await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_new_open_dependency_takes_a_ready_task_back_and_its_removal_frees_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let (first, second) = (make(&app, words("First"), &[]).await, make(&app, quick("Second"), &[]).await);
    let view = depend(&app, second, &[first]).await.expect("waits");
    assert_eq!((view.state.status, view.blocked_by), (TaskStatus::Pending, vec![first]));
    assert_eq!(runs(&app, "second", "1 = 1").await, 0);
    let same = depend(&app, second, &[first]).await.expect("the same");
    assert_eq!(same.revision, view.revision);
    let view = depend(&app, second, &[]).await.expect("is free");
    assert_eq!((view.state.status, view.depends_on.len()), (TaskStatus::Ready, 0));
    assert_eq!(runs(&app, "second", "r.status = 'queued'").await, 1);
    app.drain().await;
    assert_eq!(status(&app, second).await, TaskStatus::Completed);
    assert_eq!(depend(&app, second, &[first]).await.expect_err("over").code(), "invalid_transition");
    assert_eq!(depend(&app, first, &[second]).await.expect_err("begun").code(), "invalid_transition");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn edges_that_are_kept_keep_their_origin(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal =
        app.import("# P\n\n## Phase 1: A\n\n- [ ] T001 One\n\n## Phase 2: B\n\n- [ ] T002 Two\n").await;
    let (one, two) = (app.task(goal, "T001").await.state.id, app.task(goal, "T002").await.state.id);
    let three = make_in(&app, goal, words("Three"), &[]).await;
    let view = depend(&app, two, &[three, one]).await.expect("waits");
    let mut origins: Vec<_> =
        view.depends_on.iter().map(|edge| (edge.task_id, edge.origin.as_str())).collect();
    origins.sort_unstable();
    assert_eq!(origins, [(one, "structural"), (three, "explicit")]);
    let event = told(&app, two).await.pop().expect("told");
    assert_eq!(event.event_type, "task.dependencies_changed");
    assert_eq!(event.changes["depends_on"]["from"].as_array().map(Vec::len), Some(1));
    assert_eq!(event.changes["depends_on"]["to"].as_array().map(Vec::len), Some(2));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn every_wrong_dependency_is_named_with_its_path(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let (first, second) = (make(&app, words("First"), &[]).await, make(&app, quick("Second"), &[]).await);
    let eve = app.user("eve").await;
    let new = NewTask { draft: words("Hers"), depends_on: vec![] };
    let hers = app.services.tasks.create(&eve, new).await.expect("made").state.id;
    let unknown = TaskId::new(uuid::Uuid::from_u128(7));
    let wrong = [second, unknown, hers, first, first];
    let mut refused = violations(depend(&app, second, &wrong).await.expect_err("refused"));
    refused.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(
        paths(&refused),
        [
            ("depends_on[0]", "self_dependency"),
            ("depends_on[1]", "unknown_dependency"),
            ("depends_on[2]", "unknown_dependency"),
            ("depends_on[4]", "duplicate_dependency"),
        ]
    );
    assert_eq!(status(&app, second).await, TaskStatus::Ready);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_cycle_is_named_in_its_order(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let mut chain: Vec<TaskId> = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        let before: Vec<TaskId> = chain.last().copied().into_iter().collect();
        chain.push(make(&app, words(name), &before).await);
    }
    for (waits, on, cycle) in [
        (chain[0], chain[1], "`a` waits for `b` waits for `a`"),
        (chain[0], chain[4], "`a` waits for `e` waits for `d` waits for `c` waits for `b` waits for `a`"),
    ] {
        let refused = depend(&app, waits, &[on]).await.expect_err("a cycle");
        assert_eq!(refused.code(), "dependency_cycle");
        assert!(refused.to_string().contains(cycle), "{refused}");
        assert_eq!(paths(&violations(refused)), [("depends_on", "dependency_cycle")]);
    }
    assert_eq!(app.db.number("SELECT COUNT(*) FROM task_dependencies").await, 4);
    let stays = told_types(&app, chain[0]).await;
    assert_eq!(stays, ["task.created"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_begun_task_that_waits_again_keeps_its_run_and_its_trace(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let (first, flaky) = (make(&app, words("First"), &[]).await, make(&app, flaky("flaky"), &[]).await);
    app.step(5).await;
    let trace = "SELECT CAST(COUNT(DISTINCT trace_id) AS TEXT) FROM runs r JOIN tasks t ON t.id = r.task_id \
                 WHERE t.slug = 'flaky' AND r.attempts = ";
    assert_eq!(app.db.texts(&format!("{trace}1")).await, ["1"]);
    depend(&app, flaky, &[first]).await.expect("waits");
    assert_eq!(runs(&app, "flaky", "r.status = 'waiting' AND r.available_at IS NULL").await, 1);
    app.clock.advance(std::time::Duration::from_secs(120));
    assert_eq!(app.kernel.claim(5).await.expect("claims").len(), 0, "it waits for the other");
    let request = RunRequest { task: "flaky".into(), mode: Mode::Manual, scheduled_at: None, wait: None };
    let blocked = app.services.tasks.run(&app.ada, &request).await.expect_err("blocked");
    assert_eq!(blocked.code(), "dependencies_open");
    // What is changed meanwhile holds for its next attempt.
    edit(&app, flaky, TaskEdit { priority: Some(5), ..TaskEdit::default() }).await.expect("changes");
    assert_eq!(depend(&app, flaky, &[]).await.expect("is free").state.status, TaskStatus::Ready);
    assert_eq!(runs(&app, "flaky", "r.status = 'queued' AND r.priority = 5").await, 1);
    app.drain().await;
    let done = task(&app, flaky).await.state;
    assert_eq!((done.status, done.attempt, done.result), (TaskStatus::Completed, 2, Some(json!("flaky"))));
    assert_eq!(app.db.texts(&format!("{trace}2")).await, ["1"]);
    assert_eq!(runs(&app, "flaky", "1 = 1").await, 1);
    let record: Vec<_> =
        app.experiences().await.into_iter().map(|one| one.content["structured"].clone()).collect();
    assert_eq!(record.len(), 2);
    assert_eq!(record[0]["trace_id"], record[1]["trace_id"]);
    assert_eq!(record[0]["span_id"], record[1]["retry_of"]);
    assert_eq!(record[0]["scheduled_at"], record[1]["scheduled_at"]);
}
