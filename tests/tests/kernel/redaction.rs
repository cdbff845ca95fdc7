//! Personal data goes from the record, and that it went stays.

use std::sync::Arc;

use goalwright_application::Error;
use goalwright_application::audit::{Redact, Redacted, Redactor, Verified};
use goalwright_application::experiences::Wanted;
use goalwright_application::read::EventFilter;
use goalwright_application::tasks::RunRequest;
use goalwright_domain::execution::Mode;
use goalwright_domain::goal::GoalId;
use goalwright_domain::ledger::{Broken, fold};
use goalwright_domain::task::{TaskEdit, TaskId};
use goalwright_infrastructure::results::{ResultFiles, ResultFolders};
use goalwright_testkit::{Backend, TestApp};
use rstest::rstest;
use serde_json::{Value, json};

use crate::audit::{verify, without_guards};

const PLAN: &str = "# Visits\n\n- [ ] T001 Visit Hopperova\n  use: file.read {\"path\": \"letter.txt\"}\n\
                    - [ ] T002 Call Hopperova (depends on T001)\n  use: file.read {\"path\": \"hopperova.txt\"}\n  attempts: 1\n\
                    - [ ] T003 [P] Water plants\n  use: text.render {\"template\": \"watered\"}\n";

fn redactor(app: &TestApp) -> Redactor {
    Redactor::new(&app.ports, Arc::new(ResultFolders::new(app.db.folder().join("data"))))
}

async fn redact(app: &TestApp, asked: &Redact) -> Result<Redacted, Error> {
    redactor(app).redact(app.ada.workspace(), &app.ada.actor(), asked).await
}

fn about(entities: &[TaskId]) -> Redact {
    Redact {
        entities: entities.iter().map(|id| id.uuid()).collect(),
        reason: "Erasure request 17".to_owned(),
        ..Redact::default()
    }
}

/// A goal that was worked off with a large letter, all of it sealed, read into words, and written into files.
async fn worked_off(backend: Backend) -> Option<(TestApp, GoalId)> {
    let app = TestApp::start(backend).await?;
    let letter = format!("Dear Hopperova, {}", "words ".repeat(30_000));
    std::fs::write(app.sandbox().join("letter.txt"), letter).expect("a file");
    let goal = app.import(PLAN).await;
    app.drain().await;
    app.sequence().await;
    app.services.experiences.catch_up().await;
    let files = ResultFiles::new(app.db.database.clone(), app.db.folder().join("data"));
    files.write().await.expect("writes");
    Some((app, goal))
}

/// Where the record still names somebody: tables, and files of the data directory but for sandboxes.
async fn traces_of(app: &TestApp, name: &str, entity: TaskId) -> Vec<String> {
    let mut found = Vec::new();
    for (table, columns, of) in [
        ("events", "CAST(changes AS TEXT) || CAST(metadata AS TEXT)", "entity_id"),
        ("experiences", "CAST(content AS TEXT) || CAST(meta AS TEXT)", "task_id"),
        (
            "tool_calls",
            "CAST(parameters AS TEXT) || coalesce(CAST(result AS TEXT), '') || coalesce(CAST(error AS TEXT), '')",
            "",
        ),
        ("attempts", "coalesce(CAST(error AS TEXT), '') || coalesce(CAST(recorded AS TEXT), '')", ""),
        ("task_executions", "task_slug", "task_id"),
    ] {
        let rule = if of.is_empty() { String::new() } else { format!(" WHERE {of} = '{entity}'") };
        let texts = app.db.texts(&format!("SELECT {columns} FROM {table}{rule}")).await;
        let named = texts.iter().filter(|text| text.to_lowercase().contains(name)).count();
        if named > 0 {
            found.push(format!("{table}: {named}"));
        }
    }
    let mut open =
        vec![app.db.folder().join("data").join("workspaces").join(app.ada.workspace().to_string())];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let text = std::fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).to_lowercase());
            match text {
                _ if path.is_dir() && !path.ends_with("files") => open.push(path),
                Ok(text) if text.contains(name) && path != app.sandbox().join("letter.txt") => {
                    found.push(path.display().to_string());
                }
                _ => {}
            }
        }
    }
    found
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_on_record_of_a_task_goes_and_that_it_went_stays(#[case] backend: Backend) {
    let Some((app, goal)) = worked_off(backend).await else { return };
    let tasks = [app.task(goal, "T001").await.state.id, app.task(goal, "T002").await.state.id];
    for task in tasks {
        assert!(traces_of(&app, "hopperova", task).await.len() >= 5, "there is something to redact");
    }
    let before = app.db.texts("SELECT digest || seal FROM events ORDER BY position").await;
    let whole = verify(&app).await;
    let looked = redact(&app, &Redact { dry_run: true, ..about(&tasks) }).await.expect("looks");
    assert_eq!(verify(&app).await, whole, "a dry run writes nothing");

    let redacted = redact(&app, &about(&tasks)).await.expect("redacts");
    assert!(redacted.events > 4 && redacted.experiences == 2 && redacted.attempts == 2, "{redacted:?}");
    assert!(redacted.tool_calls == 2 && redacted.artifacts == 1 && redacted.files == 3, "{redacted:?}");
    let without_files = |one: &Redacted| Redacted { files: 0, told_by: Vec::new(), ..one.clone() };
    assert_eq!(without_files(&looked), without_files(&redacted), "it says before what it does");
    for task in tasks {
        assert_eq!(traces_of(&app, "hopperova", task).await, Vec::<String>::new());
    }
    let wanted = Wanted { query: "hopperova".into(), kind: None, limit: 50 };
    let hits = app.services.experiences.retrieve(app.ada.workspace(), &wanted).await.expect("finds");
    assert!(
        hits.hits.iter().all(|hit| !hit.id.contains(&tasks[0].to_string())),
        "it is not found by its words"
    );

    // Every event is where it was, with the digest and the seal that it had.
    let after = app.db.texts("SELECT digest || seal FROM events ORDER BY position").await;
    assert_eq!(after[..before.len()], before[..]);
    assert_eq!(after.len(), before.len() + 1);
    let Verified { events, redacted: gone, first_invalid, .. } = verify(&app).await;
    assert_eq!(first_invalid, None);
    assert_eq!((events, gone), (whole.events + 1, i64::try_from(redacted.events).expect("few")));

    // Who did so, and why, is told; of others nothing went.
    let told = app.events_of("event.redacted").await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].metadata["reason"].as_str(), &told[0].actor.id),
        (Some("Erasure request 17"), &app.ada.actor().id)
    );
    assert_eq!(
        told[0].metadata["copies"],
        json!({"experiences": 2, "attempts": 2, "tool_calls": 2, "artifacts": 1})
    );
    let other = app.task(goal, "T003").await.state.id;
    assert!(!traces_of(&app, "watered", other).await.is_empty());

    let again = redact(&app, &about(&tasks)).await.expect("does nothing");
    assert!(again.is_nothing() && again.before == redacted.events && again.told_by.is_empty(), "{again:?}");
    // What is derived anew is derived from what is left.
    app.services.experiences.rebuild().await.expect("rebuilds");
    assert_eq!(traces_of(&app, "hopperova", tasks[0]).await, Vec::<String>::new());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_history_that_was_redacted_says_so_when_it_is_folded(#[case] backend: Backend) {
    let Some((app, goal)) = worked_off(backend).await else { return };
    let task = app.task(goal, "T002").await.state.id;
    let id = task.to_string();
    redact(&app, &about(&[task])).await.expect("redacts");
    let edit = TaskEdit { title: Some("Call".to_owned()), ..TaskEdit::default() };
    app.services
        .tasks
        .edit(&app.ada, task, edit, &goalwright_application::Precondition::Any)
        .await
        .expect("edits");
    let mut events = app.events(&EventFilter { entity_id: Some(id), ..EventFilter::default() }).await;
    events.reverse();
    let folded = fold("task", events.iter().map(|event| (&event.changes, event.created_at)))
        .expect("consistent")
        .expect("some");
    let stands = app.task(goal, "T002").await;
    assert_eq!(folded.state["title"], json!("Call"), "what came afterwards is known");
    assert!(folded.redacted().any(|field| field == "description"), "{:?}", folded.state);
    assert_eq!(
        (folded.revision, folded.updated_at),
        (stands.revision, stands.updated_at),
        "no event is missing"
    );
    let real = json!(stands.state);
    for (field, value) in &folded.state {
        assert!(value == &json!({"redacted": true}) || value == &real[field], "{field} is made up: {value}");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn plain_sql_takes_no_payload_away(#[case] backend: Backend) {
    let Some((app, goal)) = worked_off(backend).await else { return };
    let task = app.task(goal, "T001").await.state.id;
    redact(&app, &about(&[task])).await.expect("redacts");
    let said = "(SELECT e.id FROM events e WHERE e.event_type = 'event.redacted')";
    let other = "(SELECT e.id FROM events e WHERE e.event_type = 'task.completed' LIMIT 1)";
    let mark = "changes = '{\"title\":{\"redacted\":true}}', metadata = '{}'";
    let one = "seq = (SELECT MIN(seq) FROM events)";
    let gone = "seq = (SELECT MIN(seq) FROM events WHERE redacted_by IS NOT NULL)";
    for sql in [
        format!("UPDATE events SET {mark} WHERE {one}"),
        format!("UPDATE events SET {mark}, redacted_by = id WHERE {one}"),
        format!("UPDATE events SET {mark}, redacted_by = {other} WHERE {one}"),
        format!(
            "UPDATE events SET changes = '{{\"title\":{{\"to\":\"x\"}}}}', metadata = '{{}}', redacted_by = {said} WHERE {one}"
        ),
        format!(
            "UPDATE events SET changes = '{{}}', metadata = '{{\"x\":1}}', redacted_by = {said} WHERE {one}"
        ),
        format!("UPDATE events SET {mark}, redacted_by = {said}, actor_id = 'mallory' WHERE {one}"),
        format!("UPDATE events SET {mark}, redacted_by = {said} WHERE event_type = 'event.redacted'"),
        format!("UPDATE events SET changes = '{{}}' WHERE {gone}"),
        format!("UPDATE events SET redacted_by = NULL WHERE {gone}"),
        format!("UPDATE experiences SET redacted_by = {other} WHERE redacted_by IS NULL"),
        format!("UPDATE experiences SET redacted_by = {said}, ts = 0 WHERE redacted_by IS NULL"),
        "UPDATE experiences SET meta = '{}' WHERE redacted_by IS NULL".to_owned(),
        "UPDATE experiences SET meta = '{}' WHERE redacted_by IS NOT NULL".to_owned(),
        format!(
            "UPDATE tool_calls SET redacted_by = {said} WHERE redacted_by IS NULL AND parameters IS NOT NULL"
        ),
        "UPDATE tool_calls SET result = NULL WHERE redacted_by IS NULL".to_owned(),
        "UPDATE attempts SET error = NULL WHERE redacted_by IS NULL".to_owned(),
        format!("UPDATE attempts SET redacted_by = {said}, status = 'partial' WHERE redacted_by IS NULL"),
        format!("UPDATE artifacts SET redacted_by = {other}"),
        format!("UPDATE artifacts SET redacted_by = {said}, size = 1"),
    ] {
        assert!(app.db.execute(&sql).await.is_err(), "the database took: {sql}");
    }
    assert_eq!(verify(&app).await.first_invalid, None);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn whoever_has_the_database_and_no_key_redacts_nothing_unnoticed(#[case] backend: Backend) {
    let Some((app, goal)) = worked_off(backend).await else { return };
    let task = app.task(goal, "T001").await.state.id;
    redact(&app, &about(&[task])).await.expect("redacts");
    without_guards(&app, backend).await;
    let said = "(SELECT e.id FROM events e WHERE e.event_type = 'event.redacted')";
    // A payload more goes along with those that were redacted.
    let sql = format!(
        "UPDATE events SET changes = '{{}}', metadata = '{{}}', redacted_by = {said} WHERE position = 3"
    );
    app.db.execute(&sql).await.expect("tampers");
    let found = verify(&app).await.first_invalid.expect("noticed");
    assert_eq!((found.position, found.reason), (3, Broken::Blanked));

    // What was redacted gets a new content.
    let Some((app, goal)) = worked_off(backend).await else { return };
    let task = app.task(goal, "T001").await.state.id;
    redact(&app, &about(&[task])).await.expect("redacts");
    without_guards(&app, backend).await;
    let first = app.db.number("SELECT MIN(position) FROM events WHERE redacted_by IS NOT NULL").await;
    let sql = format!(
        "UPDATE events SET changes = '{{\"title\":{{\"from\":null,\"to\":\"x\"}}}}' WHERE position = {first}"
    );
    app.db.execute(&sql).await.expect("tampers");
    let found = verify(&app).await.first_invalid.expect("noticed");
    assert_eq!((found.position, found.reason), (first, Broken::Changed));

    // The program is made to append, and to seal, a redaction that nobody made.
    let Some((app, _)) = worked_off(backend).await else { return };
    without_guards(&app, backend).await;
    let victim = &app.db.texts("SELECT digest FROM events WHERE position = 3").await[0];
    let metadata = json!({"events": [{"id": "00000000-0000-0000-0000-000000000003", "digest": victim}], "copies": {}, "mark": "00", "reason": ""});
    let fact = goalwright_domain::ledger::Fact {
        entity_type: "ledger",
        entity_id: app.ada.workspace().to_string(),
        event_type: "event.redacted",
        changes: Value::Object(Default::default()),
        metadata,
    };
    let events = app.ada.events(app.ports.ids.as_ref(), vec![fact], app.ports.clock.now());
    let unit = app.ports.transactions.begin().await.expect("begins");
    unit.outbox().append(&events).await.expect("appends");
    unit.commit().await.expect("commits");
    app.sequence().await;
    let Verified { events, first_invalid, .. } = verify(&app).await;
    assert_eq!(first_invalid.map(|found| (found.position, found.reason)), Some((events + 1, Broken::Forged)));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_cannot_be_redacted_is_said_all_at_once(#[case] backend: Backend) {
    let Some((app, goal)) = worked_off(backend).await else { return };
    let codes = |error: Error| match error {
        Error::Invalid { violations, .. } => {
            violations.into_iter().map(|one| format!("{}: {}", one.path, one.code)).collect::<Vec<_>>()
        }
        other => vec![other.code().to_owned()],
    };
    let empty = redact(&app, &Redact::default()).await.expect_err("nothing");
    assert_eq!(codes(empty), ["reason: invalid_reason", "events: required"]);
    let nobody = uuid::Uuid::from_u128(77);
    let unknown = Redact {
        events: vec![goalwright_domain::Id::new(nobody)],
        entities: vec![nobody],
        experiences: vec!["none".to_owned()],
        reason: "r".to_owned(),
        dry_run: false,
    };
    let unknown = redact(&app, &unknown).await.expect_err("nothing there");
    assert_eq!(codes(unknown), ["events[0]: unknown", "entities[0]: unknown", "experiences[0]: unknown"]);
    // Another tenant's is not there either.
    let eve = app.user("eve").await;
    let task = app.task(goal, "T001").await.state.id;
    let foreign = redactor(&app).redact(eve.workspace(), &eve.actor(), &about(&[task])).await;
    assert_eq!(codes(foreign.expect_err("hers")), ["entities[0]: unknown"]);
    // A redaction tells of the ledger.
    let told_by = redact(&app, &about(&[task])).await.expect("redacts").told_by;
    let again = Redact { events: told_by, reason: "r".to_owned(), ..Redact::default() };
    assert_eq!(codes(redact(&app, &again).await.expect_err("stays")), ["events: not_redactable"]);
    // What is being worked on is not over.
    let goal = app.import("# Q\n\n- [ ] T001 One\n  use: time.now\n").await;
    let held = app.kernel.claim(1).await.expect("claims");
    app.sequence().await;
    let task = app.task(goal, "T001").await.state.id;
    assert_eq!(codes(redact(&app, &about(&[task])).await.expect_err("running")), ["conflict"]);
    drop(held);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_runs_beside_a_task_told_goes_with_it(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let plan = "# P\n\n- [ ] T001 Visit\n  use: file.read {\"path\": \"hopperova.txt\"}\n  attempts: 1\n";
    std::fs::write(app.sandbox().join("hopperova.txt"), "there").expect("a file");
    let goal = app.import(plan).await;
    app.drain().await;
    std::fs::remove_file(app.sandbox().join("hopperova.txt")).expect("removes");
    let id = app.task(goal, "T001").await.state.id;
    let again = RunRequest { task: id.to_string(), mode: Mode::Manual, scheduled_at: None, wait: None };
    app.services.tasks.run(&app.ada, &again).await.expect("asked");
    app.drain().await;
    app.sequence().await;
    let named =
        "SELECT COUNT(*) FROM events WHERE entity_type = 'run' AND CAST(metadata AS TEXT) LIKE '%hopperova%'";
    assert!(app.db.number(named).await > 0, "the run that failed tells why");
    redact(&app, &about(&[id])).await.expect("redacts");
    assert_eq!(app.db.number(named).await, 0);
    assert_eq!(verify(&app).await.first_invalid, None);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_a_model_said_of_a_task_that_failed_goes_with_its_record(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.models.offer("anthropic/claude-sonnet-4-5");
    app.services.agents.equip().await.expect("equips");
    let goal = app.import("# P\n\n- [ ] T001 Write to ann@example.org\n").await;
    app.models.call(vec![goalwright_domain::model::ToolCall {
        id: "a".into(),
        name: "give_up".into(),
        arguments: json!({"reason": "ann@example.org does not answer"}),
        extra: serde_json::Map::new(),
    }]);
    app.drain().await;
    let entries = "SELECT COUNT(*) FROM dialogue_entries";
    assert!(app.db.number(entries).await > 1, "somebody may have it tried again");
    let task = app.task(goal, "T001").await.state.id;
    redact(&app, &about(&[task])).await.expect("redacts");
    assert_eq!(app.db.number(entries).await, 0);
}
