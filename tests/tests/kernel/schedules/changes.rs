use goalwright_application::tasks::Ending;
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use super::*;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_edited_schedule_counts_from_now_on_and_no_slot_fires_twice(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let nine = |zone: &str| json!({"frequency": "daily", "time": "13:00", "timezone": zone});
    let id = make(&app, recurring("tick", nine("UTC"))).await;
    at(&app, "2026-01-01T13:00:00Z").await;
    assert_eq!(app.tools.calls("tick").len(), 1);
    // The same nominal time comes once more today in New York.
    let edited = reschedule(&app, id, Some(nine("America/New_York"))).await;
    assert_eq!(edited.next_run_at.expect("planned").to_string(), "2026-01-01T18:00:00.000000Z");
    at(&app, "2026-01-01T18:00:00Z").await;
    assert_eq!(app.tools.calls("tick").len(), 1, "it has fired already");
    at(&app, "2026-01-02T18:00:00Z").await;
    assert_eq!(app.tools.calls("tick").len(), 2);
    // What would have been earlier today is not caught up.
    let hourly = json!({"frequency": "hourly", "misfire": "all", "misfire_window": 86_400});
    reschedule(&app, id, Some(hourly.clone())).await;
    at(&app, "2026-01-02T18:30:00Z").await;
    assert_eq!(app.tools.calls("tick").len(), 2);
    at(&app, "2026-01-02T19:00:00Z").await;
    assert_eq!(app.tools.calls("tick").len(), 3);
    reschedule(&app, id, None).await;
    let plain = task(&app, id).await;
    assert_eq!((plain.state.schedule.is_none(), plain.next_run_at), (true, None));
    at(&app, "2026-01-02T22:00:00Z").await;
    assert_eq!(app.tools.calls("tick").len(), 3);
    let again = reschedule(&app, id, Some(hourly)).await;
    assert_eq!(again.next_run_at.expect("planned").to_string(), "2026-01-02T23:00:00.000000Z");
    let lines = told(&app, id).await;
    assert!(lines.contains(&"slot.skipped (already_fired) 01-01T13:00".to_owned()), "{lines:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_ready_task_that_is_given_a_schedule_waits_and_without_it_is_ready_again(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id =
        make(&app, DraftTask { schedule: None, ..recurring("tick", json!({"frequency": "hourly"})) }).await;
    assert_eq!(task(&app, id).await.state.status, TaskStatus::Ready);
    reschedule(&app, id, Some(json!({"frequency": "hourly"}))).await;
    app.drain().await;
    assert_eq!((task(&app, id).await.state.status, app.tools.calls("tick").len()), (TaskStatus::Pending, 0));
    reschedule(&app, id, None).await;
    assert_eq!(task(&app, id).await.state.status, TaskStatus::Ready);
    app.drain().await;
    assert_eq!(app.tools.calls("tick").len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nothing_of_a_pause_is_caught_up(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = goal(&app).await;
    let value =
        json!({"frequency": "hourly", "misfire": "all", "misfire_window": 86_400, "overlap": "allow"});
    let id = make(&app, DraftTask { goal_id: Some(goal), ..recurring("tick", value) }).await;
    at(&app, "2026-01-01T13:00:00Z").await;
    assert_eq!(app.tools.calls("tick").len(), 1);
    // All its tasks are completed: the goal is achieved, and what recurs goes on.
    at(&app, "2026-01-01T14:00:00Z").await;
    assert_eq!(app.tools.calls("tick").len(), 2);
    let more = DraftTask { title: "More".into(), goal_id: Some(goal), ..DraftTask::default() };
    make(&app, more).await;
    set_goal(&app, goal, GoalStatus::Abandoned).await;
    at(&app, "2026-01-01T15:00:00Z").await;
    assert_eq!(app.tools.calls("tick").len(), 2);
    // Nobody looks after 16:00, which is in the pause, either.
    wait_until(&app, "2026-01-01T16:30:00Z");
    set_goal(&app, goal, GoalStatus::Active).await;
    tick(&app).await;
    app.drain().await;
    assert_eq!(app.tools.calls("tick").len(), 2);
    at(&app, "2026-01-01T17:00:00Z").await;
    assert_eq!(app.tools.calls("tick").len(), 3);
    assert_eq!(
        told(&app, id).await,
        [
            "slot.fired 01-01T13:00",
            "slot.fired 01-01T14:00",
            "slot.skipped (goal_not_active) 01-01T15:00",
            "slot.fired 01-01T17:00",
        ]
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_task_that_is_given_up_or_deleted_recurs_no_more(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(&app, recurring("tick", json!({"frequency": "hourly"}))).await;
    let gone = make(&app, recurring("gone", json!({"frequency": "hourly"}))).await;
    at(&app, "2026-01-01T13:00:00Z").await;
    app.services.tasks.delete(&app.ada, gone, &Precondition::Any).await.expect("deletes");
    let other = make(&app, recurring("other", json!({"frequency": "hourly"}))).await;
    app.services.tasks.end(&app.ada, other, Ending::Cancelled, "").await.expect("ends");
    at(&app, "2026-01-01T14:00:00Z").await;
    at(&app, "2026-01-01T15:00:00Z").await;
    assert_eq!((app.tools.calls("tick").len(), app.tools.calls("gone").len()), (3, 1));
    assert_eq!(app.tools.calls("other").len(), 0);
    assert_eq!(told(&app, other).await, ["slot.skipped (task_cancelled) 01-01T14:00"]);
    assert_eq!(task(&app, other).await.next_run_at, None);
    assert!(task(&app, id).await.next_run_at.is_some());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn once_is_once_and_what_is_over_is_refused(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let once = |at: &str| recurring("once", json!({"frequency": "once", "at": at}));
    let over = NewTask { draft: once("2025-12-31T00:00:00Z"), depends_on: Vec::new() };
    let refused = app.services.tasks.create(&app.ada, over).await.expect_err("over");
    assert!(matches!(&refused, Error::Invalid { violations, .. } if violations[0].code == "never_comes"));
    let id = make(&app, once("2026-01-01T13:37:42.5Z")).await;
    at(&app, "2026-01-01T13:37:42.4Z").await;
    assert_eq!(app.tools.calls("once").len(), 0);
    at(&app, "2026-01-01T13:37:42.5Z").await;
    let after = task(&app, id).await;
    assert_eq!((after.state.status, after.next_run_at), (TaskStatus::Completed, None));
    at(&app, "2026-03-01T00:00:00Z").await;
    assert_eq!(app.tools.calls("once").len(), 1);
}
