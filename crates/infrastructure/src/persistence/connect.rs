//! Opening a database: connections, and errors that say what to do.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use goalwright_application::ports::{Clock, Ledger, Sequencer, StorageError, Transactions};
use goalwright_application::read::Queries;
use goalwright_domain::ledger::SealKey;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::sqlx::{ConnectOptions as _, Connection as _};
use sea_orm::{DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector, sqlx};

use super::ledger::trail::Trail;
use super::migrate::{migrate_postgres, migrate_sqlite};
use super::reader::Reader;
use super::unit_of_work::Writer;

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// `sqlite://path` or `postgres://…`.
    pub url: String,
    /// Connections kept open, PostgreSQL.
    pub pool: u32,
    /// Connections opened on top of these under load, PostgreSQL.
    pub pool_overflow: u32,
    /// Whether missing migrations are applied.
    pub migrate: bool,
    /// What the ledger is sealed with: the same for every process that works on the database.
    pub audit_key: SealKey,
    /// The file in which the ends of the ledger's chains are noted, so that a history that was rewritten in the database
    /// does not agree with it; none to note nothing.
    pub audit_anchors: Option<PathBuf>,
}

/// An open database.
pub struct Database {
    writer: Arc<Writer>,
    reader: Arc<Reader>,
    trail: Arc<Trail>,
    /// `sqlite` or `postgres`.
    kind: &'static str,
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is neither.
    #[error("`{url}` is no database this program knows")]
    UnknownUrl {
        /// Without a password.
        url: String,
    },
    /// The file or its folder cannot be written.
    #[error("the database file `{}` cannot be opened: {reason}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// From the system.
        reason: String,
    },
    /// The server does not answer, or not to us.
    #[error("the database server does not let us in: {reason}")]
    Unreachable {
        /// From the driver; holds no password.
        reason: String,
    },
    /// The schema is from a newer version of this program.
    #[error("the database is newer than this program: it knows `{migration}`")]
    Newer {
        /// The first migration that is not known here.
        migration: String,
    },
    /// The schema is older and migrations are off.
    #[error("the database lacks {count} migrations, the first is `{migration}`")]
    Older {
        /// The first that is missing.
        migration: String,
        /// How many are.
        count: usize,
    },
    /// The ledger is sealed with another key.
    #[error(
        "the ledger of the database is sealed with the key {sealed_with}, and this process has the key {given}"
    )]
    AuditKey {
        /// The fingerprint of the key that the database knows.
        sealed_with: String,
        /// The fingerprint of ours.
        given: String,
    },
    /// A migration failed; nothing of it was kept.
    #[error("the database could not be migrated: {reason}")]
    Migration {
        /// From the driver.
        reason: String,
    },
}

impl OpenError {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::UnknownUrl { .. } => {
                "DATABASE_URL is `sqlite:///path/to/file.db` or `postgres://user@host/name`".to_owned()
            }
            Self::Unwritable { .. } => {
                "make the folder writable, or choose another one with GOALWRIGHT_DATA_DIR or DATABASE_URL"
                    .to_owned()
            }
            Self::Unreachable { .. } => {
                "check DATABASE_URL, and that the server runs and accepts this user".to_owned()
            }
            Self::Newer { .. } => {
                "use the version of goalwright that wrote it, or a later one; nothing was changed".to_owned()
            }
            Self::Older { .. } => "leave GOALWRIGHT_MIGRATE on to apply them at start".to_owned(),
            Self::AuditKey { .. } => {
                "copy the file `audit-key` from the data directory of the process that used the database before, or give \
                 its content in GOALWRIGHT_AUDIT_KEY; nothing was changed"
                    .to_owned()
            }
            Self::Migration { .. } => "nothing was changed; mend the cause and start again".to_owned(),
        }
    }
}

impl Database {
    /// Opens the database and brings its schema up to date. Leases are measured by the database's clock on
    /// PostgreSQL, by `clock` on SQLite.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(settings: &DatabaseSettings, clock: Arc<dyn Clock>) -> Result<Arc<Self>, OpenError> {
        Self::open_with(settings, clock, false).await
    }

    /// As [`Database::open`], with leases measured by `clock` on PostgreSQL too, for tests that move it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open_with_own_clock(
        settings: &DatabaseSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, OpenError> {
        Self::open_with(settings, clock, true).await
    }

    async fn open_with(
        settings: &DatabaseSettings,
        clock: Arc<dyn Clock>,
        own_clock: bool,
    ) -> Result<Arc<Self>, OpenError> {
        let (writing, reading, kind) = match Place::of(settings)? {
            Place::Postgres => {
                let pool = open_postgres(settings).await?;
                (pool.clone(), pool, "postgres")
            }
            Place::Sqlite(path) => {
                let (writing, reading) = open_sqlite(&path, settings).await?;
                (writing, reading, "sqlite")
            }
        };
        let seal_key = Arc::new(settings.audit_key.clone());
        let trail = Trail {
            connection: reading.clone(),
            key: seal_key.clone(),
            anchors: settings.audit_anchors.clone(),
        };
        let writer = Writer::new(writing, clock, own_clock, seal_key);
        know_key(&writer).await?;
        Ok(Arc::new(Self {
            writer: Arc::new(writer),
            reader: Arc::new(Reader { connection: reading }),
            trail: Arc::new(trail),
            kind,
        }))
    }

    /// Units of work.
    pub fn transactions(&self) -> Arc<dyn Transactions> {
        self.writer.clone()
    }

    /// Reads.
    pub fn queries(&self) -> Arc<dyn Queries> {
        self.reader.clone()
    }

    /// The ledger, to be verified.
    pub fn ledger(&self) -> Arc<dyn Ledger> {
        self.trail.clone()
    }

    /// What statements outside of units are sent with.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The sequencer of the ledger.
    pub fn sequencer(&self) -> Arc<dyn Sequencer> {
        self.writer.clone()
    }

    /// `sqlite` or `postgres`.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Closes the connections; on SQLite this also empties the write-ahead log.
    pub async fn close(&self) {
        for connection in [&self.reader.connection, &self.writer.connection] {
            // Closing can only fail when there is nothing left to close.
            let _ = connection.close_by_ref().await;
        }
    }
}

/// The first process leaves the fingerprint of its key; the others must have the same key.
async fn know_key(writer: &Writer) -> Result<(), OpenError> {
    let given = writer.seal_key.fingerprint();
    let unreachable = |error: StorageError| OpenError::Unreachable {
        reason: std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string),
    };
    let sealed_with = match writer.known_key().await.map_err(unreachable)? {
        Some(known) => known,
        None => writer.leave_key(&given).await.map_err(unreachable)?,
    };
    if sealed_with == given { Ok(()) } else { Err(OpenError::AuditKey { sealed_with, given }) }
}

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

async fn open_sqlite(
    path: &Path,
    settings: &DatabaseSettings,
) -> Result<(DatabaseConnection, DatabaseConnection), OpenError> {
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
    let readers = SqlitePoolOptions::new()
        .max_connections(4)
        .min_connections(1)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(60))
        .connect_with(options.create_if_missing(false).pragma("query_only", "ON"))
        .await
        .map_err(|error| unwritable(error.to_string()))?;
    Ok((
        SqlxSqliteConnector::from_sqlx_sqlite_pool(writer),
        SqlxSqliteConnector::from_sqlx_sqlite_pool(readers),
    ))
}

/// A unit that settles hundreds of tasks changes some ten megabytes of pages. With the usual cache of two they are
/// written and read again before it ends; with the usual checkpoint after every four, hot pages are copied into the file
/// with almost every commit.
fn for_writing(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .pragma("cache_size", "-65536")
        .pragma("temp_store", "memory")
        .pragma("wal_autocheckpoint", "8192")
        .pragma("journal_size_limit", "67108864")
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
        .statement_cache_capacity(1_024))
}

/// For a server, without asking it anything.
pub(super) fn postgres_options(settings: &DatabaseSettings) -> Result<PgConnectOptions, OpenError> {
    let options: PgConnectOptions = settings
        .url
        .parse()
        .map_err(|error: sqlx::Error| OpenError::Unreachable { reason: error.to_string() })?;
    // What is looked up is in memory or on a disk without arms: going to a row by its index costs little more than coming
    // by it.
    Ok(options.application_name("goalwright").options([("timezone", "UTC"), ("random_page_cost", "1.1")]))
}

async fn open_postgres(settings: &DatabaseSettings) -> Result<DatabaseConnection, OpenError> {
    let unreachable = |error: &dyn std::fmt::Display| OpenError::Unreachable { reason: error.to_string() };
    let options = without_idle_tls(postgres_options(settings)?).await;
    migrate_postgres(&options, settings.migrate).await?;
    let pool = PgPoolOptions::new()
        .max_connections((settings.pool + settings.pool_overflow).max(2))
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(15))
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
