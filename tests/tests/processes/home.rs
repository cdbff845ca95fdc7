//! An installation of its own for one test: folders, database, environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use goalwright_testkit::Backend;
use serde_json::Value;
use tempfile::TempDir;

use crate::api::Api;
use crate::binary::goalwright;
use crate::database::Database;
use crate::process::{Ended, Running};

pub(crate) struct Home {
    pub(crate) database: Database,
    settings: Vec<(&'static str, String)>,
    folder: TempDir,
}

/// A server, and how to reach it.
pub(crate) struct Server {
    pub(crate) process: Running,
    pub(crate) api: Api,
}

impl Home {
    /// One on this kind of database; none if there is no server for it.
    pub(crate) fn on(backend: Backend) -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("data/goalwright.db").display().to_string();
        let name = folder.path().file_name()?.to_string_lossy().into_owned();
        let database = Database::create(backend, &file, &name)?;
        fs::create_dir(folder.path().join("work")).expect("a folder to work in");
        let mut settings = vec![("GOALWRIGHT_DB_POOL", "4".to_owned())];
        if backend == Backend::Postgres {
            settings.push(("DATABASE_URL", database.url.clone()));
        }
        Some(Self { database, settings, folder })
    }

    /// One on SQLite.
    pub(crate) fn new() -> Self {
        Self::on(Backend::Sqlite).expect("SQLite is always there")
    }

    /// With this setting for all its processes.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.settings.push((name, value.to_owned()));
        self
    }

    /// A path in the folder in which commands are given.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    /// A path in the data directory.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    /// Writes a file in the folder in which commands are given.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders are made");
        fs::write(path, content).expect("a file is written");
    }

    /// The lines of such a file; none if it is not there.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        lines(&self.path(name))
    }

    /// The command, with nothing of the environment of the tests.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(goalwright());
        command.args(arguments).current_dir(self.path("")).env_clear();
        command.env("HOME", self.folder.path()).env("GOALWRIGHT_DATA_DIR", self.data(""));
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }

    /// Starts it and waits for its end.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end()
    }

    /// `run --json --no-input` of this file, which ends with this code: its summary.
    #[track_caller]
    pub(crate) fn summary(&self, file: &str, code: i32) -> Value {
        self.run(&["run", "--json", "--no-input", file]).has_code(code).json()
    }

    /// `serve` in these roles, on a free port, ready to answer.
    #[track_caller]
    pub(crate) fn serve(&self, roles: &str) -> Server {
        self.serve_at("127.0.0.1:0", roles)
    }

    /// As [`Home::serve`], listening there.
    #[track_caller]
    pub(crate) fn serve_at(&self, bind: &str, roles: &str) -> Server {
        let process = self.start(&["serve", "--bind", bind, "--roles", roles]);
        let url = process.tells("where it listens", |said| {
            let (_, rest) = said.split_once("listening on ")?;
            rest.split_once(' ').map(|(url, _)| url.to_owned())
        });
        Server { process, api: Api::new(&url, &self.token()) }
    }

    /// `serve --roles worker`, working.
    #[track_caller]
    pub(crate) fn worker(&self) -> Running {
        let process = self.start(&["serve", "--roles", "worker"]);
        process.tells("that it works", |said| said.contains("working (").then_some(()));
        process
    }

    /// A token of the local user.
    #[track_caller]
    pub(crate) fn token(&self) -> String {
        self.run(&["token"]).has_code(0).stdout.trim_end().to_owned()
    }
}

/// The lines of a file; none if it is not there.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}
