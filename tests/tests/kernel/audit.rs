//! The ledger is tamper-evident: whoever changes it in the database is found out.

use goalwright_application::audit::{Audit, Invalid, Verified};
use goalwright_application::ports::StorageError;
use goalwright_domain::ledger::{Broken, Fact, KeyRing, SealKey};
use goalwright_domain::workspace::Actor;
use goalwright_infrastructure::persistence::{Database, DatabaseSettings, GoOn, OpenError, WentOn};
use goalwright_testkit::{Backend, TestApp, database_settings};
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

pub(crate) async fn verify(app: &TestApp) -> Verified {
    app.services.audit.verify(app.ada.workspace()).await.expect("verifies")
}

/// The database's own guards are taken away: whoever tampers has all rights there.
pub(crate) async fn without_guards(app: &TestApp, backend: Backend) {
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
    let noted = app.ports.ledger.noted(app.ada.workspace()).expect("is read");
    assert!(noted.anchor.expect("was noted").position > 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_database_that_is_sealed_with_another_key_is_not_opened(#[case] backend: Backend) {
    let Some(app) = worked_off(backend).await else { return };
    let audit_keys = SealKey::from_secret(b"another key").into();
    let settings = DatabaseSettings { audit_keys, ..database_settings(&app.db.url) };
    let opened = Database::open(&settings, app.clock.clone()).await;
    let Err(error) = opened else { panic!("it was opened with another key") };
    assert!(error.to_string().contains("sealed with the key"), "{error}");
    assert!(error.help().contains("audit-key"), "{}", error.help());
}

/// The same keys and notes, with another key to seal with.
fn settings(app: &TestApp, keys: KeyRing, anchors: &str) -> DatabaseSettings {
    let audit_anchors = Some(app.db.folder().join(anchors));
    DatabaseSettings { pool: 5, audit_keys: keys, audit_anchors, ..database_settings(&app.db.url) }
}

fn next() -> SealKey {
    SealKey::from_secret(b"the next audit key")
}

async fn go_on(app: &TestApp, database: &Database, old: Option<&SealKey>) -> WentOn {
    let known = database.sealed_with().await.expect("is read").expect("is sealed");
    let how = GoOn {
        known: &known,
        old,
        next: next(),
        actor: Actor::system("test"),
        reason: "because",
        ids: app.ports.ids.as_ref(),
    };
    database.go_on(how).await.expect("goes on")
}

async fn verified(app: &TestApp, database: &Database) -> Verified {
    Audit::new(database.ledger()).verify(app.ada.workspace()).await.expect("verifies")
}

/// What the process that has this database appends.
async fn append(app: &TestApp, database: &Database) -> Result<(), StorageError> {
    let fact = Fact {
        entity_type: "probe",
        entity_id: "1".to_owned(),
        event_type: "probe.noted",
        changes: serde_json::json!({}),
        metadata: serde_json::json!({}),
    };
    let events = app.ada.events(app.ports.ids.as_ref(), vec![fact], app.ports.clock.now());
    let unit = database.transactions().begin().await?;
    unit.outbox().append(&events).await?;
    unit.commit().await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_ledger_that_is_handed_over_is_verified_with_both_keys(#[case] backend: Backend) {
    let Some(app) = worked_off(backend).await else { return };
    let old = goalwright_testkit::audit_key();
    app.ports.ledger.note().await.expect("notes");
    let before = verify(&app).await;
    assert_eq!(go_on(&app, &app.db.database, Some(&old)).await.unverifiable, 0);
    // A process that still has the old key appends nothing that does not fit.
    let refused = append(&app, &app.db.database).await.expect_err("it is another key's ledger");
    assert!(matches!(refused, StorageError::Unavailable { .. }), "{refused:?}");

    let open = async |keys: KeyRing| {
        Database::open(&settings(&app, keys, "audit-anchors.json"), app.clock.clone()).await
    };
    assert!(matches!(open(old.clone().into()).await, Err(OpenError::AuditKey { .. })));
    // Whoever has both opens it, whichever of them is the one of the settings.
    let database = open(KeyRing::new(old.clone(), vec![next()])).await.expect("opens");
    append(&app, &database).await.expect("appends");
    let whole = verified(&app, &database).await;
    assert_eq!((whole.events, whole.unverifiable, whole.first_invalid), (before.events + 2, 0, None));
    // Without the old key its part is not passed over in silence.
    let alone = open(next().into()).await.expect("opens");
    let found = verified(&app, &alone).await.first_invalid.expect("it is not verified");
    assert_eq!((found.position, found.reason), (1, Broken::Unfitting));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_ledger_whose_key_is_lost_goes_on_and_says_so(#[case] backend: Backend) {
    let Some(app) = worked_off(backend).await else { return };
    let before = verify(&app).await.events;
    let open = async |keys: KeyRing, anchors: &str| {
        Database::open(&settings(&app, keys, anchors), app.clock.clone()).await
    };
    let lost = settings(&app, SealKey::from_secret(b"made anew").into(), "anchors-here.json");
    let database = Database::open_whatever_key(&lost, app.clock.clone()).await.expect("opens");
    let made_anew = SealKey::from_secret(b"made anew");
    assert_eq!(database.fitting(&made_anew).await.expect("reads").0, 0, "the key is not here");
    assert_eq!(go_on(&app, &database, None).await, WentOn { ledgers: 1, unverifiable: before });

    let here = open(next().into(), "anchors-here.json").await.expect("opens");
    append(&app, &here).await.expect("appends");
    let Verified { events, unverifiable, first_invalid, .. } = verified(&app, &here).await;
    assert_eq!((events, unverifiable, first_invalid), (before + 2, before, None));
    // Notes that are taken later keep what was lost.
    here.ledger().note().await.expect("notes");
    assert_eq!(verified(&app, &here).await.unverifiable, before);
    // Where nothing was noted of a loss, nothing is believed of it.
    let elsewhere = open(next().into(), "anchors-elsewhere.json").await.expect("opens");
    let found = verified(&app, &elsewhere).await.first_invalid.expect("told");
    assert_eq!((found.position, found.reason), (1, Broken::Unfitting));
    let both = KeyRing::new(next(), vec![goalwright_testkit::audit_key()]);
    let elsewhere = open(both.clone(), "anchors-elsewhere.json").await.expect("opens");
    let found = verified(&app, &elsewhere).await.first_invalid.expect("told");
    assert_eq!(found.position, before + 1, "from there on another key seals, and nobody handed over to it");
    // The key is found after all: all of it can be verified again.
    let found = open(both, "anchors-here.json").await.expect("opens");
    assert_eq!(
        (verified(&app, &found).await.unverifiable, verified(&app, &found).await.first_invalid),
        (0, None)
    );

    // What nobody can verify any more is still compared with its digests, and what comes behind with its seals.
    without_guards(&app, backend).await;
    app.db.execute("UPDATE events SET actor_id = 'mallory' WHERE position = 2").await.expect("tampers");
    let told = verified(&app, &here).await.first_invalid.expect("noticed");
    assert_eq!((told.position, told.reason), (2, Broken::Changed));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn whoever_has_the_database_and_no_key_cannot_pretend_that_it_was_lost(#[case] backend: Backend) {
    let Some(app) = worked_off(backend).await else { return };
    app.ports.ledger.note().await.expect("notes");
    // With a key of their own they do just what the command does, rewriting what they like before.
    without_guards(&app, backend).await;
    let mallory = settings(&app, next().into(), "anchors-of-mallory.json");
    let database = Database::open_whatever_key(&mallory, app.clock.clone()).await.expect("opens");
    go_on(&app, &database, None).await;
    let known = goalwright_testkit::audit_key();
    let ours = settings(&app, known.clone().into(), "audit-anchors.json");
    let refused = Database::open(&ours, app.clock.clone()).await;
    assert!(
        matches!(refused, Err(OpenError::AuditKey { .. })),
        "the program does not start with such a database"
    );
    // Nor does putting the name of the old key back help them.
    let name = format!("UPDATE ledger_key SET fingerprint = '{}'", known.fingerprint());
    app.db.execute(&name).await.expect("tampers");
    let opened = Database::open(&ours, app.clock.clone()).await.expect("opens");
    let Verified { events, first_invalid, .. } = verified(&app, &opened).await;
    let found = first_invalid.expect("noticed");
    assert_eq!((found.position, found.reason), (events + 1, Broken::Unfitting));
}
