//! What the domain forbids, plain SQL cannot write either; and opening a database says clearly what is wrong with it.

#![allow(missing_docs, reason = "a test's name says what it shows")]

use std::sync::Arc;

use goalwright_domain::api_key::DraftApiKey;
use goalwright_domain::goal::GoalId;
use goalwright_infrastructure::SystemClock;
use goalwright_infrastructure::persistence::{Database, OpenError};
use goalwright_testkit::{Backend, TestApp, database_settings};
use rstest::rstest;

const PLAN: &str = "# P\n\n- [ ] T001 A\n  use: time.now\n- [ ] T002 B (depends on T001)\n- [ ] T003 [P] C (depends on T001)\n";

/// A goal with a completed, a ready and a waiting task, and another workspace with a goal of its own.
async fn filled(backend: Backend) -> Option<(TestApp, GoalId)> {
    let app = TestApp::start(backend).await?;
    let goal = app.import(PLAN).await;
    app.drain().await;
    app.import("# Q\n\n- [ ] T001 Ready\n  use: time.now\n").await;
    let eve = app.user("eve").await;
    let request = goalwright_application::planning::ImportRequest {
        content: "# R\n\n- [ ] T001 Hers\n  use: time.now\n".to_owned(),
        ..Default::default()
    };
    app.services.planning.import(&eve, request).await.expect("hers");
    Some((app, goal))
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn plain_sql_that_violates_an_invariant_is_refused(#[case] backend: Backend) {
    let Some((app, _)) = filled(backend).await else { return };
    let ready = "(SELECT id FROM tasks WHERE status = 'ready' LIMIT 1)";
    let completed = "(SELECT id FROM tasks WHERE status = 'completed' LIMIT 1)";
    let waiting = "(SELECT id FROM tasks WHERE status = 'waiting' LIMIT 1)";
    let foreign = "(SELECT id FROM tasks WHERE slug = 'hers')";
    let ended = "(SELECT span_id FROM attempts WHERE ended_at IS NOT NULL LIMIT 1)";
    let live = "(SELECT span_id FROM attempts WHERE ended_at IS NULL LIMIT 1)";
    let one_event = "(SELECT seq FROM events WHERE entity_type = 'task' ORDER BY seq LIMIT 1)";
    let add = |table: &str, values: &str| {
        let (columns, values) = match table {
            "task_schedules" => ("task_id, workspace_id, considered_at, next_at", values.to_owned()),
            _ => (
                "task_id, workspace_id, slot_at, created_at, nominal, fold, status, run_id",
                format!("created_at, created_at, {values}"),
            ),
        };
        format!(
            "INSERT INTO {table} ({columns}) SELECT id, workspace_id, {values} FROM tasks WHERE id = {ready}"
        )
    };
    for sql in [
        add("task_schedules", "updated_at, NULL"),
        add("task_slots", "'2026-01-01T09:00:00', 0, 'fired', id"),
        add("task_slots", "'2026-01-02T09:00:00', 0, 'queued', NULL"),
    ] {
        app.db.execute(&sql).await.expect("as the rules are");
    }
    let draft = DraftApiKey { name: "ci".to_owned(), ..DraftApiKey::default() };
    let issued = app.services.api_keys.create(&app.ada, draft).await.expect("made");
    let (key, any) = (issued.api_key.id(), goalwright_application::Precondition::Any);
    app.services.api_keys.revoke(&app.ada, key, &any).await.expect("revoked");
    let api_key = |id: &str, digest: &str, (write, work): (i32, i32), agent: &str, expires_at: &str| {
        format!(
            "INSERT INTO api_keys (id, workspace_id, created_by, name, digest, may_read, may_write, may_work, may_admin, \
             agent_id, expires_at, created_at) SELECT {id}, workspace_id, created_by, name, {digest}, (1 = 0), (1 = {write}), \
             (1 = {work}), (1 = 0), {agent}, {expires_at}, created_at FROM api_keys LIMIT 1"
        )
    };
    let (fresh, own) =
        ("workspace_id", "(SELECT a.id FROM agents a WHERE a.workspace_id = api_keys.workspace_id LIMIT 1)");
    let hers = "(SELECT a.id FROM agents a WHERE a.workspace_id <> api_keys.workspace_id LIMIT 1)";
    app.sequence().await;
    let violations = [
        ("a task that is not pending has an agent", format!("UPDATE tasks SET agent_id = NULL WHERE id = {ready}")),
        ("a status is one of the known", format!("UPDATE tasks SET status = 'done' WHERE id = {ready}")),
        ("a completed task stays completed", format!("UPDATE tasks SET status = 'ready' WHERE id = {completed}")),
        ("a completed task keeps its result", format!("UPDATE tasks SET result = '1' WHERE id = {completed}")),
        ("a ready task has nothing open", format!("UPDATE tasks SET open_dependencies = 1 WHERE id = {ready}")),
        ("a counter is never negative", format!("UPDATE tasks SET open_dependencies = -1 WHERE id = {waiting}")),
        ("a waiting task says why", format!("UPDATE tasks SET waiting = NULL WHERE id = {waiting}")),
        ("slugs are unique in a workspace", format!("UPDATE tasks SET slug = 'a' WHERE id = {ready}")),
        (
            "an agent is of the task's workspace",
            format!(
                "UPDATE tasks SET agent_id = (SELECT id FROM agents WHERE workspace_id = (SELECT workspace_id FROM tasks \
                 WHERE slug = 'hers') LIMIT 1) WHERE id = {ready}"
            ),
        ),
        (
            "a goal is of the task's workspace",
            format!("UPDATE tasks SET goal_id = (SELECT goal_id FROM tasks WHERE slug = 'hers') WHERE id = {ready}"),
        ),
        ("a goal exists", format!("UPDATE tasks SET goal_id = id WHERE id = {ready}")),
        ("a goal's status is known", "UPDATE goals SET status = 'done'".to_owned()),
        ("counters are never negative", "UPDATE goal_progress SET ready = -1".to_owned()),
        (
            "a task does not wait for itself",
            format!(
                "INSERT INTO task_dependencies SELECT workspace_id, id, id, 'explicit', created_at FROM tasks WHERE id = {ready}"
            ),
        ),
        (
            "both sides of an edge are in one workspace",
            format!(
                "INSERT INTO task_dependencies SELECT workspace_id, id, {foreign}, 'explicit', created_at FROM tasks WHERE id = {ready}"
            ),
        ),
        (
            "an edge stands once",
            "INSERT INTO task_dependencies SELECT * FROM task_dependencies".to_owned(),
        ),
        ("a task that others wait for is not deleted", format!("DELETE FROM tasks WHERE id = {completed}")),
        ("API keys are revoked, never deleted", "DELETE FROM api_keys".to_owned()),
        ("a revoked API key stays revoked", "UPDATE api_keys SET revoked_at = NULL".to_owned()),
        ("an API key keeps its scopes", "UPDATE api_keys SET may_admin = (1 = 1)".to_owned()),
        ("an API key keeps its secret", "UPDATE api_keys SET digest = name".to_owned()),
        ("an API key is there once", api_key("id", "digest", (1, 0), "NULL", "NULL")),
        ("an API key is good for something", api_key(fresh, "digest", (0, 0), "NULL", "NULL")),
        ("the key of an agent does not write", api_key(fresh, "digest", (1, 0), own, "NULL")),
        ("the agent of a key is of its workspace", api_key(fresh, "digest", (0, 1), hers, "NULL")),
        ("what is kept of an API key is a digest", api_key(fresh, "'gw_'", (1, 0), "NULL", "NULL")),
        ("an API key is good for some time", api_key(fresh, "digest", (1, 0), "NULL", "created_at")),
        ("agents are retired, never deleted", "DELETE FROM agents".to_owned()),
        ("an agent's kind is known", "UPDATE agents SET kind = 'robot'".to_owned()),
        ("a default agent is active", "UPDATE agents SET status = 'retired' WHERE is_default".to_owned()),
        ("there is one default agent", "UPDATE agents SET is_default = (1 = 1)".to_owned()),
        ("a claim has a lease", format!("UPDATE attempts SET status = 'running', suspension = NULL WHERE span_id = {live}")),
        ("an ended attempt never changes", format!("UPDATE attempts SET worker = 'x' WHERE span_id = {ended}")),
        ("an ended attempt is kept", format!("DELETE FROM attempts WHERE span_id = {ended}")),
        (
            "only a first attempt retries nothing",
            format!("UPDATE attempts SET number = 2 WHERE span_id = {live}"),
        ),
        ("attempts are numbered once", "UPDATE attempts SET run_id = (SELECT run_id FROM attempts LIMIT 1)".to_owned()),
        ("an attempt belongs to a run", format!("UPDATE attempts SET run_id = task_id WHERE span_id = {live}")),
        ("a task that is not tried again fails or pauses", "UPDATE tasks SET on_exhausted = 'shrug'".to_owned()),
        ("attempts are excused or not", "UPDATE runs SET excused = -1 WHERE status = 'queued'".to_owned()),
        ("a finished run stays", "UPDATE runs SET strikes = 1 WHERE status = 'succeeded'".to_owned()),
        (
            "one run drives a task",
            "INSERT INTO runs SELECT trace_id, workspace_id, task_id, NULL, trace_id, NULL, mode, drives_task, queue, priority, \
             agent_id, performer, status, available_at, 0, 0, 0, NULL, suspended, created_at, updated_at, 0 FROM runs \
             WHERE status = 'queued'"
                .to_owned(),
        ),
        ("an ended call is kept", "DELETE FROM tool_calls".to_owned()),
        ("an experience is kept", "DELETE FROM experiences".to_owned()),
        ("a running task has a lease", format!("UPDATE tasks SET status = 'running' WHERE id = {ready}")),
        ("an ended call never changes", "UPDATE tool_calls SET tool = 'x'".to_owned()),
        ("an experience never changes", "UPDATE experiences SET ts = 0".to_owned()),
        ("a schedule is of a task of its workspace", "UPDATE task_schedules SET workspace_id = (SELECT workspace_id FROM tasks WHERE slug = 'hers')".to_owned()),
        ("the next slot is not decided", "UPDATE task_schedules SET next_at = considered_at".to_owned()),
        ("what was decided stays so", "UPDATE task_schedules SET considered_at = '2001-01-01T00:00:00+00:00'".to_owned()),
        ("a slot fires once", add("task_slots", "'2026-01-01T09:00:00', 0, 'fired', id")),
        ("a firing is a run", add("task_slots", "'2026-01-03T09:00:00', 0, 'fired', NULL")),
        ("what waits has no run", "UPDATE task_slots SET run_id = task_id WHERE status = 'queued'".to_owned()),
        ("there are two folds", add("task_slots", "'2026-01-03T09:00:00', 2, 'queued', NULL")),
        ("a slot has a local time", add("task_slots", "'nine', 0, 'queued', NULL")),
        ("what became of a slot is known", "UPDATE task_slots SET status = 'lost' WHERE status = 'queued'".to_owned()),
        ("what fired stays fired", "UPDATE task_slots SET status = 'dropped', run_id = NULL WHERE status = 'fired'".to_owned()),
        ("a slot stays the slot", "UPDATE task_slots SET nominal = '2026-01-04T09:00:00'".to_owned()),
        ("events are not deleted", "DELETE FROM events".to_owned()),
        ("events are not changed", format!("UPDATE events SET event_type = 'x' WHERE seq = {one_event}")),
        ("what an event tells is not changed", format!("UPDATE events SET changes = '{{}}' WHERE seq = {one_event}")),
        ("a position is set once", format!("UPDATE events SET position = 1000 WHERE seq = {one_event}")),
        ("a position is not taken back", format!("UPDATE events SET position = NULL WHERE seq = {one_event}")),
    ];
    let digest = "SELECT COUNT(*) FROM events";
    let before = app.db.number(digest).await;
    for (rule, sql) in violations {
        assert!(app.db.execute(&sql).await.is_err(), "{rule}: `{sql}` was accepted on {backend:?}");
    }
    assert_eq!(app.db.number(digest).await, before);
    let rewritten = match backend {
        // REPLACE fires no trigger on update or delete.
        Backend::Sqlite => [
            "INSERT OR REPLACE INTO events SELECT seq, id, workspace_id, position, entity_type, entity_id, event_type, actor_type, \
             'mallory', changes, metadata, digest, seal, trace_id, created_at FROM events",
            "INSERT OR REPLACE INTO attempts SELECT span_id, run_id, workspace_id, task_id, number, retry_of, idempotency_key, \
             agent_id, 'forged', status, lease_token, lease_expires_at, fence, suspension, recorded, error, experience_id, \
             started_at, ended_at FROM attempts",
            "INSERT OR REPLACE INTO tool_calls SELECT * FROM tool_calls",
        ],
        Backend::Postgres => ["TRUNCATE events", "TRUNCATE experiences", "TRUNCATE tool_calls"],
    };
    for sql in rewritten {
        assert!(app.db.execute(sql).await.is_err(), "`{sql}` was accepted on {backend:?}");
    }
    if backend == Backend::Sqlite {
        let forged = "INSERT OR REPLACE INTO experiences (id, workspace_id, type, content, provenance, parents, causes, session_id, \
                      created_at, ts, meta) SELECT id, workspace_id, type, content, provenance, parents, causes, 'forged', created_at, \
                      ts, meta FROM experiences";
        app.db.execute(forged).await.expect("it is passed over");
        assert_eq!(app.db.number("SELECT COUNT(*) FROM experiences WHERE session_id = 'forged'").await, 0);
    }
    // A seal is set with the position, and then stays.
    for value in ["'another'", "NULL"] {
        let seal = format!("UPDATE events SET seal = {value} WHERE seq = {one_event}");
        assert!(app.db.execute(&seal).await.is_err());
    }
    // An experience's key is unique, and generated from its document.
    let twice = "INSERT INTO experiences (id, workspace_id, type, content, provenance, parents, causes, session_id, created_at, ts, meta) \
                 SELECT id || 'x', workspace_id, type, content, provenance, parents, causes, session_id, created_at, ts, meta FROM experiences";
    let known = app.db.number("SELECT COUNT(*) FROM experiences").await;
    // PostgreSQL refuses it, SQLite passes it over.
    assert_eq!(app.db.execute(twice).await.is_err(), backend == Backend::Postgres);
    assert_eq!(app.db.number("SELECT COUNT(*) FROM experiences").await, known);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_goal_that_goes_leaves_its_tasks_without_one(#[case] backend: Backend) {
    let Some((app, goal)) = filled(backend).await else { return };
    let tasks = app.db.number("SELECT COUNT(*) FROM tasks").await;
    let by_id = match backend {
        Backend::Sqlite => format!("X'{}'", goal.uuid().simple()),
        Backend::Postgres => format!("'{goal}'"),
    };
    app.db.execute(&format!("DELETE FROM goals WHERE id = {by_id}")).await.expect("the foreign key detaches");
    assert_eq!(app.db.number("SELECT COUNT(*) FROM tasks").await, tasks);
    assert_eq!(app.db.number("SELECT COUNT(*) FROM tasks WHERE goal_id IS NULL").await, 3);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_named_indexes_exist(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let sql = match backend {
        Backend::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'index'",
        Backend::Postgres => {
            "SELECT CAST(indexname AS TEXT) FROM pg_indexes WHERE schemaname = current_schema()"
        }
    };
    let indexes = app.db.texts(sql).await;
    for name in [
        "idx_tasks_goal_id",
        "ix_experiences_type_ts",
        "ix_experiences_task",
        "ix_experiences_task_slug",
        "ix_experiences_trace",
        "ix_experiences_idempotency",
    ] {
        assert!(indexes.iter().any(|index| index == name), "{name} is missing");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_database_that_is_newer_is_left_alone_with_a_clear_word(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    app.db
        .execute("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_from_the_future', 1)")
        .await
        .expect("plain SQL");
    let Err(error) = open(&app.db.url).await else { panic!("it opened") };
    assert!(matches!(&error, OpenError::Newer { migration } if migration == "m9999_from_the_future"));
    assert!(error.to_string().contains("newer than this program"));
    assert!(error.help().contains("nothing was changed"));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_that_start_at_once_migrate_once(#[case] backend: Backend) {
    let Some(app) = TestApp::start(backend).await else { return };
    let url = match backend {
        Backend::Sqlite => format!("sqlite://{}/fresh.db", app.db.folder().display()),
        // Migrated back to nothing, so that there is something to do.
        Backend::Postgres => {
            app.db.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.expect("plain SQL");
            app.db.url.clone()
        }
    };
    let opened = futures::future::join_all((0..4).map(|_| open(&url))).await;
    for database in opened {
        database.unwrap_or_else(|error| panic!("{error}")).close().await;
    }
}

#[tokio::test]
async fn what_cannot_be_opened_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a-file");
    std::fs::write(&file, "no folder").expect("writes");
    let cases = [
        (format!("sqlite://{}/db/x.db", file.display()), "cannot be opened"),
        ("mysql://localhost/x".to_owned(), "no database this program knows"),
        ("postgres://nobody@127.0.0.1:1/x".to_owned(), "does not let us in"),
    ];
    for (url, expected) in cases {
        let Err(error) = open(&url).await else { panic!("{url} opened") };
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.help().is_empty());
    }
    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, "this is no database, but long enough to be looked at as one".repeat(40))
        .expect("writes");
    assert!(open(&format!("sqlite://{}", garbage.display())).await.is_err());
    assert!(std::fs::read_to_string(&garbage).expect("still there").starts_with("this is no database"));
}

async fn open(url: &str) -> Result<Arc<Database>, OpenError> {
    Database::open(&database_settings(url), Arc::new(SystemClock)).await
}
