//! How connections to each of the two databases are opened.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::sqlx::{ConnectOptions as _, Connection as _, SqlitePool};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector, sqlx};

use super::checkpoint;
use super::connect::{DatabaseSettings, OpenError};
use super::migrate::{migrate_postgres, migrate_sqlite};

/// Which of the two a URL names.
pub(super) enum Place {
    Sqlite(PathBuf),
    Postgres,
}

impl Place {
    pub(super) fn of(settings: &DatabaseSettings) -> Result<Self, OpenError> {
        let url = settings.url.as_str();
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres);
        }
        sqlite_path(url).map(Self::Sqlite).ok_or_else(|| OpenError::UnknownUrl {
            url: url.split('@').next_back().unwrap_or_default().to_owned(),
        })
    }
}

fn sqlite_path(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))?;
    let path = path.split('?').next().unwrap_or_default();
    (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path))
}

pub(super) async fn open_sqlite(path: &Path, settings: &DatabaseSettings) -> Result<Sqlite, OpenError> {
    let unwritable = |reason: String| OpenError::Unwritable { path: path.to_owned(), reason };
    let options = sqlite_options(path)?;
    migrate_sqlite(path, &options, settings.migrate).await?;
    // The writer opens first: it may have to recover the write-ahead log, which readers cannot.
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        // A connection to a file does not go away; asking it would cost every unit a turn of its thread.
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(60))
        .connect_with(for_writing(options.clone()))
        .await
        .map_err(|error| unwritable(error.to_string()))?;
    let there = options.create_if_missing(false);
    let readers = SqlitePoolOptions::new()
        .max_connections(4)
        .min_connections(1)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(60))
        .connect_with(there.clone().pragma("query_only", "ON"))
        .await
        .map_err(|error| unwritable(error.to_string()))?;
    // Opened with the first commit.
    let copier =
        SqlitePoolOptions::new().max_connections(1).test_before_acquire(false).connect_lazy_with(there);
    Ok(Sqlite {
        writer: SqlxSqliteConnector::from_sqlx_sqlite_pool(writer),
        readers: SqlxSqliteConnector::from_sqlx_sqlite_pool(readers),
        copier,
    })
}

/// The connections to a file.
pub(super) struct Sqlite {
    pub(super) writer: DatabaseConnection,
    pub(super) readers: DatabaseConnection,
    /// For checkpoints.
    pub(super) copier: SqlitePool,
}

/// A unit that settles hundreds of tasks changes some ten megabytes of pages. With the usual cache of two they are
/// written and read again before it ends; with the usual checkpoint after every four, hot pages are copied into the file
/// with almost every commit.
fn for_writing(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .pragma("cache_size", "-65536")
        .pragma("temp_store", "memory")
        .pragma("wal_autocheckpoint", checkpoint::LIMIT.to_string())
        .pragma("journal_size_limit", "134217728")
}

/// For a file whose folder is there afterwards.
pub(super) fn sqlite_options(path: &Path) -> Result<SqliteConnectOptions, OpenError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|error| OpenError::Unwritable { path: path.to_owned(), reason: error.to_string() })?;
    }
    Ok(SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // Nothing that was acknowledged is lost when the power fails.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .pragma("mmap_size", "67108864")
        .statement_cache_capacity(STATEMENTS))
}

/// So many statements are kept prepared on a connection; the product has fewer.
const STATEMENTS: usize = 1_024;

/// For a server, without asking it anything.
pub(super) fn postgres_options(settings: &DatabaseSettings) -> Result<PgConnectOptions, OpenError> {
    let options: PgConnectOptions = settings
        .url
        .parse()
        .map_err(|error: sqlx::Error| OpenError::Unreachable { reason: error.to_string() })?;
    // What is looked up is in memory or on a disk without arms: going to a row by its index costs little more than coming
    // by it.
    // A statement has one text and one plan, whatever its values: what the tests of plans look at. Otherwise the server
    // plans every list of ids anew, which takes longer than to look them up.
    Ok(options.application_name("goalwright").statement_cache_capacity(STATEMENTS).options([
        ("timezone", "UTC"),
        ("random_page_cost", "1.1"),
        ("plan_cache_mode", "force_generic_plan"),
    ]))
}

/// A connection that was idle for so long is asked whether it is still there before it is used.
const RESTED: Duration = Duration::from_secs(1);

pub(super) async fn open_postgres(settings: &DatabaseSettings) -> Result<DatabaseConnection, OpenError> {
    let unreachable = |error: &dyn std::fmt::Display| OpenError::Unreachable { reason: error.to_string() };
    let options = without_idle_tls(postgres_options(settings)?).await;
    migrate_postgres(&options, settings.migrate).await?;
    let pool = PgPoolOptions::new()
        .max_connections((settings.pool + settings.pool_overflow).max(2))
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(15))
        // One that was used a moment ago need not be asked whether it is still there.
        .test_before_acquire(false)
        .before_acquire(|connection, met| {
            Box::pin(async move {
                if met.idle_for < RESTED {
                    return Ok(true);
                }
                Ok(connection.ping().await.is_ok())
            })
        })
        .connect_with(options)
        .await
        .map_err(|error| unreachable(&error))?;
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}

/// Without encryption where it protects nothing: to a server on this machine, unless the URL asks for it or the server
/// insists on it. The driver does not switch Nagle's algorithm off, and the small records of TLS then wait for
/// acknowledgements that are delayed: every larger statement takes tens of milliseconds longer.
async fn without_idle_tls(options: PgConnectOptions) -> PgConnectOptions {
    let local = matches!(options.get_host(), "localhost" | "127.0.0.1" | "::1" | "[::1]");
    if !local || !matches!(options.get_ssl_mode(), PgSslMode::Prefer) {
        return options;
    }
    let plain = options.clone().ssl_mode(PgSslMode::Disable);
    match plain.connect().await {
        Ok(connection) => {
            // Nothing was asked for yet; if it does not close well, the server notices by itself.
            let _ = connection.close().await;
            plain
        }
        Err(_) => options,
    }
}
