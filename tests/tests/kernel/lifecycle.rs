//! What becomes of a task from its first attempt to its last, and of its goal with it.

use std::time::Duration;

use goalwright_application::Error;
use goalwright_application::read::{GoalFilter, PageRequest};
use goalwright_application::tasks::NewTask;
use goalwright_domain::execution::Action;
use goalwright_domain::goal::GoalStatus;
use goalwright_domain::task::{DraftTask, TaskStatus};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

pub(crate) const PLAN: &str = r#"# Two steps

## Phase 1: Work

- [ ] T001 Make a number
  use: probe.none {"name": "one", "result": {"n": 41}}
- [ ] T002 Use it (depends on T001)
  use: text.render {"template": "n is {T001.n + 1}"}
"#;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_plan_becomes_a_goal_whose_tasks_hand_results_on_until_it_is_achieved(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Ready);
    assert_eq!(app.task(goal, "T002").await.state.status, TaskStatus::Pending);
    app.drain().await;
    let second = app.task(goal, "T002").await;
    assert_eq!(second.state.status, TaskStatus::Completed);
    assert_eq!(second.state.result, Some(json!("n is 42")));
    let progress = app.progress(goal).await;
    assert_eq!((progress.percentage, progress.completed, progress.total), (100.0, 2, 2));
    let goal = app.services.goals.get(&app.ada, goal).await.expect("there");
    assert_eq!(goal.state.status, GoalStatus::Achieved);
    assert_eq!(app.experiences().await.len(), 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_retryable_failure_is_tried_again_after_its_delay_and_a_final_one_is_not(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 [P] Flaky\n  use: probe.none {\"name\": \"flaky\", \"fail\": 2}\n\
                - [ ] T002 [P] Broken\n  use: probe.none {\"name\": \"broken\", \"fail\": 9, \"retryable\": false}\n\
                - [ ] T003 Behind (depends on T002)\n  use: time.now\n";
    let goal = app.import(plan).await;
    app.drain().await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Ready, "waits for its delay");
    for _ in 0..2 {
        app.clock.advance(Duration::from_secs(60));
        app.drain().await;
    }
    let flaky = app.task(goal, "T001").await;
    assert_eq!((flaky.state.status, flaky.state.attempt), (TaskStatus::Completed, 3));
    assert_eq!(app.tools.calls("flaky").len(), 3);
    let broken = app.task(goal, "T002").await;
    assert_eq!(broken.state.status, TaskStatus::Failed);
    assert_eq!(broken.state.error.expect("why").kind, "Probed");
    assert_eq!(app.tools.calls("broken").len(), 1);

    let progress = app.progress(goal).await;
    let codes: Vec<&str> = progress.reasons.iter().map(|reason| reason.code).collect();
    assert_eq!(codes, ["task_failed", "dependency_failed"]);
    assert_eq!(progress.reasons[1].task_ids, [app.task(goal, "T003").await.state.id]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn attempts_end_after_max_attempts(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal =
        app.import("# P\n\n- [ ] T001 Fails\n  use: probe.none {\"name\": \"x\", \"fail\": 99}\n").await;
    for _ in 0..6 {
        app.drain().await;
        app.clock.advance(Duration::from_secs(120));
    }
    assert_eq!(app.tools.calls("x").len(), 3);
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Failed);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_irreversible_effect_is_tried_once(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app
        .import("# P\n\n- [ ] T001 Once\n  use: probe.irreversible {\"name\": \"x\", \"fail\": 1}\n")
        .await;
    app.drain().await;
    let task = app.task(goal, "T001").await;
    assert_eq!((task.state.status, task.state.max_attempts), (TaskStatus::Failed, 1));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_sleeping_task_holds_no_lease_and_wakes_by_itself(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import("# P\n\n- [ ] T001 Sleep\n  use: time.sleep {\"seconds\": 90}\n").await;
    app.drain().await;
    let task = app.task(goal, "T001").await;
    assert_eq!(task.state.status, TaskStatus::Waiting);
    assert!(task.state.waiting.expect("why").until.is_some());
    assert_eq!(app.db.number("SELECT COUNT(*) FROM attempts WHERE lease_token IS NOT NULL").await, 0);
    app.clock.advance(Duration::from_secs(91));
    app.drain().await;
    assert_eq!(app.task(goal, "T001").await.state.status, TaskStatus::Completed);
    assert_eq!(app.db.number("SELECT COUNT(*) FROM attempts").await, 1, "waking up is the same attempt");
    assert_eq!(app.db.number("SELECT fence FROM attempts").await, 2, "under a new fence");
    assert_eq!(app.experiences().await.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_template_that_finds_nothing_fails_the_execution_with_its_path(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 Make\n  use: probe.none {\"name\": \"a\", \"result\": {\"n\": 1}}\n\
                - [ ] T002 Use\n  use: text.render {\"template\": \"{T001.m}\"}\n";
    let goal = app.import(plan).await;
    app.drain().await;
    let failed = app.task(goal, "T002").await;
    assert_eq!(failed.state.status, TaskStatus::Failed);
    assert!(failed.state.error.expect("why").message.contains("T001.m"));
    let record = app.experiences().await.pop().expect("recorded");
    assert_eq!(record.content["structured"]["status"], "failed");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_achieved_goal_is_active_again_when_a_task_is_added(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    app.drain().await;
    let draft = DraftTask { title: "One more".into(), goal_id: Some(goal), ..DraftTask::default() };
    let task = app.create_task(draft).await;
    assert_eq!(task.state.status, TaskStatus::Ready, "plain words go to the person");
    let view = app.services.goals.get(&app.ada, goal).await.expect("there");
    assert_eq!(view.state.status, GoalStatus::Active);
    assert_eq!(app.events_of("goal.reopened").await.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_waits_for_others_becomes_ready_with_the_last_of_them(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let make = |title: &str, depends_on| NewTask {
        draft: DraftTask {
            title: title.into(),
            action: Some(Action::Tool {
                tool: "time".into(),
                operation: "now".into(),
                parameters: json!({}),
            }),
            ..DraftTask::default()
        },
        depends_on,
    };
    let a = app.services.tasks.create(&app.ada, make("A", vec![])).await.expect("made").state.id;
    let b = app.services.tasks.create(&app.ada, make("B", vec![])).await.expect("made").state.id;
    let c = app.services.tasks.create(&app.ada, make("C", vec![a, b])).await.expect("made");
    assert_eq!((c.state.status, c.blocked_by.len()), (TaskStatus::Pending, 2));
    app.step(1).await;
    let c = app.services.tasks.get(&app.ada, c.state.id).await.expect("there");
    assert_eq!((c.state.status, c.blocked_by.len()), (TaskStatus::Pending, 1));
    app.step(1).await;
    let c = app.services.tasks.get(&app.ada, c.state.id).await.expect("there");
    assert_eq!((c.state.status, c.blocked_by.len()), (TaskStatus::Ready, 0));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nobody_sees_what_belongs_to_another_workspace(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    let task = app.task(goal, "T001").await.state.id;
    let eve = app.user("eve").await;
    let page = PageRequest::first(9);
    assert!(
        app.services.goals.list(&eve, &GoalFilter::default(), &page).await.expect("lists").items.is_empty()
    );
    assert_eq!(app.services.goals.get(&eve, goal).await.expect_err("hidden").code(), "not_found");
    assert_eq!(app.services.tasks.get(&eve, task).await.expect_err("hidden").code(), "not_found");
    let completion = Default::default();
    assert_eq!(
        app.services.tasks.complete(&eve, task, &completion).await.expect_err("hidden").code(),
        "not_found"
    );
    let draft = DraftTask { title: "x".into(), goal_id: Some(goal), ..DraftTask::default() };
    let refused = app
        .services
        .tasks
        .create(&eve, NewTask { draft, depends_on: vec![task] })
        .await
        .expect_err("foreign");
    let Error::Invalid { violations, .. } = refused else { panic!("{refused}") };
    assert_eq!(violations.len(), 2, "{violations:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_with_a_time_of_its_own_is_not_begun_before_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let at: goalwright_domain::Timestamp = "2026-01-01T13:00:00Z".parse().expect("a time");
    let draft = DraftTask {
        title: "Later".into(),
        scheduled_at: Some(at),
        action: Some(Action::Tool { tool: "time".into(), operation: "now".into(), parameters: json!({}) }),
        ..DraftTask::default()
    };
    let task = app.create_task(draft).await;
    app.drain().await;
    let view = app.services.tasks.get(&app.ada, task.state.id).await.expect("there").state;
    assert_eq!((view.status, view.scheduled_at), (TaskStatus::Ready, Some(at)));
    app.clock.advance(Duration::from_secs(3600));
    app.drain().await;
    let view = app.services.tasks.get(&app.ada, task.state.id).await.expect("there").state;
    assert_eq!((view.status, view.scheduled_at), (TaskStatus::Completed, Some(at)));
}
