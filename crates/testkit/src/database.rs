//! A fresh, migrated database per test.

use std::sync::Arc;

use goalwright_application::ports::Clock;
use goalwright_domain::ledger::SealKey;
use goalwright_infrastructure::persistence::{Database, DatabaseSettings};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};
use tempfile::TempDir;

/// The databases that everything must work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file in a temporary folder.
    Sqlite,
    /// A database of its own on the server that `GOALWRIGHT_TEST_POSTGRES` names.
    Postgres,
}

/// A database that goes away with the test.
pub struct TestDatabase {
    /// Where it is.
    pub url: String,
    /// Opened by the product, with leases measured by the test's clock.
    pub database: Arc<Database>,
    /// For plain SQL, past all rules of the product.
    pub plain: DatabaseConnection,
    folder: TempDir,
    dropped: Option<(String, String)>,
}

/// What test ledgers are sealed with.
pub fn audit_key() -> SealKey {
    SealKey::from_secret(b"an audit key that is only used by tests")
}

/// A database that is migrated when it is opened, with few connections, and without notes beside it.
pub fn database_settings(url: &str) -> DatabaseSettings {
    DatabaseSettings {
        url: url.to_owned(),
        pool: 2,
        pool_overflow: 0,
        migrate: true,
        audit_keys: audit_key().into(),
        audit_anchors: None,
    }
}

impl TestDatabase {
    /// A fresh one; `None`, said on stderr, if there is no server for it.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn create(backend: Backend, clock: Arc<dyn Clock>) -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder");
        let (url, dropped) = match backend {
            Backend::Sqlite => (format!("sqlite://{}/test.db", folder.path().display()), None),
            Backend::Postgres => {
                let Ok(server) = std::env::var("GOALWRIGHT_TEST_POSTGRES") else {
                    eprintln!("skipped: GOALWRIGHT_TEST_POSTGRES names no server");
                    return None;
                };
                let name = format!(
                    "gw_{}",
                    folder.path().file_name()?.to_string_lossy().replace(['.', '-'], "_").to_lowercase()
                );
                let admin = sea_orm::Database::connect(&server).await.expect("the PostgreSQL server answers");
                admin
                    .execute_unprepared(&format!("CREATE DATABASE \"{name}\""))
                    .await
                    .expect("a database is made");
                admin.close().await.expect("closes");
                let (base, _) = server.rsplit_once('/').expect("the URL names a database");
                (format!("{base}/{name}"), Some((server.clone(), name)))
            }
        };
        let (database, plain) = open(&url, &folder, clock).await;
        Some(Self { url, database, plain, folder, dropped })
    }

    /// Another database in its place, opened and migrated by the product.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub async fn reopened(self, url: &str, clock: Arc<dyn Clock>) -> Self {
        self.database.close().await;
        let (database, plain) = open(url, &self.folder, clock).await;
        Self { url: url.to_owned(), database, plain, ..self }
    }

    /// The folder that goes away with the test.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Runs plain SQL.
    ///
    /// # Errors
    /// What the database says.
    pub async fn execute(&self, sql: &str) -> Result<u64, DbErr> {
        Ok(self.plain.execute_unprepared(sql).await?.rows_affected())
    }

    /// The first column of the first row, as a number.
    ///
    /// # Panics
    /// If there is none.
    pub async fn number(&self, sql: &str) -> i64 {
        let statement = Statement::from_string(self.plain.get_database_backend(), sql);
        let row = self.plain.query_one_raw(statement).await.expect("the query runs").expect("a row");
        row.try_get_by_index(0).expect("a number")
    }

    /// Every row's first column, as text.
    ///
    /// # Panics
    /// If it is no text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let statement = Statement::from_string(self.plain.get_database_backend(), sql);
        let rows = self.plain.query_all_raw(statement).await.expect("the query runs");
        rows.iter().map(|row| row.try_get_by_index(0).expect("text")).collect()
    }

    /// Waits until units that were dropped are rolled back: PostgreSQL learns of it when their connection is used again,
    /// and until then a claim passes over what they had locked. A unit that somebody holds is not waited for.
    ///
    /// # Panics
    /// If the database does not answer.
    pub async fn until_rolled_back(&self) {
        if self.url.starts_with("sqlite") {
            return;
        }
        let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND \
                    pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'";
        for _ in 0..100 {
            if self.number(open).await == 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Drops a PostgreSQL database; without it the throwaway server takes it along.
    pub async fn discard(self) {
        self.database.close().await;
        let _ = self.plain.close().await;
        if let Some((server, name)) = self.dropped
            && let Ok(admin) = sea_orm::Database::connect(&server).await
        {
            let _ = admin.execute_unprepared(&format!("DROP DATABASE \"{name}\" WITH (FORCE)")).await;
        }
    }
}

/// By the product, and for plain SQL.
async fn open(url: &str, folder: &TempDir, clock: Arc<dyn Clock>) -> (Arc<Database>, DatabaseConnection) {
    let audit_anchors = Some(folder.path().join("audit-anchors.json"));
    let settings = DatabaseSettings { pool: 20, audit_anchors, ..database_settings(url) };
    let database = Database::open_with_own_clock(&settings, clock).await.expect("the database opens");
    (database, sea_orm::Database::connect(url).await.expect("a plain connection"))
}
