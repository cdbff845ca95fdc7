//! `goalwright serve` with nothing in it, on a free port.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::process;

/// How a line of the server's output begins that says where it listens.
const LISTENING: &str = "listening on ";
/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server of our own. Dropping it stops it and removes its data.
pub(super) struct Server {
    process: Child,
    log: PathBuf,
    url: String,
    token: String,
    database: &'static str,
    _data: TempDir,
}

impl Server {
    /// Starts the program; its output goes to `serve.log` in `folder`.
    ///
    /// # Errors
    ///
    /// If it does not start, with what it said.
    pub(super) fn start(program: &Path, folder: &Path, database: Option<&str>) -> Result<Self> {
        let data = tempfile::Builder::new().prefix("goalwright-contract-").tempdir()?;
        let log = folder.join("serve.log");
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut serve = command(program, data.path(), database);
        serve.args(["serve", "--bind", "127.0.0.1:0"]).env("GOALWRIGHT_RATE_LIMIT", "0");
        serve.stdout(output.try_clone()?).stderr(output);
        let process = serve.spawn().context("cannot start the product")?;
        let mut server = Self {
            process,
            log,
            url: String::new(),
            token: String::new(),
            database: if database.is_some() { "the database that was named" } else { "a new SQLite file" },
            _data: data,
        };
        server.url = server.wait()?;
        let mut token = command(program, server._data.path(), database);
        let minted = token.args(["token", "--user", "contract", "--expires", "24h"]).output()?;
        ensure!(minted.status.success(), "no token: {}", String::from_utf8_lossy(&minted.stderr).trim());
        server.token = String::from_utf8(minted.stdout)?.trim().to_owned();
        Ok(server)
    }

    /// Such as `http://127.0.0.1:40123`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Opens everything of one user.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// What it writes to, in words.
    pub(super) fn database(&self) -> &str {
        self.database
    }

    /// Whether it still runs, and has logged no error.
    ///
    /// # Errors
    ///
    /// With the first error that it logged.
    pub(super) fn is_sound(&mut self) -> Result<()> {
        if let Some(status) = self.process.try_wait()? {
            bail!("the server ended with {status}; its output is in {}", self.log.display());
        }
        let said = fs::read_to_string(&self.log)?;
        match said.lines().find(|line| line.contains(" ERROR ") || line.contains("panicked at")) {
            Some(line) => bail!("the server logged an error: {line}\nall of it: {}", self.log.display()),
            None => Ok(()),
        }
    }

    fn wait(&mut self) -> Result<String> {
        let said = || fs::read_to_string(&self.log).unwrap_or_default();
        let url = process::until(PATIENCE, || match address(&said()) {
            Some(url) => Ok(Some(Some(url.to_owned()))),
            None => Ok(self.process.try_wait()?.map(|_| None)),
        })?;
        url.flatten().with_context(|| format!("the server did not start: {}", said().trim()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing can be done about a server that does not end, and the result matters more.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program with settings of its own, whatever the caller has set for themselves.
fn command(program: &Path, data: &Path, database: Option<&str>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let known = ["GOALWRIGHT_", "ANTHROPIC_", "OPENAI_", "OTEL_", "DATABASE_URL", "RUST_LOG"];
        if name.to_str().is_some_and(|name| known.iter().any(|start| name.starts_with(start))) {
            command.env_remove(name);
        }
    }
    command.env("GOALWRIGHT_DATA_DIR", data).current_dir(data).stdin(Stdio::null());
    if let Some(url) = database {
        command.env("DATABASE_URL", url);
    }
    command
}

/// The address in what the server said.
fn address(said: &str) -> Option<&str> {
    let rest = said.lines().find_map(|line| line.strip_prefix(LISTENING))?;
    rest.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn the_address_is_read_from_what_the_server_says() {
        let said = "INFO migrated\nlistening on http://127.0.0.1:4711 (roles api; data in /d)\ntokens\n";
        assert_eq!(address(said), Some("http://127.0.0.1:4711"));
        assert_eq!(address("INFO migrated\n"), None);
    }
}
