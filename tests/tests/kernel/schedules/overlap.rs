use goalwright_domain::execution::OnExhausted;
use goalwright_domain::task::TaskStatus;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use super::*;

/// Two slots of an hourly task while its first attempt is being performed, then its end.
async fn while_it_runs(backend: Backend, overlap: &str) -> Option<(TestApp, TaskId)> {
    let app = TestApp::start(backend).await?;
    let id = make(&app, recurring("tick", json!({"frequency": "hourly", "overlap": overlap}))).await;
    wait_until(&app, "2026-01-01T13:00:00Z");
    tick(&app).await;
    let first = app.kernel.claim(4).await.expect("claims");
    assert_eq!(first.len(), 1);
    app.kernel.heartbeat(&[first[0].lease]).await.expect("beats");
    wait_until(&app, "2026-01-01T14:00:00Z");
    tick(&app).await;
    let done = app.perform(&first[0]).await;
    let held = app.kernel.settle(&[done]).await.expect("settles");
    assert_eq!(held[0].is_ok(), overlap != "cancel_previous", "{overlap}");
    app.clock.advance(std::time::Duration::from_secs(2));
    tick(&app).await;
    app.drain().await;
    Some((app, id))
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn under_skip_it_is_left_out(#[case] backend: Backend) {
    let Some((app, id)) = while_it_runs(backend, "skip").await else { return };
    assert_eq!(app.tools.calls("tick").len(), 1);
    assert_eq!(told(&app, id).await, ["slot.fired 01-01T13:00", "slot.skipped (overlap) 01-01T14:00"]);
    at(&app, "2026-01-01T15:00:00Z").await;
    assert_eq!(app.tools.calls("tick").len(), 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn under_queue_it_waits_for_its_turn(#[case] backend: Backend) {
    let Some((app, id)) = while_it_runs(backend, "queue").await else { return };
    assert_eq!(app.tools.calls("tick").len(), 2);
    assert_eq!(
        told(&app, id).await,
        ["slot.fired 01-01T13:00", "slot.queued (overlap) 01-01T14:00", "slot.fired 01-01T14:00"]
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn under_queue_at_most_a_hundred_wait(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let value = json!({"cron": "* * * * *", "overlap": "queue", "misfire": "all", "misfire_window": 86_400});
    let id = make(&app, recurring("tick", value)).await;
    wait_until(&app, "2026-01-01T14:00:00Z");
    app.services.schedules.tick().await.expect("ticks");
    let told = told(&app, id).await;
    assert_eq!(told.iter().filter(|line| line.starts_with("slot.fired")).count(), 1);
    assert_eq!(told.iter().filter(|line| line.starts_with("slot.queued")).count(), 99);
    let full = told.iter().find(|line| line.starts_with("slot.skipped (queue_full)")).expect("full");
    assert_eq!(full.split(' ').count() - 2, 20);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn under_allow_both_run(#[case] backend: Backend) {
    let Some((app, id)) = while_it_runs(backend, "allow").await else { return };
    assert_eq!(app.tools.calls("tick").len(), 2);
    assert_eq!(told(&app, id).await, ["slot.fired 01-01T13:00", "slot.fired 01-01T14:00"]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn under_cancel_previous_the_earlier_one_is_given_up(#[case] backend: Backend) {
    let Some((app, id)) = while_it_runs(backend, "cancel_previous").await else { return };
    let after = task(&app, id).await;
    assert_eq!(after.state.status, TaskStatus::Completed, "by the second firing");
    assert_eq!(after.state.scheduled_at.expect("ran").to_string(), "2026-01-01T14:00:00.000000Z");
    let records = app.experiences().await;
    assert_eq!(records.len(), 2, "the attempt that was given up is on record");
    assert!(records.iter().any(|record| record.content.to_string().contains("Superseded")));
    // A run beside the task gives way as well.
    wait_until(&app, "2026-01-01T15:00:00Z");
    tick(&app).await;
    wait_until(&app, "2026-01-01T16:00:00Z");
    tick(&app).await;
    app.drain().await;
    assert_eq!(app.experiences().await.len(), 3, "the run of 15:00 never began");
    assert_eq!(told(&app, id).await.len(), 4);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn under_cancel_previous_a_question_about_the_earlier_one_is_closed(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let schedule = json!({"frequency": "hourly", "overlap": "cancel_previous"});
    let id = make(&app, once_failing("tick", schedule, 1)).await;
    wait_until(&app, "2026-01-01T13:00:00Z");
    tick(&app).await;
    app.drain().await;
    assert_eq!(task(&app, id).await.state.status, TaskStatus::Waiting, "its only attempt has failed");
    wait_until(&app, "2026-01-01T14:00:00Z");
    tick(&app).await;
    app.drain().await;
    let after = task(&app, id).await.state;
    assert_ne!(after.status, TaskStatus::Waiting, "nobody is asked about what was superseded");
    assert_eq!(app.tools.calls("tick").len(), 2, "the later firing was performed");
    if after.status == TaskStatus::Failed {
        app.services.tasks.retry(&app.ada, id, "once more").await.expect("retries");
        app.drain().await;
    }
    assert_eq!(task(&app, id).await.state.status, TaskStatus::Completed);
}

/// A recurring task that pauses when its only attempt has failed, whose first calls fail.
fn once_failing(name: &str, value: serde_json::Value, fail: u32) -> DraftTask {
    let parameters = json!({"name": name, "fail": fail, "retryable": false});
    let action = Action::Tool { tool: "probe".into(), operation: "none".into(), parameters };
    DraftTask {
        action: Some(action),
        max_attempts: Some(1),
        on_exhausted: OnExhausted::Pause,
        ..recurring(name, value)
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_run_beside_its_task_that_fails_keeps_no_later_slot_from_firing(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    // The first slot completes the task; those that follow are runs beside it.
    let id = make(&app, recurring("tick", json!({"frequency": "hourly"}))).await;
    wait_until(&app, "2026-01-01T13:00:00Z");
    tick(&app).await;
    app.drain().await;
    let failing = "UPDATE tasks SET on_exhausted = 'pause', max_attempts = 1, action = ";
    let action = json!({"kind": "tool", "tool": "probe", "operation": "none",
        "parameters": {"name": "tock", "fail": 1, "retryable": false}});
    let stored = app.db.texts("SELECT CAST(action AS TEXT) FROM tasks").await.remove(0);
    let stored: serde_json::Value = serde_json::from_str(&stored).expect("json");
    let mut changed = stored.clone();
    changed["parameters"] = action["parameters"].clone();
    app.db.execute(&format!("{failing}'{changed}'")).await.expect("changes");
    for at in ["2026-01-01T14:00:00Z", "2026-01-01T15:00:00Z"] {
        wait_until(&app, at);
        tick(&app).await;
        app.drain().await;
    }
    assert_eq!(app.tools.calls("tock").len(), 2, "nobody could have answered for the one that failed");
    assert_eq!(app.db.number("SELECT COUNT(*) FROM runs WHERE status = 'failed'").await, 1);
    assert_eq!(task(&app, id).await.state.status, TaskStatus::Completed);
}
