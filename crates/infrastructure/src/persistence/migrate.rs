//! Bringing a schema up to date, under a lock: all of what is missing, or nothing.

use std::path::Path;
use std::time::Duration;

use goalwright_migrations::Migrator;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sea_orm::sqlx::{ConnectOptions, Connection};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr, SqlxPostgresConnector,
    SqlxSqliteConnector, Statement, TransactionTrait, sqlx,
};
use sea_orm_migration::MigratorTrait;

use super::connect::{DatabaseSettings, OpenError};
use super::open::{Place, postgres_options, sqlite_options};

/// Applies the migrations that the database lacks, whatever the settings say about doing so at start; gives their
/// names, oldest first.
///
/// # Errors
/// See [`OpenError`].
pub async fn apply_migrations(settings: &DatabaseSettings) -> Result<Vec<String>, OpenError> {
    match Place::of(settings)? {
        Place::Sqlite(path) => migrate_sqlite(&path, &sqlite_options(&path)?, true).await,
        Place::Postgres => migrate_postgres(&postgres_options(settings)?, true).await,
    }
}

/// The names of the migrations that the database lacks, oldest first. Nothing is written, not even an empty file.
///
/// # Errors
/// See [`OpenError`].
pub async fn missing_migrations(settings: &DatabaseSettings) -> Result<Vec<String>, OpenError> {
    let connection = match Place::of(settings)? {
        Place::Sqlite(path) if !path.exists() => return Ok(known()),
        Place::Sqlite(path) => {
            let options = SqliteConnectOptions::new().filename(&path).read_only(true);
            let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
            SqlxSqliteConnector::from_sqlx_sqlite_pool(
                pool.map_err(|error| OpenError::Unwritable { path, reason: error.to_string() })?,
            )
        }
        Place::Postgres => {
            let options = postgres_options(settings)?;
            answers(&options).await?;
            let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await;
            SqlxPostgresConnector::from_sqlx_postgres_pool(pool.map_err(unreachable)?)
        }
    };
    let missing = missing(&connection).await;
    let _ = connection.close().await;
    missing
}

/// On a connection of its own, under a lock file, so that two processes may start at once.
pub(super) async fn migrate_sqlite(
    path: &Path,
    options: &SqliteConnectOptions,
    migrate: bool,
) -> Result<Vec<String>, OpenError> {
    let unwritable = |reason: String| OpenError::Unwritable { path: path.to_owned(), reason };
    let lock_path = path.with_extension("migrate.lock");
    let lock = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(|error| unwritable(error.to_string()))?;
    // Waited for without blocking the runtime: whoever holds it may be on this thread.
    while let Err(error) = lock.try_lock() {
        match error {
            std::fs::TryLockError::WouldBlock => tokio::time::sleep(Duration::from_millis(20)).await,
            std::fs::TryLockError::Error(error) => return Err(unwritable(error.to_string())),
        }
    }
    // Tables may be rebuilt by a migration, for which foreign keys must be off before its transaction begins.
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options.clone().foreign_keys(false))
        .await
        .map_err(|error| unwritable(error.to_string()))?;
    let connection = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool);
    let migrated = bring_up_to_date(&connection, migrate).await;
    let _ = connection.close().await;
    migrated
}

/// SQLite does not check them while tables are rebuilt.
async fn check_foreign_keys(connection: &DatabaseTransaction) -> Result<(), OpenError> {
    if connection.get_database_backend() != DatabaseBackend::Sqlite {
        return Ok(());
    }
    let statement = Statement::from_string(connection.get_database_backend(), "PRAGMA foreign_key_check");
    let dangling = connection.query_all_raw(statement).await.map_err(|error| failed(&error))?;
    if dangling.is_empty() {
        return Ok(());
    }
    Err(OpenError::Migration { reason: format!("{} rows refer to rows that are not there", dangling.len()) })
}

/// So often a server is asked that broke off after it had let us in.
const ATTEMPTS: u32 = 5;
/// Before it is asked again, longer each time.
const PAUSE: Duration = Duration::from_millis(200);

/// A connection whose session holds the lock of those who migrate.
async fn locked(options: &PgConnectOptions) -> Result<DatabaseConnection, OpenError> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(15))
        .connect_with(options.clone())
        .await
        .map_err(unreachable)?;
    let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
    connection
        .execute_unprepared("SELECT pg_advisory_lock(7453301442158821377)")
        .await
        .map_err(|error| OpenError::Unreachable { reason: error.to_string() })?;
    Ok(connection)
}

/// On a connection of its own, under an advisory lock of its session.
pub(super) async fn migrate_postgres(
    options: &PgConnectOptions,
    migrate: bool,
) -> Result<Vec<String>, OpenError> {
    answers(options).await?;
    // It let us in, so what goes wrong now may pass: a server that restarts ends connections.
    let mut attempt = 1;
    let connection = loop {
        match locked(options).await {
            Ok(connection) => break connection,
            Err(error) if attempt == ATTEMPTS => return Err(error),
            Err(error) => {
                tracing::warn!(attempt, error = %error, "the database broke off while it was opened; it is tried again");
                tokio::time::sleep(PAUSE * attempt).await;
                attempt += 1;
            }
        }
    };
    let migrated = bring_up_to_date(&connection, migrate).await;
    let _ = connection.close().await;
    migrated
}

/// A pool would try for as long as it may take to get a connection; whoever mistyped a port wants to know now.
async fn answers(options: &PgConnectOptions) -> Result<(), OpenError> {
    let first = tokio::time::timeout(Duration::from_secs(10), options.connect()).await;
    let first = first.map_err(|_| OpenError::Unreachable { reason: "no answer within 10 s".to_owned() })?;
    let _ = first.map_err(unreachable)?.close().await;
    Ok(())
}

fn unreachable(error: sqlx::Error) -> OpenError {
    OpenError::Unreachable { reason: error.to_string() }
}

/// Applies what is missing: all of it, or nothing if any of it fails; gives the names.
#[expect(
    clippy::disallowed_methods,
    reason = "a migration is no unit of work: it has a connection of its own"
)]
async fn bring_up_to_date(connection: &DatabaseConnection, migrate: bool) -> Result<Vec<String>, OpenError> {
    let missing = missing(connection).await?;
    let Some(first) = missing.first() else { return Ok(missing) };
    if !migrate {
        return Err(OpenError::Older { migration: first.clone(), count: missing.len() });
    }
    let all = connection.begin().await.map_err(|error| failed(&error))?;
    Migrator::up(&all, None).await.map_err(|error| failed(&error))?;
    check_foreign_keys(&all).await?;
    all.commit().await.map_err(|error| failed(&error))?;
    Ok(missing)
}

/// The names of migrations that the database lacks, oldest first.
async fn missing(connection: &DatabaseConnection) -> Result<Vec<String>, OpenError> {
    let (known, applied) = (known(), applied(connection).await.map_err(|error| failed(&error))?);
    if let Some(newer) = applied.iter().find(|name| !known.contains(name)) {
        return Err(OpenError::Newer { migration: newer.clone() });
    }
    Ok(known.into_iter().filter(|name| !applied.contains(name)).collect())
}

fn known() -> Vec<String> {
    Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}

/// The names of applied migrations, oldest first; none if the table is not there.
async fn applied(connection: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let backend = connection.get_database_backend();
    let exists = match backend {
        DatabaseBackend::Postgres => {
            "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'seaql_migrations'"
        }
        _ => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'",
    };
    if connection.query_one_raw(Statement::from_string(backend, exists)).await?.is_none() {
        return Ok(Vec::new());
    }
    let names = Statement::from_string(backend, "SELECT version FROM seaql_migrations ORDER BY version");
    connection.query_all_raw(names).await?.iter().map(|row| row.try_get("", "version")).collect()
}

fn failed(error: &DbErr) -> OpenError {
    OpenError::Migration { reason: error.to_string() }
}
