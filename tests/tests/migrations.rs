//! Every released schema, filled with data, migrates forward on both databases; what fails changes nothing.
//!
//! `fixtures/schema/` has the rows of a database of each released schema. When a schema is released, its rows are added:
//! fill a database of each kind with it, then `sqlite3 FILE .dump` or `pg_dump --data-only --column-inserts`, without
//! the table `seaql_migrations`.

#![allow(missing_docs, reason = "a test's name says what it shows")]

use std::sync::Arc;
use std::time::Duration;

use goalwright_application::Context;
use goalwright_application::access::LOCAL_USER;
use goalwright_application::read::{GoalFilter, PageRequest, TaskFilter};
use goalwright_application::tasks::Completion;
use goalwright_domain::goal::GoalStatus;
use goalwright_domain::task::TaskStatus;
use goalwright_infrastructure::SystemClock;
use goalwright_infrastructure::persistence::{Database, OpenError};
use goalwright_migrations::Migrator;
use goalwright_testkit::{Backend, TestApp, database_settings};
use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use sea_orm_migration::MigratorTrait;

/// Released schemas: how many migrations they had, and their rows for each database.
const RELEASED: [(u32, &str, &str); 1] = [(
    7,
    include_str!("../fixtures/schema/m0007.sqlite.sql"),
    include_str!("../fixtures/schema/m0007.postgres.sql"),
)];

/// A database with an old schema and its rows, and where it is.
async fn old(
    backend: Backend,
    (migrations, sqlite, postgres): (u32, &str, &str),
) -> Option<(TestApp, String)> {
    let app = TestApp::start(backend).await?;
    let url = match backend {
        Backend::Sqlite => format!("sqlite://{}/old.db", app.db.folder().display()),
        Backend::Postgres => {
            app.db.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.expect("plain SQL");
            app.db.url.clone()
        }
    };
    let plain = connect(&url).await;
    Migrator::up(&plain, Some(migrations)).await.expect("the old schema");
    plain
        .execute_unprepared(if backend == Backend::Sqlite { sqlite } else { postgres })
        .await
        .expect("its rows");
    plain.close().await.expect("closes");
    Some((app, url))
}

async fn connect(url: &str) -> DatabaseConnection {
    let mode = if url.starts_with("sqlite") { "?mode=rwc" } else { "" };
    sea_orm::Database::connect(format!("{url}{mode}")).await.expect("a plain connection")
}

async fn open(url: &str) -> Result<Arc<Database>, OpenError> {
    Database::open(&database_settings(url), Arc::new(SystemClock)).await
}

/// Every row of every table that the old schema had, as text.
async fn rows(url: &str) -> Vec<String> {
    let plain = connect(url).await;
    let mut all = Vec::new();
    for table in [
        "users",
        "workspaces",
        "workspace_members",
        "agents",
        "goals",
        "goal_progress",
        "decompositions",
        "tasks",
        "task_dependencies",
        "runs",
        "attempts",
        "tool_calls",
        "experiences",
        "events",
        "ledger_heads",
    ] {
        let statement = sea_orm::Statement::from_string(
            plain.get_database_backend(),
            format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}"),
        );
        let row = plain.query_one_raw(statement).await.expect("counts").expect("a row");
        all.push(format!("{table}: {}", row.try_get_by_index::<String>(0).expect("text")));
    }
    plain.close().await.expect("closes");
    all
}

/// Tables, columns, indexes and triggers, as the database tells them.
async fn schema(url: &str) -> Vec<String> {
    let plain = connect(url).await;
    let sql = if url.starts_with("sqlite") {
        "SELECT name || ' ' || coalesce(sql, '') FROM sqlite_master ORDER BY name"
    } else {
        "SELECT table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns \
         WHERE table_schema = 'public' \
         UNION ALL SELECT indexname || ' ' || indexdef FROM pg_indexes WHERE schemaname = 'public' \
         UNION ALL SELECT CAST(tgname AS TEXT) FROM pg_trigger UNION ALL SELECT version FROM seaql_migrations ORDER BY 1"
    };
    let statement = sea_orm::Statement::from_string(plain.get_database_backend(), sql);
    let rows = plain.query_all_raw(statement).await.expect("the schema");
    let texts = rows.iter().map(|row| row.try_get_by_index(0).expect("text")).collect();
    plain.close().await.expect("closes");
    texts
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_filled_database_of_every_released_schema_migrates_forward(#[case] backend: Backend) {
    for released in RELEASED {
        let Some((app, url)) = old(backend, released).await else { return };
        let before = rows(&url).await;
        open(&url).await.unwrap_or_else(|error| panic!("{error}")).close().await;
        assert_eq!(rows(&url).await, before, "nothing is lost");

        // The folder that its files were in is of another machine.
        let plain = connect(&url).await;
        plain.execute_unprepared("UPDATE goals SET sandbox = NULL").await.expect("plain SQL");
        plain.close().await.expect("closes");
        // What was begun with the old schema goes on with the new one.
        let app = app.over(&url).await;
        let local = app.services.access.enter(LOCAL_USER, None).await.expect("still a user");
        let local = Context::of(local);
        let goals = app.services.goals.list(&local, &GoalFilter::default(), &PageRequest::first(10)).await;
        let goals = goals.expect("reads").items;
        assert_eq!(goals.len(), 2);
        let moved = goals.iter().find(|goal| goal.state.title.starts_with("Move")).expect("its goal");
        let carry = TaskFilter {
            goal_id: Some(moved.state.id),
            status: Some(TaskStatus::Waiting),
            ..Default::default()
        };
        let waiting =
            app.services.tasks.list(&local, &carry, &PageRequest::first(10)).await.expect("reads").items;
        assert_eq!(waiting.len(), 1, "a task waits for a person");
        app.services
            .tasks
            .complete(&local, waiting[0].state.id, &Completion::default())
            .await
            .expect("completes");
        let kernel = app.kernel_with(goalwright_application::execution::Settings {
            queue: moved.state.origin.queue.clone(),
            ..Default::default()
        });
        for assignment in kernel.claim(10).await.expect("claims") {
            let performed = app.perform(&assignment).await;
            kernel.settle(&[performed]).await.expect("settles").pop().expect("one").expect("held");
        }
        // What was recorded with the old schema is found with the new one.
        app.services.experiences.catch_up().await;
        let of = async |table: &str| app.db.number(&format!("SELECT COUNT(*) FROM {table}")).await;
        assert!(of("experiences").await > 0);
        assert_eq!(of("experience_documents").await, of("experiences").await);
        assert_eq!(
            of("task_executions").await,
            of("experiences WHERE type = 'TASK_EXECUTION'").await,
            "every execution is counted"
        );
        assert!(of("experience_links").await > 0, "what triggered them is linked");
        let goal = app.services.goals.get(&local, moved.state.id).await.expect("is there");
        assert_eq!(goal.state.status, GoalStatus::Achieved, "{:?}", goal.counts);
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_failed_migration_changes_nothing(#[case] backend: Backend) {
    let Some((_app, url)) = old(backend, RELEASED[0]).await else { return };
    // Somebody made a table by the name of one that the last migration is about to make.
    let plain = connect(&url).await;
    plain.execute_unprepared("CREATE TABLE idempotency_keys (mine TEXT)").await.expect("plain SQL");
    plain.close().await.expect("closes");
    let (before, rows_before) = (schema(&url).await, rows(&url).await);
    let Err(error) = open(&url).await else { panic!("it migrated") };
    assert!(matches!(error, OpenError::Migration { .. }), "{error}");
    assert!(error.to_string().contains("idempotency_keys"), "{error}");
    assert!(error.help().contains("nothing was changed"));
    assert_eq!(schema(&url).await, before, "not even the migrations before the one that failed");
    assert_eq!(rows(&url).await, rows_before);

    let plain = connect(&url).await;
    plain.execute_unprepared("DROP TABLE idempotency_keys").await.expect("plain SQL");
    plain.close().await.expect("closes");
    open(&url).await.unwrap_or_else(|error| panic!("{error}")).close().await;
    assert_eq!(rows(&url).await, rows_before);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_that_start_at_once_one_migrates_what_is_there(#[case] backend: Backend) {
    let Some((_app, url)) = old(backend, RELEASED[0]).await else { return };
    let before = rows(&url).await;
    let opened =
        tokio::time::timeout(Duration::from_secs(60), futures::future::join_all((0..4).map(|_| open(&url))));
    for database in opened.await.expect("nobody waits for ever") {
        database.unwrap_or_else(|error| panic!("{error}")).close().await;
    }
    assert_eq!(rows(&url).await, before);
}
