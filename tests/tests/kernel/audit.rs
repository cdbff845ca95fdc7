//! The ledger is tamper-evident: whoever changes it in the database is found out.

use goalwright_application::audit::{Invalid, Verified};
use goalwright_domain::ledger::Broken;
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;

const PLAN: &str = "# P\n\n- [ ] T001 One\n  use: probe.none {\"name\": \"a\"}\n- [ ] T002 Two (depends on T001)\n  use: probe.none {\"name\": \"b\"}\n";

/// A ledger of a goal that was worked off, all of it sealed.
async fn worked_off(backend: Backend) -> Option<TestApp> {
    let app = TestApp::start(backend).await?;
    app.import(PLAN).await;
    app.drain().await;
    app.sequence().await;
    Some(app)
}

async fn verify(app: &TestApp) -> Verified {
    app.services.audit.verify(app.ada.workspace()).await.expect("verifies")
}

/// The database's own guards are taken away: whoever tampers has all rights there.
async fn without_guards(app: &TestApp, backend: Backend) {
    let drop = match backend {
        Backend::Sqlite => {
            let names = app
                .db
                .texts("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'events'")
                .await;
            names.iter().map(|name| format!("DROP TRIGGER {name};")).collect::<String>()
        }
        Backend::Postgres => "ALTER TABLE events DISABLE TRIGGER ALL".to_owned(),
    };
    app.db.execute(&drop).await.expect("guards are gone");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_ledger_that_nobody_touched_is_whole_and_sealed(#[case] backend: Backend) {
    let Some(app) = worked_off(backend).await else { return };
    let verified = verify(&app).await;
    assert_eq!(verified.first_invalid, None);
    assert_eq!(verified.events, app.db.number("SELECT COUNT(*) FROM events").await);
    assert_eq!(app.db.number("SELECT COUNT(*) FROM events WHERE seal IS NULL").await, 0);
    assert_eq!(app.services.audit.verify_all().await.expect("verifies"), [verified]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn whatever_is_done_to_an_event_is_told_with_its_position(#[case] backend: Backend) {
    let tampered: [(&str, i64, Broken); 6] = [
        ("UPDATE events SET actor_id = 'mallory' WHERE position = 4", 4, Broken::Changed),
        ("UPDATE events SET changes = '{}' WHERE position = 3", 3, Broken::Changed),
        ("UPDATE events SET digest = 'sha256:00', seal = NULL WHERE position = 3", 3, Broken::Changed),
        ("DELETE FROM events WHERE position = 4", 5, Broken::Removed { count: 1 }),
        ("UPDATE events SET seal = NULL WHERE position = 4", 4, Broken::Unsealed),
        ("UPDATE ledger_heads SET mark = 'forged'", 0, Broken::HeadChanged),
    ];
    for (sql, position, reason) in tampered {
        let Some(app) = worked_off(backend).await else { return };
        without_guards(&app, backend).await;
        app.db.execute(sql).await.expect("tampers");
        let Verified { events, first_invalid, .. } = verify(&app).await;
        let Some(found) = first_invalid else { panic!("`{sql}` was not noticed") };
        let position = if position == 0 { events } else { position };
        assert_eq!((found.position, &found.reason), (position, &reason), "{sql}");
        let id = app.db.number(&format!("SELECT COUNT(*) FROM events WHERE position = {position}")).await;
        assert_eq!((id, found.event_id.is_some()), (1, true), "{sql}");
        app.db.discard().await;
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn events_that_change_places_or_lose_their_end_are_noticed(#[case] backend: Backend) {
    let Some(app) = worked_off(backend).await else { return };
    without_guards(&app, backend).await;
    for (from, to) in [(3, 999), (4, 3), (999, 4)] {
        let moved = format!("UPDATE events SET position = {to} WHERE position = {from}");
        app.db.execute(&moved).await.expect("moves");
    }
    let found = verify(&app).await.first_invalid.expect("noticed");
    assert_eq!((found.position, found.reason), (3, Broken::Unfitting));

    let Some(app) = worked_off(backend).await else { return };
    without_guards(&app, backend).await;
    let count = app.db.number("SELECT COUNT(*) FROM events").await;
    app.db
        .execute(&format!("DELETE FROM events WHERE position > {}", count - 2))
        .await
        .expect("removes the tail");
    let Verified { events, first_invalid, .. } = verify(&app).await;
    let Some(Invalid { position, reason, .. }) = first_invalid else {
        panic!("the tail is missed by nobody")
    };
    assert_eq!((events, position, reason), (count - 2, count - 2, Broken::TailRemoved { count: 2 }));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_history_that_the_program_was_made_to_seal_again_does_not_fit_what_was_noted_outside(
    #[case] backend: Backend,
) {
    let Some(app) = TestApp::start(backend).await else { return };
    let url = app.db.url.clone();
    let app = app.over(&url).await;
    app.import(PLAN).await;
    app.sequence().await;
    app.ports.ledger.note().await.expect("notes");
    app.drain().await;
    assert_eq!(verify(&app).await.first_invalid, None);

    // An event is removed, the others move up, seals are stripped, and the program seals what has no seal.
    without_guards(&app, backend).await;
    for sql in [
        "UPDATE events SET seal = NULL",
        "DELETE FROM events WHERE position = 2",
        "UPDATE events SET position = position + 1000 WHERE position > 2",
        "UPDATE events SET position = position - 1001 WHERE position > 1000",
        "UPDATE ledger_heads SET position = position - 1, sealed = 0, seal = NULL, mark = NULL",
    ] {
        app.db.execute(sql).await.expect("tampers");
    }
    let app = app.over(&url).await;
    app.sequence().await;
    assert_eq!(app.db.number("SELECT COUNT(*) FROM events WHERE seal IS NULL").await, 0);
    let found = verify(&app).await.first_invalid.expect("noticed");
    assert_eq!(found.reason, Broken::Rewritten);
    let noted = app.ports.ledger.anchor(app.ada.workspace()).expect("is read").expect("was noted");
    assert!(noted.position > 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_database_that_is_sealed_with_another_key_is_not_opened(#[case] backend: Backend) {
    let Some(app) = worked_off(backend).await else { return };
    let settings = goalwright_infrastructure::persistence::DatabaseSettings {
        url: app.db.url.clone(),
        pool: 2,
        pool_overflow: 0,
        migrate: true,
        audit_key: goalwright_domain::ledger::SealKey::from_secret(b"another key"),
        audit_anchors: None,
    };
    let opened = goalwright_infrastructure::persistence::Database::open(&settings, app.clock.clone()).await;
    let Err(error) = opened else { panic!("it was opened with another key") };
    assert!(error.to_string().contains("sealed with the key"), "{error}");
    assert!(error.help().contains("audit-key"), "{}", error.help());
}
