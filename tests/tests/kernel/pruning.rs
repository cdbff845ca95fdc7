//! What was kept long enough goes, and what is left is verified.

use std::sync::Arc;
use std::time::Duration;

use goalwright_application::audit::{Prune, Pruned, Pruner, Redact, Redactor, Verified};
use goalwright_application::retention::Retention;
use goalwright_application::tasks::RunRequest;
use goalwright_application::workspaces::Settle;
use goalwright_application::{Error, Precondition};
use goalwright_domain::Timestamp;
use goalwright_domain::execution::Mode;
use goalwright_domain::goal::{GoalEdit, GoalId};
use goalwright_domain::ledger::Broken;
use goalwright_domain::task::{TaskEdit, TaskStatus};
use goalwright_domain::workspace::{Actor, SettingsEdit};
use goalwright_infrastructure::results::{ResultFiles, ResultFolders};
use goalwright_testkit::{Backend, TestApp};
use proptest::prelude::*;
use rstest::rstest;

use crate::audit::{verify, without_guards};
use crate::ledger::{happen, step};
use crate::past::{is_told, now};
use crate::rows;

pub(crate) const DONE: &str = "# Done\n\n- [ ] T001 Read the letter\n  use: file.read {\"path\": \"letter.txt\"}\n\
                    - [ ] T002 [P] Render\n  use: text.render {\"template\": \"rendered\"}\n";
const OPEN: &str = "# Open\n\n- [ ] T001 First\n  use: probe.none {\"name\": \"o\"}\n- [ ] T002 A person (depends on T001)\n";

pub(crate) fn folders(app: &TestApp) -> ResultFolders {
    ResultFolders::new(app.db.folder().join("data"))
}

pub(crate) fn pruner(app: &TestApp) -> Pruner {
    Pruner::new(&app.ports, Arc::new(folders(app)), vec!["slow".to_owned()])
}

pub(crate) async fn try_prune(app: &TestApp, before: Timestamp, dry_run: bool) -> Result<Pruned, Error> {
    let asked =
        Prune { before, actor: app.ada.actor(), reason: "old".to_owned(), dry_run, units: usize::MAX };
    pruner(app).prune(app.ada.workspace(), &asked).await
}

pub(crate) async fn prune(app: &TestApp, before: Timestamp) -> Pruned {
    app.sequence().await;
    app.services.experiences.read_all().await.expect("reads");
    try_prune(app, before, false).await.expect("prunes")
}

/// A goal that is achieved and one that is not, both of long ago, and a goal of today.
pub(crate) async fn aged(backend: Backend) -> Option<(TestApp, [GoalId; 3], Timestamp)> {
    let app = TestApp::start(backend).await?;
    let letter = format!("Dear Ada, {}", "words ".repeat(30_000));
    std::fs::write(app.sandbox().join("letter.txt"), letter).expect("a file");
    let done = app.import(DONE).await;
    let open = app.import(OPEN).await;
    app.drain().await;
    app.sequence().await;
    app.services.experiences.read_all().await.expect("reads");
    ResultFiles::new(app.db.database.clone(), app.db.folder().join("data")).write().await.expect("writes");
    app.clock.advance(Duration::from_secs(86_400));
    let moment = app.ports.clock.now();
    app.clock.advance(Duration::from_secs(60));
    let today = app.import("# Today\n\n- [ ] T001 Now\n  use: probe.none {\"name\": \"t\"}\n").await;
    app.drain().await;
    app.sequence().await;
    app.services.experiences.read_all().await.expect("reads");
    ResultFiles::new(app.db.database.clone(), app.db.folder().join("data")).write().await.expect("writes");
    Some((app, [done, open, today], moment))
}

pub(crate) async fn count(app: &TestApp, table: &str) -> i64 {
    app.db.number(&format!("SELECT COUNT(*) FROM {table}")).await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_old_and_over_goes_and_what_is_left_is_verified(#[case] backend: Backend) {
    let Some((app, [done, open, _], before)) = aged(backend).await else { return };
    let was = [now(&app).await];
    let events = verify(&app).await.events;
    let files = || walk(&app.db.folder().join("data").join("workspaces"));
    let (kept_before, files_before) = (count(&app, "experiences").await, files());
    let looked = try_prune(&app, before, true).await.expect("looks");
    assert_eq!(
        (verify(&app).await.events, count(&app, "experiences").await),
        (events, kept_before),
        "only looked"
    );

    let pruned = prune(&app, before).await;
    // The task that was done of a goal that is not stays on record, with its run.
    assert_eq!((pruned.experiences, pruned.runs, pruned.attempts), (2, 2, 2), "{pruned:?}");
    assert_eq!((pruned.dependent.artifacts, pruned.files), (1, 3), "{pruned:?}");
    assert!(pruned.events > 8 && pruned.dependent.tool_calls >= 1, "{pruned:?}");
    assert_eq!(pruned.counts(), looked.counts(), "it says before what it does");
    assert_eq!(count(&app, "experiences").await, kept_before - 2);
    for table in ["task_executions", "experience_documents"] {
        assert_eq!(count(&app, table).await, kept_before - 2, "{table}");
    }
    assert_eq!(files().len(), files_before.len() - 3, "{:?}", files());
    assert_eq!((count(&app, "pruned_files").await, count(&app, "artifacts").await), (0, 0));
    assert_eq!(app.task(open, "T001").await.state.status, TaskStatus::Completed);
    let own = app.tasks(done).await;
    assert!(own.iter().all(|task| task.state.status == TaskStatus::Completed), "what people work with stays");

    let Verified { events: left, pruned: gone, first_invalid, .. } = verify(&app).await;
    assert_eq!((first_invalid, gone), (None, i64::try_from(pruned.events).expect("few")));
    assert_eq!(left, events - gone + 1, "one more, that tells of it");
    assert_eq!(count(&app, "events").await, left);
    let told =
        app.db.texts("SELECT CAST(metadata AS TEXT) FROM events WHERE event_type = 'ledger.pruned'").await;
    assert!(told.len() == 1 && told[0].contains("\"attempts\":2"), "{told:?}");
    app.ports.ledger.note().await.expect("notes");
    assert_eq!(verify(&app).await.first_invalid, None);

    // How things stood is known from the last event on that is gone, and of before it is said from when on.
    let (_, known_from) = pruned.checkpoint.expect("there is one");
    for moment in &was {
        is_told(&app, moment).await;
    }
    let earlier = known_from - Duration::from_millis(1);
    let refused = app.services.goals.as_of(&app.ada, done, earlier).await.expect_err("it was pruned");
    assert_eq!(refused.code(), "history_pruned");
    assert!(refused.to_string().contains(&known_from.to_string()), "{refused}");
    let again = prune(&app, before).await;
    assert!(again.is_nothing() && again.checkpoint.is_none(), "{again:?}");
    assert_eq!(count(&app, "events").await, left);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

/// Whether this is what is found.
type Expected = fn(&Broken) -> bool;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn whatever_is_done_to_what_is_kept_of_the_past_is_noticed(#[case] backend: Backend) {
    let known = "SELECT position FROM ledger_checkpoints";
    let tampered: [(&str, Expected); 9] = [
        ("UPDATE ledger_checkpoints SET mark = 'forged'", |broken| *broken == Broken::CheckpointForged),
        ("UPDATE ledger_checkpoints SET seal = 'forged'", |broken| *broken == Broken::CheckpointForged),
        ("UPDATE ledger_checkpoints SET position = position + 1", |broken| {
            *broken == Broken::CheckpointForged
        }),
        ("DELETE FROM events WHERE position = {next}", |broken| {
            matches!(broken, Broken::Removed { count: 1 })
        }),
        ("DELETE FROM ledger_checkpoints", |broken| matches!(broken, Broken::Removed { .. })),
        ("DELETE FROM ledger_snapshots WHERE entity_type = 'goal'", |broken| {
            *broken == Broken::SnapshotsExchanged
        }),
        (
            "UPDATE ledger_snapshots SET state = '{}' WHERE entity_type = 'goal'",
            |broken| matches!(broken, Broken::SnapshotForged { entity_type, .. } if entity_type == "goal"),
        ),
        ("UPDATE ledger_snapshots SET revision = revision + 1 WHERE entity_type = 'task'", |broken| {
            matches!(broken, Broken::SnapshotForged { .. })
        }),
        ("UPDATE events SET position = 1 WHERE position = {next}", |broken| {
            matches!(broken, Broken::NotPruned { count: 1 })
        }),
    ];
    for (sql, expected) in tampered {
        let Some((app, [_, open, _], before)) = aged(backend).await else { return };
        prune(&app, before).await;
        // What is kept of the goal and the task is gone on with.
        let person = app.task(open, "T002").await.state.id;
        let first = app.task(open, "T001").await.state.id;
        let words = GoalEdit { title: Some("Still open".to_owned()), ..GoalEdit::default() };
        app.services.goals.edit(&app.ada, open, words, &Precondition::Any).await.expect("changes");
        let words = TaskEdit { description: Some("Soon.".to_owned()), ..TaskEdit::default() };
        app.services.tasks.edit(&app.ada, person, words, &Precondition::Any).await.expect("changes");
        app.clock.advance(Duration::from_secs(1));
        app.sequence().await;
        let data = app.db.folder().join("data");
        ResultFiles::new(app.db.database.clone(), data).write().await.expect("writes");
        assert_eq!(verify(&app).await.first_invalid, None);
        without_guards(&app, backend).await;
        without_guards_of_checkpoints(&app, backend).await;
        let next = app.db.number(known).await + 1;
        let sql = sql.replace("{next}", &next.to_string());
        app.db.execute(&sql).await.expect("tampers");
        let found = verify(&app).await.first_invalid;
        assert!(found.as_ref().is_some_and(|found| expected(&found.reason)), "`{sql}`: {found:?}");
        // What is not what was written is evidence, and stays.
        let refused = try_prune(&app, app.ports.clock.now(), false).await;
        assert!(refused.is_err_and(|error| error.code() == "ledger_broken"), "`{sql}`");
        if sql.contains("revision = revision + 1") {
            let asked =
                Redact { entities: vec![first.uuid()], reason: "Erasure".to_owned(), ..Redact::default() };
            let redactor = Redactor::new(&app.ports, Arc::new(folders(&app)));
            let refused = redactor.redact(app.ada.workspace(), &app.ada.actor(), &asked).await;
            assert_eq!(refused.expect_err("it would be marked anew").code(), "ledger_broken");
        }
        app.db.discard().await;
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn payloads_that_are_gone_must_be_explained_before_their_events_go(#[case] backend: Backend) {
    let Some((app, [done, ..], before)) = aged(backend).await else { return };
    let asked = Redact { entities: vec![done.uuid()], reason: "Erasure".to_owned(), ..Redact::default() };
    let redactor = Redactor::new(&app.ports, Arc::new(folders(&app)));
    let redacted = redactor.redact(app.ada.workspace(), &app.ada.actor(), &asked).await.expect("redacts");
    assert!(redacted.events > 0, "{redacted:?}");
    app.sequence().await;
    let events = count(&app, "events").await;
    // The event that explains them is of today and stays; one that was invented explains nothing.
    without_guards(&app, backend).await;
    let position = "SELECT MIN(position) FROM events WHERE redacted_by IS NULL";
    let position = app.db.number(position).await;
    let keep = format!("CREATE TABLE kept AS SELECT * FROM events WHERE position = {position}");
    app.db.execute(&keep).await.expect("kept");
    let blanked = "UPDATE events SET changes = '{}', metadata = '{}', redacted_by = id WHERE position = ";
    app.db.execute(&format!("{blanked}{position}")).await.expect("tampers");
    let refused = try_prune(&app, before, false).await.expect_err("it is evidence");
    assert_eq!((refused.code(), count(&app, "events").await), ("ledger_broken", events));
    let mend = "UPDATE events SET redacted_by = NULL, changes = (SELECT changes FROM kept), \
                metadata = (SELECT metadata FROM kept) WHERE position = ";
    app.db.execute(&format!("{mend}{position}")).await.expect("mends");
    assert!(prune(&app, before).await.events > 0);
    assert_eq!(verify(&app).await.first_invalid, None);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn bytes_that_a_crash_left_aside_are_put_back(#[case] backend: Backend) {
    let Some((app, _, before)) = aged(backend).await else { return };
    let digest = app.db.texts("SELECT digest FROM artifacts").await.pop().expect("one");
    let noted = "INSERT INTO pruned_files (workspace_id, kind, name) SELECT workspace_id, 'artifact', digest FROM artifacts";
    app.db.execute(noted).await.expect("noted");
    let (artifacts, workspace) = (&app.ports.artifacts, app.ada.workspace());
    artifacts.put_aside(workspace, &digest).await.expect("aside");
    let long_ago = before - Duration::from_secs(100 * 86_400);
    assert_eq!(try_prune(&app, long_ago, false).await.expect("prunes").files, 0);
    assert!(artifacts.read(workspace, &digest).await.expect("reads").is_some());
    assert_eq!(count(&app, "pruned_files").await, 0);
}

pub(crate) async fn without_guards_of_checkpoints(app: &TestApp, backend: Backend) {
    let drop = match backend {
        Backend::Sqlite => {
            let names =
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger_checkpoints'";
            let names = app.db.texts(names).await;
            names.iter().map(|name| format!("DROP TRIGGER {name};")).collect::<String>()
        }
        Backend::Postgres => "ALTER TABLE ledger_checkpoints DISABLE TRIGGER ALL".to_owned(),
    };
    app.db.execute(&drop).await.expect("guards are gone");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn plain_sql_removes_nothing_but_what_a_checkpoint_stands_for(#[case] backend: Backend) {
    let Some((app, _, before)) = aged(backend).await else { return };
    prune(&app, before).await;
    let left = "INSERT INTO goal_departures (goal_id, task_id) SELECT goal_id, id FROM tasks";
    app.db.execute(left).await.expect("as if they had left");
    assert!(count(&app, "pruned_runs").await > 0);
    for sql in [
        "DELETE FROM events",
        "DELETE FROM events WHERE position = (SELECT position + 1 FROM ledger_checkpoints)",
        "DELETE FROM experiences WHERE ts = (SELECT MAX(ts) FROM experiences)",
        "DELETE FROM attempts WHERE ended_at = (SELECT MAX(ended_at) FROM attempts)",
        "DELETE FROM ledger_checkpoints",
        "UPDATE ledger_checkpoints SET position = position - 1",
        "UPDATE ledger_checkpoints SET position = position + 1000",
        "UPDATE ledger_checkpoints SET ended_before = known_from",
        "UPDATE ledger_checkpoints SET event_id = workspace_id",
        "UPDATE ledger_checkpoints SET seal = NULL",
        "DELETE FROM pruned_runs",
        "UPDATE pruned_runs SET task_id = task_id",
        "DELETE FROM goal_departures",
        "UPDATE goal_departures SET task_id = goal_id",
    ] {
        assert!(app.db.execute(sql).await.is_err(), "`{sql}` was accepted on {backend:?}");
    }
    assert_eq!(verify(&app).await.first_invalid, None);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_run_that_was_pruned_is_not_made_again(#[case] backend: Backend) {
    let Some((app, [done, ..], before)) = aged(backend).await else { return };
    let task = app.task(done, "T002").await.state;
    let request =
        |at| RunRequest { task: task.slug.clone(), mode: Mode::Scheduled, scheduled_at: at, wait: None };
    prune(&app, before).await;
    let refused =
        app.services.tasks.run(&app.ada, &request(task.scheduled_at)).await.expect_err("it was made");
    assert_eq!(refused.code(), "run_pruned");
    app.services.tasks.run(&app.ada, &request(Some(app.ports.clock.now()))).await.expect("another moment");
    app.drain().await;
    assert_eq!(verify(&app).await.first_invalid, None);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_somebody_has_not_read_yet_stays(#[case] backend: Backend) {
    let Some((app, _, before)) = aged(backend).await else { return };
    // Files are behind: what they tell of must stay until they are written.
    let path = app
        .db
        .folder()
        .join("data/workspaces")
        .join(app.ada.workspace().to_string())
        .join("results/.position");
    std::fs::write(&path, "three\n").expect("a file");
    try_prune(&app, before, false).await.expect_err("nobody knows how far they are");
    std::fs::write(&path, "3\n").expect("a file");
    let held = prune(&app, before).await;
    assert_eq!((held.held_back, held.experiences), (Some(3), 0), "{held:?}");
    assert!(held.events <= 3);
    // A hook that has not looked at them.
    std::fs::write(&path, "100000\n").expect("a file");
    let since = "INSERT INTO hook_positions (hook, document, since) SELECT 'slow', 0, MAX(created_at) FROM experiences";
    app.db.execute(since).await.expect("a hook");
    let held = prune(&app, before).await;
    assert_eq!((held.experiences, held.runs), (0, 0), "{held:?}");
    assert!(held.unread > 0, "{held:?}");
    // One that is switched off follows nothing.
    let asked =
        Prune { before, actor: app.ada.actor(), reason: "old".to_owned(), dry_run: false, units: usize::MAX };
    let pruner = Pruner::new(&app.ports, Arc::new(folders(&app)), Vec::new());
    assert_eq!(pruner.prune(app.ada.workspace(), &asked).await.expect("prunes").runs, 2);
    assert_eq!(verify(&app).await.first_invalid, None);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_kept_at_the_checkpoint_is_redacted_too(#[case] backend: Backend) {
    let Some((app, [done, open, _], before)) = aged(backend).await else { return };
    let was = app.ports.clock.now();
    prune(&app, before).await;
    let asked = Redact { entities: vec![done.uuid()], reason: "Erasure".to_owned(), ..Redact::default() };
    let redactor = Redactor::new(&app.ports, Arc::new(folders(&app)));
    let redacted = redactor.redact(app.ada.workspace(), &app.ada.actor(), &asked).await.expect("redacts");
    assert_eq!((redacted.events, redacted.snapshots), (0, 1), "{redacted:?}");
    let left = app
        .db
        .texts(&format!("SELECT CAST(state AS TEXT) FROM ledger_snapshots WHERE entity_id = '{done}'"))
        .await;
    assert!(!left[0].contains("Done") && left[0].contains("achieved"), "{left:?}");
    assert_eq!(verify(&app).await.first_invalid, None);
    let then = app.services.goals.as_of(&app.ada, done, was).await.expect("it was there");
    assert!(then.redacted.contains(&"title".to_owned()));
    assert_eq!(
        app.services.goals.as_of(&app.ada, open, was).await.expect("it was there").redacted,
        Vec::<String>::new()
    );
    assert!(
        redactor.redact(app.ada.workspace(), &app.ada.actor(), &asked).await.expect("nothing").is_nothing()
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_workspace_that_does_not_keep_everything_is_pruned_once_a_day(#[case] backend: Backend) {
    let Some((app, _, _)) = aged(backend).await else { return };
    let retention = Retention::new(app.ports.queries.clone(), pruner(&app), app.ports.clock.clone());
    assert!(!retention.tick().await.expect("ticks"));
    assert_eq!(count(&app, "ledger_checkpoints").await, 0, "nobody asked for it");
    let settle = Settle {
        edit: SettingsEdit { retention_days: Some(Some(1)), ..SettingsEdit::default() },
        default_agent: None,
    };
    let settled =
        app.services.workspaces.settle(&app.ada, &settle, &Precondition::Any).await.expect("settles");
    assert_eq!(settled.settings.state().retention_days, Some(1));
    app.sequence().await;
    let experiences = count(&app, "experiences").await;
    assert!(!retention.tick().await.expect("ticks"));
    assert_eq!(count(&app, "experiences").await, experiences - 2);
    assert_eq!(count(&app, "ledger_checkpoints").await, 1);
    // Another process finds nothing left to do, and this one rests.
    let events = count(&app, "events").await;
    let other = Retention::new(app.ports.queries.clone(), pruner(&app), app.ports.clock.clone());
    app.clock.advance(Duration::from_secs(7_200));
    assert!(!other.tick().await.expect("ticks") && !retention.tick().await.expect("ticks"));
    assert_eq!(count(&app, "events").await, events);
    let by = app.db.texts("SELECT actor_id FROM events WHERE event_type = 'ledger.pruned'").await;
    assert_eq!(by, [Actor::system("retention").id]);
    app.clock.advance(Duration::from_secs(2 * 86_400));
    assert!(!retention.tick().await.expect("ticks"));
    assert!(count(&app, "events").await < events);
    assert_eq!(verify(&app).await.first_invalid, None);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_moment_that_has_not_come_is_refused(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let later = app.ports.clock.now() + Duration::from_secs(1);
    let refused = try_prune(&app, later, false).await.expect_err("it has not come");
    assert_eq!(refused.code(), "invalid_input");
}

#[test]
fn whenever_it_is_pruned_what_is_left_is_verified_and_the_past_is_told_from_then_on() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let config = ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() };
        let mut runner = proptest::test_runner::TestRunner::new(config);
        let histories = (prop::collection::vec(step(), 2..20), 0usize..20, 0usize..20);
        let shown = runner.run(&histories, |(steps, first, second)| {
            runtime.block_on(async {
                let Some(app) = TestApp::start(backend).await else { return };
                let (mut moments, mut known_from) = (vec![now(&app).await], None);
                let length = steps.len();
                for (number, step) in steps.into_iter().enumerate() {
                    happen(&app, number, step).await;
                    moments.push(now(&app).await);
                    if number == first % length || number == second % length {
                        // Some of the past goes while things go on.
                        let before = moments[number / 2].at + Duration::from_millis(1);
                        let pruned = prune(&app, before).await;
                        known_from = pruned.checkpoint.map(|(_, from)| from).or(known_from);
                    }
                }
                moments.retain(|moment| known_from.is_none_or(|from| moment.at >= from));
                app.sequence().await;
                assert_eq!(verify(&app).await.first_invalid, None);
                rows::are_what_events_tell(&app).await;
                for moment in &moments {
                    is_told(&app, moment).await;
                }
                app.db.discard().await;
            });
            Ok(())
        });
        if let Err(error) = shown {
            panic!("{backend:?}: {error}");
        }
    }
}
