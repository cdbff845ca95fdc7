//! One schedule that cannot be looked after stops no other one.

use goalwright_domain::task::TaskEdit;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::json;

use super::*;

/// The database refuses every slot of this task.
async fn poison(app: &TestApp, backend: Backend, id: TaskId) {
    let hex = id.uuid().simple();
    let sql = match backend {
        Backend::Sqlite => format!(
            "CREATE TRIGGER poison BEFORE INSERT ON task_slots WHEN NEW.task_id = x'{hex}' \
             BEGIN SELECT RAISE(ABORT, 'this one never works'); END"
        ),
        Backend::Postgres => format!(
            "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'this one never works' USING ERRCODE = 'check_violation'; END $$; \
             CREATE TRIGGER poison BEFORE INSERT ON task_slots FOR EACH ROW WHEN (NEW.task_id = '{id}') \
             EXECUTE FUNCTION poison()"
        ),
    };
    app.db.execute(&sql).await.expect("is poisoned");
}

async fn cure(app: &TestApp, backend: Backend) {
    let on = if backend == Backend::Postgres { " ON task_slots" } else { "" };
    app.db.execute(&format!("DROP TRIGGER poison{on}")).await.expect("is cured");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_always_fails_is_set_aside_and_all_others_run(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        ids.push(make(&app, recurring(name, json!({"frequency": "hourly"}))).await);
    }
    let culprit = ids[4];
    poison(&app, backend, culprit).await;
    at(&app, "2026-01-01T13:00:00.2Z").await;
    for name in ["a", "b", "c", "d", "f", "g"] {
        assert_eq!(app.tools.calls(name).len(), 1, "{name} runs");
    }
    assert_eq!(app.tools.calls("e").len(), 0);

    // It is seen: in the view of the schedule, and in the ledger, once.
    let aside = app.services.schedules.set_aside(&app.ada, culprit).await.expect("reads").expect("told");
    assert!(aside.reason.contains("never works"), "{aside:?}");
    assert_eq!(app.services.schedules.set_aside(&app.ada, ids[0]).await.expect("reads"), None);
    at(&app, "2026-01-01T14:00:00.2Z").await;
    assert_eq!(app.tools.calls("a").len(), 2);
    app.sequence().await;
    let told = app.db.number("SELECT COUNT(*) FROM events WHERE event_type = 'schedule.set_aside'").await;
    assert_eq!(told, 1, "it is not tried again and again");

    // Mended, and changed: it is taken up again.
    cure(&app, backend).await;
    at(&app, "2026-01-01T15:00:00.2Z").await;
    assert_eq!(app.tools.calls("e").len(), 0, "nobody has said that it is mended");
    let words = TaskEdit { description: Some("Mended.".to_owned()), ..TaskEdit::default() };
    edit(&app, culprit, words).await.expect("changes");
    assert_eq!(app.services.schedules.set_aside(&app.ada, culprit).await.expect("reads"), None);
    at(&app, "2026-01-01T16:00:00.2Z").await;
    assert!(!app.tools.calls("e").is_empty(), "it runs again");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_schedule_that_cannot_be_read_stops_no_other_one(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let broken = make(&app, recurring("broken", json!({"frequency": "hourly"}))).await;
    make(&app, recurring("well", json!({"frequency": "hourly"}))).await;
    let sql = "UPDATE tasks SET schedule = '{\"frequency\": \"whenever\"}' WHERE slug = 'broken'";
    app.db.execute(sql).await.expect("is broken");
    wait_until(&app, "2026-01-01T13:00:00.2Z");
    tick(&app).await;
    app.drain().await;
    let aside =
        app.db.texts("SELECT set_aside_reason FROM task_schedules WHERE set_aside_at IS NOT NULL").await;
    assert_eq!(aside.len(), 1);
    assert!(aside[0].contains("schedule"), "{aside:?}");
    let fired = app.db.number("SELECT COUNT(*) FROM task_slots WHERE status = 'fired'").await;
    assert_eq!(fired, 1, "the other one fires");
    // Another schedule begins anew.
    app.db.execute("UPDATE tasks SET schedule = NULL WHERE slug = 'broken'").await.expect("is mended");
    reschedule(&app, broken, Some(json!({"frequency": "hourly"}))).await;
    at(&app, "2026-01-01T14:00:00.2Z").await;
    assert_eq!((app.tools.calls("broken").len(), app.tools.calls("well").len()), (1, 2));
}
