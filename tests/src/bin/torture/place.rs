//! The folder and the database of a run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, QueryResult, Statement};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::Backend;

/// The variable that names a PostgreSQL server.
pub(crate) const VARIABLE: &str = "GOALWRIGHT_TEST_POSTGRES";

/// A folder and a fresh database. What a run leaves is kept if it is not [discarded](Place::discard).
pub(crate) struct Place {
    pub(crate) backend: Backend,
    pub(crate) url: String,
    folder: PathBuf,
    /// The URL of the server and the name of the database, if it was made there.
    made: Option<(String, String)>,
    runtime: Runtime,
}

impl Place {
    /// For a part of the torture; `None` if there is no server for this backend.
    pub(crate) fn open(backend: Backend, part: &str) -> anyhow::Result<Option<Self>> {
        let server = match backend {
            Backend::Sqlite => None,
            Backend::Postgres => match std::env::var(VARIABLE) {
                Ok(server) if !server.is_empty() => Some(server),
                _ => return Ok(None),
            },
        };
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let folder = tempfile::Builder::new().prefix("goalwright-torture-").tempdir().map(TempDir::keep)?;
        fs::create_dir(folder.join("logs"))?;
        fs::create_dir(folder.join("data"))?;
        let mut place = Self {
            backend,
            url: format!("sqlite://{}", folder.join("data/goalwright.db").display()),
            folder,
            made: None,
            runtime,
        };
        if let Some(server) = server {
            let name = format!("goalwright_torture_{part}_{}", std::process::id());
            place.on(&server, async |admin| {
                admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await
            })?;
            let (base, _) = server.rsplit_once('/').context("the server's URL names a database")?;
            place.url = format!("{base}/{name}");
            place.made = Some((server, name));
        }
        Ok(Some(place))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The data directory of all processes.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// How many lines each file has that the tasks wrote, by its name without `.txt`.
    pub(crate) fn lines(&self) -> anyhow::Result<BTreeMap<String, usize>> {
        let mut lines = BTreeMap::new();
        let Ok(workspaces) = fs::read_dir(self.data().join("workspaces")) else { return Ok(lines) };
        for workspace in workspaces {
            let Ok(files) = fs::read_dir(workspace?.path().join("files")) else { continue };
            for file in files {
                let path = file?.path();
                if let Some(title) = path.file_stem().and_then(|name| name.to_str())
                    && path.extension().is_some_and(|extension| extension == "txt")
                {
                    lines.insert(title.to_owned(), fs::read_to_string(&path)?.lines().count());
                }
            }
        }
        Ok(lines)
    }

    /// The first column of each row, texts; over a connection of its own, so that nothing is held while others work.
    pub(crate) fn texts(&self, sql: &str) -> anyhow::Result<Vec<String>> {
        let rows = self.rows(sql)?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    /// The first column of the first row, a number.
    pub(crate) fn number(&self, sql: &str) -> anyhow::Result<i64> {
        let rows = self.rows(sql)?;
        Ok(rows.first().context("a row")?.try_get_by_index(0)?)
    }

    fn rows(&self, sql: &str) -> anyhow::Result<Vec<QueryResult>> {
        self.on(&self.url, async |connection| {
            let statement = Statement::from_string(connection.get_database_backend(), sql);
            connection.query_all_raw(statement).await
        })
        .with_context(|| sql.to_owned())
    }

    fn on<T>(
        &self,
        url: &str,
        ask: impl AsyncFnOnce(&DatabaseConnection) -> Result<T, DbErr>,
    ) -> anyhow::Result<T> {
        self.runtime.block_on(async {
            let mut options = sea_orm::ConnectOptions::new(url);
            options.max_connections(1).sqlx_logging(false);
            let connection = sea_orm::Database::connect(options).await?;
            let answer = ask(&connection).await;
            // It may have been broken on purpose.
            let _ = connection.close().await;
            Ok(answer?)
        })
    }

    /// Writes what is in the database on a server next to the logs, since a throwaway server goes with its data.
    pub(crate) fn dump(&self) -> String {
        if self.made.is_none() {
            return String::new();
        }
        let file = self.folder.join("database.sql");
        let dumped = Command::new("pg_dump").arg("--file").arg(&file).arg(&self.url).status();
        if dumped.is_ok_and(|status| status.success()) {
            format!("; the database as SQL: {}", file.display())
        } else {
            format!("; pg_dump did not write the database {}", self.url)
        }
    }

    /// Removes folder and database.
    pub(crate) fn discard(self) -> anyhow::Result<()> {
        if let Some((server, name)) = &self.made {
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            self.on(server, async |admin| admin.execute_unprepared(&drop).await)?;
        }
        Ok(fs::remove_dir_all(&self.folder)?)
    }
}
