//! A database that is open, and errors that say what keeps it from being opened.

use std::path::PathBuf;
use std::sync::Arc;

use goalwright_application::ports::{
    Clock, Ledger, Sequencer, StorageError, Telemetry, Transactions, Unwatched,
};
use goalwright_application::read::Queries;
use goalwright_domain::ledger::KeyRing;
use sea_orm::DatabaseConnection;

use super::checkpoint::Checkpoints;
use super::ledger::trail::Trail;
use super::open::{Place, open_postgres, open_sqlite};
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
    /// What the ledger is sealed with, the same for every process that works on the database, and what it was sealed with
    /// before.
    pub audit_keys: KeyRing,
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
    /// On SQLite.
    checkpoints: Option<Checkpoints>,
}

/// What a database is reached by.
struct Connected {
    writer: Writer,
    reader: Reader,
    kind: &'static str,
    checkpoints: Option<Checkpoints>,
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
                 its content in GOALWRIGHT_AUDIT_KEY; if it is lost everywhere, see `goalwright admin continue-ledger`; \
                 nothing was changed"
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
        Self::open_with(settings, clock, false, Arc::new(Unwatched)).await
    }

    /// As [`Database::open`]; who watches is told of what is committed.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open_watched(
        settings: &DatabaseSettings,
        clock: Arc<dyn Clock>,
        telemetry: Arc<dyn Telemetry>,
    ) -> Result<Arc<Self>, OpenError> {
        Self::open_with(settings, clock, false, telemetry).await
    }

    /// As [`Database::open`], whatever key the ledger is sealed with: for whoever mends that, and appends nothing.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open_whatever_key(
        settings: &DatabaseSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, OpenError> {
        let connected = Self::connect(settings, clock, false, Arc::new(Unwatched)).await?;
        Ok(Self::over(connected, settings, settings.audit_keys.clone()))
    }

    /// As [`Database::open`], with leases measured by `clock` on PostgreSQL too, for tests that move it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open_with_own_clock(
        settings: &DatabaseSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, OpenError> {
        Self::open_with(settings, clock, true, Arc::new(Unwatched)).await
    }

    async fn open_with(
        settings: &DatabaseSettings,
        clock: Arc<dyn Clock>,
        own_clock: bool,
        telemetry: Arc<dyn Telemetry>,
    ) -> Result<Arc<Self>, OpenError> {
        let mut connected = Self::connect(settings, clock, own_clock, telemetry).await?;
        let keys = know_key(&connected.writer, &settings.audit_keys).await?;
        connected.writer.take_key(keys.current().clone());
        Ok(Self::over(connected, settings, keys))
    }

    async fn connect(
        settings: &DatabaseSettings,
        clock: Arc<dyn Clock>,
        own_clock: bool,
        telemetry: Arc<dyn Telemetry>,
    ) -> Result<Connected, OpenError> {
        let key = settings.audit_keys.current().clone();
        let writer = |connection, commits| Writer::new(connection, clock, own_clock, key, telemetry, commits);
        Ok(match Place::of(settings)? {
            Place::Postgres => {
                let pool = open_postgres(settings).await?;
                let reader = Reader { connection: pool.clone() };
                Connected { writer: writer(pool, None), reader, kind: "postgres", checkpoints: None }
            }
            Place::Sqlite(path) => {
                let opened = open_sqlite(&path, settings).await?;
                let (checkpoints, commits) = Checkpoints::start(opened.copier);
                Connected {
                    writer: writer(opened.writer, Some(commits)),
                    reader: Reader { connection: opened.readers },
                    kind: "sqlite",
                    checkpoints: Some(checkpoints),
                }
            }
        })
    }

    fn over(connected: Connected, settings: &DatabaseSettings, keys: KeyRing) -> Arc<Self> {
        let Connected { writer, reader, kind, checkpoints } = connected;
        let reader = Arc::new(reader);
        let trail = Trail { reader: reader.clone(), keys, anchors: settings.audit_anchors.clone() };
        Arc::new(Self { writer: Arc::new(writer), reader, trail: Arc::new(trail), kind, checkpoints })
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

    pub(super) fn writer(&self) -> &Writer {
        &self.writer
    }

    pub(super) fn trail(&self) -> &Trail {
        &self.trail
    }

    /// What statements outside of units are sent with.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// What writes, and what reads.
    pub(super) fn connections(&self) -> (&DatabaseConnection, &DatabaseConnection) {
        (&self.writer.connection, &self.reader.connection)
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
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.stop().await;
        }
        for connection in [&self.reader.connection, &self.writer.connection] {
            // Closing can only fail when there is nothing left to close.
            let _ = connection.close_by_ref().await;
        }
    }
}

/// The first process leaves the fingerprint of its key; the others must have that key, as the one of their settings or
/// among those in their data directory. Gives the keys, sealing with that one.
async fn know_key(writer: &Writer, keys: &KeyRing) -> Result<KeyRing, OpenError> {
    let given = keys.current().fingerprint();
    let unreachable = |error: StorageError| OpenError::Unreachable {
        reason: std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string),
    };
    let sealed_with = match writer.known_key().await.map_err(unreachable)? {
        Some(known) => known,
        None => writer.leave_key(&given).await.map_err(unreachable)?,
    };
    keys.sealing_with(&sealed_with).ok_or(OpenError::AuditKey { sealed_with, given })
}
