use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use super::*;

/// An hourly task that was made at noon; nobody looked until 16:10.
async fn after_downtime(
    backend: Backend,
    misfire: &str,
    overlap: &str,
    window: u32,
) -> Option<(usize, Vec<String>)> {
    let app = TestApp::start(backend).await?;
    let value =
        json!({"frequency": "hourly", "misfire": misfire, "misfire_window": window, "overlap": overlap});
    let id = make(&app, recurring("tick", value)).await;
    at(&app, "2026-01-01T16:10:00Z").await;
    app.clock.advance(std::time::Duration::from_secs(2));
    // What was queued is run one by one.
    for _ in 0..4 {
        app.clock.advance(std::time::Duration::from_secs(2));
        tick(&app).await;
        app.drain().await;
    }
    Some((app.tools.calls("tick").len(), told(&app, id).await))
}

#[rstest]
#[tokio::test]
async fn what_nobody_looked_after_is_caught_up_as_the_policy_says(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let Some((runs, told)) = after_downtime(backend, "all", "allow", 86_400).await else { return };
    assert_eq!((runs, told.len()), (4, 4));
    assert_eq!((told[0].as_str(), told[3].as_str()), ("slot.fired 01-01T13:00", "slot.fired 01-01T16:00"));

    let Some((runs, told)) = after_downtime(backend, "all", "queue", 86_400).await else { return };
    assert_eq!((runs, told.iter().filter(|line| line.starts_with("slot.fired")).count()), (4, 4), "{told:?}");
    assert_eq!(told.iter().filter(|line| line.starts_with("slot.queued")).count(), 3);

    let Some((runs, told)) = after_downtime(backend, "all", "allow", 7_200).await else { return };
    assert_eq!(runs, 2);
    assert_eq!(
        told,
        [
            "slot.fired 01-01T15:00",
            "slot.fired 01-01T16:00",
            "slot.missed (outside_misfire_window) 01-01T13:00 01-01T14:00",
        ]
    );
    let Some((runs, told)) = after_downtime(backend, "last", "skip", 86_400).await else { return };
    assert_eq!(runs, 1);
    assert_eq!(
        told,
        ["slot.fired 01-01T16:00", "slot.missed (later_slot_due) 01-01T13:00 01-01T14:00 01-01T15:00"]
    );
    let Some((runs, told)) = after_downtime(backend, "none", "skip", 86_400).await else { return };
    assert_eq!((runs, told.len()), (0, 1));
    assert!(told[0].starts_with("slot.missed (misfire_none)"), "{told:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_late_run_keeps_the_moment_of_its_slot(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let id = make(&app, recurring("tick", json!({"frequency": "hourly"}))).await;
    at(&app, "2026-01-01T13:40:00Z").await;
    assert_eq!(app.tools.calls("tick").len(), 1);
    let at = task(&app, id).await.state.scheduled_at.expect("ran");
    assert_eq!(at.to_string(), "2026-01-01T13:00:00.000000Z");
    assert!(
        executed(&app).await.iter().all(|at| at.contains("2026-01-01T13:00:00") || at.starts_with("1767"))
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn very_many_missed_slots_are_passed_over_in_steps(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let value = json!({"cron": "* * * * * *", "misfire": "last", "misfire_window": 3000});
    let id = make(&app, recurring("tick", value)).await;
    app.clock.advance(hours(30 * 24));
    tick(&app).await;
    app.drain().await;
    // All of the last minute are in time; of those before none is caught up.
    let told = told(&app, id).await;
    assert_eq!(app.tools.calls("tick").len(), 1, "the others overlap");
    assert!(
        told.iter().any(|line| line.starts_with("slot.missed (outside_misfire_window)")),
        "{}",
        told.len()
    );
    assert!(told.iter().any(|line| line.starts_with("slot.missed (later_slot_due)")));
    assert!(told.iter().any(|line| line.starts_with("slot.skipped (overlap)")));
    assert!(told.len() < 12, "{}", told.len());
}
