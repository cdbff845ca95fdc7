//! Fresh databases, and where they are.

use std::cell::RefCell;

use anyhow::Context as _;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use tempfile::TempDir;

use crate::{Backend, plain};

/// The variable that names a PostgreSQL server.
const VARIABLE: &str = "GOALWRIGHT_TEST_POSTGRES";

/// A folder or a server in which databases are made, one per workload.
pub(crate) struct Place {
    pub(crate) backend: Backend,
    folder: TempDir,
    /// The server's URL; empty for SQLite.
    server: String,
    /// The names of the databases made so far.
    made: RefCell<Vec<String>>,
}

impl Place {
    /// `None` if there is no server for this backend.
    pub(crate) fn open(backend: Backend) -> anyhow::Result<Option<Self>> {
        let server = match backend {
            Backend::Sqlite => String::new(),
            Backend::Postgres => match std::env::var(VARIABLE) {
                Ok(server) if !server.is_empty() => server,
                _ => return Ok(None),
            },
        };
        let folder = tempfile::Builder::new().prefix("goalwright-bench-").tempdir()?;
        Ok(Some(Self { backend, folder, server, made: RefCell::default() }))
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self.backend {
            Backend::Sqlite => "sqlite",
            Backend::Postgres => "postgres",
        }
    }

    /// A folder that goes away with the place.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The URL of a database with nothing in it.
    pub(crate) async fn fresh(&self) -> anyhow::Result<String> {
        let number = self.made.borrow().len();
        let name = format!("goalwright_bench_{}_{number}", std::process::id());
        self.made.borrow_mut().push(name.clone());
        if self.backend == Backend::Sqlite {
            return Ok(format!("sqlite://{}/{name}.db", self.folder.path().display()));
        }
        let server = self.server().await?;
        server.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
        server.close().await?;
        let (base, _) = self.server.rsplit_once('/').context("the server's URL names a database")?;
        Ok(format!("{base}/{name}"))
    }

    /// Version and durability, as the database itself tells them.
    pub(crate) async fn describe(&self) -> anyhow::Result<String> {
        if self.backend == Backend::Sqlite {
            let database = plain::connect(&self.fresh().await?, 1).await?;
            let version = text(&database, "SELECT sqlite_version()").await?;
            database.close().await?;
            return Ok(format!("SQLite {version}, journal_mode=WAL, synchronous=FULL"));
        }
        let server = self.server().await?;
        let version = text(&server, "SHOW server_version").await?;
        let (fsync, commit) =
            (text(&server, "SHOW fsync").await?, text(&server, "SHOW synchronous_commit").await?);
        server.close().await?;
        Ok(format!("PostgreSQL {version}, fsync={fsync}, synchronous_commit={commit}"))
    }

    /// Drops what was made. The folder goes by itself.
    pub(crate) async fn clean(&self) {
        if self.backend == Backend::Sqlite {
            return;
        }
        let Ok(server) = self.server().await else { return };
        for name in self.made.take() {
            // The measurement is done, or has failed for a better reason.
            let _ = server.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        }
        let _ = server.close().await;
    }

    async fn server(&self) -> anyhow::Result<DatabaseConnection> {
        plain::connect(&self.server, 1)
            .await
            .with_context(|| format!("the server named by {VARIABLE} answers"))
    }
}

async fn text(database: &DatabaseConnection, sql: &str) -> anyhow::Result<String> {
    let statement = Statement::from_string(database.get_database_backend(), sql);
    let row = database.query_one_raw(statement).await?.context("an answer of one row")?;
    Ok(row.try_get_by_index(0)?)
}
