//! Rows are what their events tell, and what was changed past the product is told.

use std::sync::Arc;
use std::time::Duration;

use goalwright_application::Precondition;
use goalwright_application::audit::{Redact, Redactor};
use goalwright_application::maintenance::{Compared, Differing, Maintenance};
use goalwright_domain::execution::OnExhausted;
use goalwright_domain::goal::DraftGoal;
use goalwright_domain::ledger::{Disagreement, Entity, Fact};
use goalwright_domain::task::{TaskEdit, TaskId};
use goalwright_infrastructure::results::{ResultFiles, ResultFolders};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::pruning::{aged, prune};

const PLAN: &str = "# Trip\n\n- [ ] T001 Pack\n  use: probe.none {\"name\": \"a\"}\n- [ ] T002 Leave (depends on T001)\n- [ ] T003 [P] Wave\n";

async fn compare(app: &TestApp) -> (Compared, Vec<Differing>) {
    let mut found = Vec::new();
    let maintenance = Maintenance::new(&app.ports);
    let compared = maintenance.compare_rows(&mut |one| found.push(one)).await.expect("compares");
    (compared, found)
}

pub(crate) async fn are_what_events_tell(app: &TestApp) {
    let (compared, found) = compare(app).await;
    assert_eq!((compared.differing, found), (0, Vec::new()));
    let rows =
        "SELECT (SELECT COUNT(*) FROM goals) + (SELECT COUNT(*) FROM tasks) + (SELECT COUNT(*) FROM agents)";
    assert_eq!(compared.rows, app.db.number(rows).await.unsigned_abs());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_changed_past_the_product_is_told_and_left_as_it_is(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let goal = app.import(PLAN).await;
    app.step(1).await;
    // Events that have no position yet are told of, too.
    are_what_events_tell(&app).await;
    app.sequence().await;
    are_what_events_tell(&app).await;
    let (pack, wave) = (app.task(goal, "T001").await.state, app.task(goal, "T003").await.state);
    for sql in [
        "UPDATE goals SET title = 'Flight', revision = revision + 1",
        "UPDATE tasks SET description = 'with care', labels = '[\"late\"]' WHERE key = 'T001'",
        "DELETE FROM task_dependencies WHERE origin = 'explicit'",
        "UPDATE agents SET max_concurrency = 7 WHERE is_default",
    ] {
        app.db.execute(sql).await.expect("changes");
    }
    let before = app.db.number("SELECT COUNT(*) FROM events").await;
    let (compared, found) = compare(&app).await;
    assert_eq!(compared.differing, 4, "{found:?}");
    let told = |one: &Differing| match &one.what {
        Disagreement::Field { field, in_row, by_events } => {
            (one.entity, field.clone(), in_row.clone(), by_events.clone())
        }
        other => panic!("{other:?}"),
    };
    let revision = app.db.number("SELECT revision FROM goals").await;
    let expected = [
        (Entity::Goal, "title", json!("Flight"), json!("Trip")),
        (Entity::Goal, "revision", json!(revision), json!(revision - 1)),
        (Entity::Task, "description", json!("with care"), json!(pack.description)),
        (Entity::Task, "labels", json!(["late"]), json!(pack.labels)),
        (Entity::Task, "depends_on", json!([]), json!([{"task_id": pack.id, "origin": "explicit"}])),
        (Entity::Agent, "max_concurrency", json!(7), json!(null)),
    ];
    let expected = expected.map(|(entity, field, row, events)| (entity, field.to_owned(), row, events));
    assert_eq!(found.iter().map(told).collect::<Vec<_>>(), expected);
    assert!(found.iter().all(|one| one.workspace == app.ada.workspace()));
    let title = app.db.texts("SELECT title FROM goals").await;
    assert_eq!(
        (title, app.db.number("SELECT COUNT(*) FROM events").await),
        (vec!["Flight".to_owned()], before)
    );

    // What was put back agrees again.
    for sql in [
        "UPDATE goals SET title = 'Trip', revision = revision - 1".to_owned(),
        format!("UPDATE tasks SET description = '{}', labels = '[]' WHERE key = 'T001'", pack.description),
        "UPDATE agents SET max_concurrency = NULL WHERE is_default".to_owned(),
        "INSERT INTO task_dependencies (workspace_id, task_id, depends_on_task_id, origin, created_at) \
         SELECT t.workspace_id, t.id, w.id, 'explicit', t.created_at FROM tasks t, tasks w \
         WHERE t.key = 'T002' AND w.key = 'T001'"
            .to_owned(),
    ] {
        app.db.execute(&sql).await.expect("changes");
    }
    are_what_events_tell(&app).await;

    // A row that is gone, and one of which nobody tells.
    app.services.tasks.delete(&app.ada, wave.id, &Precondition::Any).await.expect("deletes");
    are_what_events_tell(&app).await;
    if backend == Backend::Postgres {
        app.db.execute("ALTER TABLE tasks DISABLE TRIGGER ALL").await.expect("guards are gone");
    }
    app.db.execute("DELETE FROM task_dependencies").await.expect("changes");
    let removed = app.task(goal, "T002").await.state.id;
    app.db.execute("DELETE FROM tasks WHERE key = 'T002'").await.expect("removes");
    app.sequence().await;
    let (_, found) = compare(&app).await;
    let expected = Differing {
        workspace: app.ada.workspace(),
        entity: Entity::Task,
        id: removed.to_string(),
        what: Disagreement::NoRow,
    };
    assert_eq!(found, [expected]);
    app.db.discard().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_pruned_or_redacted_is_compared_as_far_as_it_is_known(#[case] backend: Backend) {
    let Some((app, [done, open, _], before)) = aged(backend).await else { return };
    prune(&app, before).await;
    are_what_events_tell(&app).await;
    // All of its events are gone, and a snapshot tells of it.
    let task = app.task(open, "T002").await.state.id;
    app.db
        .execute("UPDATE tasks SET priority = 9 WHERE key = 'T002' AND status <> 'completed'")
        .await
        .expect("changes");
    let (compared, found) = compare(&app).await;
    let what = |one: &Differing| (one.id.clone(), format!("{:?}", one.what));
    assert_eq!(compared.differing, 1, "{found:?}");
    let (id, field) = what(&found[0]);
    assert!(id == task.to_string() && field.contains("\"priority\""), "{found:?}");
    app.db
        .execute("UPDATE tasks SET priority = 0 WHERE key = 'T002' AND status <> 'completed'")
        .await
        .expect("changes");
    are_what_events_tell(&app).await;

    let redactor = Redactor::new(&app.ports, Arc::new(ResultFolders::new(app.db.folder().join("data"))));
    let asked = Redact { entities: vec![done.uuid()], reason: "Erasure".to_owned(), ..Redact::default() };
    redactor.redact(app.ada.workspace(), &app.ada.actor(), &asked).await.expect("redacts");
    are_what_events_tell(&app).await;
    // Deleted, redacted, and pruned: nobody misses the row.
    let draft = DraftGoal { title: "Visit Ada".to_owned(), ..DraftGoal::default() };
    let visit = app.services.goals.create(&app.ada, draft).await.expect("made").state.id;
    app.services.goals.delete(&app.ada, visit, &Precondition::Any).await.expect("deletes");
    let asked = Redact { entities: vec![visit.uuid()], ..asked };
    redactor.redact(app.ada.workspace(), &app.ada.actor(), &asked).await.expect("redacts");
    are_what_events_tell(&app).await;
    app.clock.advance(Duration::from_secs(1));
    app.sequence().await;
    ResultFiles::new(app.db.database.clone(), app.db.folder().join("data")).write().await.expect("writes");
    assert!(prune(&app, app.ports.clock.now()).await.events > 2);
    are_what_events_tell(&app).await;
    assert_eq!(
        app.db.number(&format!("SELECT COUNT(*) FROM ledger_snapshots WHERE entity_id = '{visit}'")).await,
        0
    );
    app.db.discard().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn more_rows_than_are_looked_at_once_are_compared(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let tasks: String = (1..=450).map(|n| format!("- [ ] T{n:03} [P] Task {n}\n")).collect();
    app.import(&format!("# Many\n\n{tasks}")).await;
    app.sequence().await;
    are_what_events_tell(&app).await;
    app.db
        .execute("UPDATE tasks SET priority = 3 WHERE key IN ('T001', 'T200', 'T201', 'T450')")
        .await
        .expect("changes");
    assert_eq!(
        compare(&app).await.0,
        Compared {
            rows: 450 + 1 + app.db.number("SELECT COUNT(*) FROM agents").await.unsigned_abs(),
            differing: 4
        }
    );
    app.db.discard().await;
}

/// A task as a version made it that knew nothing of `on_exhausted` yet: its row got the usual value later, its event did not.
async fn of_an_older_version(app: &TestApp, backend: Backend) -> TaskId {
    let goal = app.import(PLAN).await;
    let id = TaskId::new(Uuid::from_u128(0xabc));
    let new = match backend {
        Backend::Sqlite => "x'00000000000000000000000000000abc'",
        Backend::Postgres => "UUID '00000000-0000-0000-0000-000000000abc'",
    };
    let row = format!(
        "INSERT INTO tasks (id, workspace_id, slug, title, description, task_type, status, priority, labels, parallel, attempt, \
         max_attempts, open_dependencies, revision, created_at, updated_at) SELECT {new}, workspace_id, 'older', title, \
         description, task_type, 'pending', priority, labels, parallel, attempt, max_attempts, 0, 1, created_at, created_at \
         FROM tasks WHERE key = 'T002'"
    );
    app.db.execute(&row).await.expect("a row");
    let mut state = json!(app.task(goal, "T002").await.state);
    for (field, value) in [("id", json!(id)), ("slug", json!("older")), ("depends_on", json!([]))] {
        state[field] = value;
    }
    for field in ["goal_id", "key", "agent_id", "action"] {
        state[field] = Value::Null;
    }
    let fields = state.as_object().expect("fields").iter().filter(|(field, _)| *field != "on_exhausted");
    let fact = Fact {
        entity_type: "task",
        entity_id: id.to_string(),
        event_type: "task.created",
        changes: fields.map(|(field, to)| (field.clone(), json!({"from": null, "to": to}))).collect(),
        metadata: json!({}),
    };
    let events = app.ada.events(app.ports.ids.as_ref(), vec![fact], app.ports.clock.now());
    let unit = app.ports.transactions.begin().await.expect("begins");
    unit.outbox().append(&events).await.expect("appends");
    unit.commit().await.expect("commits");
    id
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_older_events_do_not_name_was_what_it_usually_is(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let task = of_an_older_version(&app, backend).await;
    are_what_events_tell(&app).await;
    let edit = async |on_exhausted| {
        app.clock.advance(Duration::from_secs(1));
        let edit = TaskEdit { on_exhausted: Some(on_exhausted), ..TaskEdit::default() };
        app.services.tasks.edit(&app.ada, task, edit, &Precondition::Any).await.expect("edits");
        app.sequence().await;
        are_what_events_tell(&app).await;
    };
    let first = app.ports.clock.now();
    edit(OnExhausted::Pause).await;
    for (moment, then) in [(first, OnExhausted::Fail), (app.ports.clock.now(), OnExhausted::Pause)] {
        let stood = app.services.tasks.as_of(&app.ada, task, moment).await.expect("it was there").what;
        assert_eq!(stood.state.on_exhausted, then, "at {moment}");
    }
    app.clock.advance(Duration::from_secs(1));
    assert!(prune(&app, app.ports.clock.now()).await.events > 0);
    are_what_events_tell(&app).await;
    edit(OnExhausted::Fail).await;
    app.db.discard().await;
}
