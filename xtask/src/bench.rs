//! `cargo xtask bench`: the product against its databases, built for release.

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::ValueEnum;

use crate::postgres::{self, Durability, Server};
use crate::process;

/// A database to measure.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    /// A file on this machine's disk
    Sqlite,
    /// A throwaway server that waits for the disk, unless GOALWRIGHT_TEST_POSTGRES names one
    Postgres,
}

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Tasks that claims, settlements and the worker loop get, 100 to 10000 [default: 5000]
    #[arg(long)]
    tasks: Option<u32>,
    /// Measure one database only
    #[arg(long, value_enum)]
    only: Option<Database>,
    /// Print one JSON object to standard output, and everything for people to standard error
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let server = match self.only {
            Some(Database::Sqlite) => None,
            Some(Database::Postgres) => Some(server()?),
            None => match server() {
                Ok(server) => Some(server),
                Err(error) => {
                    eprintln!("PostgreSQL is left out: {error:#}");
                    None
                }
            },
        };
        if let Some(server) = &server {
            eprintln!("PostgreSQL: {}", server.description());
        }
        // The program whose start is measured lies next to the one that measures.
        let built = process::run(process::cargo().args(["build", "--release", "--package", "goalwright"]))?;
        let status = process::run(&mut self.command(server.as_ref(), built.success()))?;
        Ok(process::exit_code(status).into())
    }

    fn command(&self, server: Option<&Server>, serve: bool) -> Command {
        let mut command = process::cargo();
        command.args(["run", "--release", "--package", "goalwright-tests", "--bin", "bench", "--"]);
        if let Some(tasks) = self.tasks {
            command.args(["--tasks", &tasks.to_string()]);
        }
        match self.only {
            Some(Database::Sqlite) => command.args(["--only", "sqlite"]),
            Some(Database::Postgres) => command.args(["--only", "postgres"]),
            None => &mut command,
        };
        if self.json {
            command.arg("--json");
        }
        if !serve {
            command.arg("--no-serve");
        }
        match server {
            Some(server) => command.env(postgres::VARIABLE, server.url()),
            None => command.env_remove(postgres::VARIABLE),
        };
        command
    }
}

fn server() -> Result<Server> {
    match Server::named_by_environment()? {
        Some(server) => Ok(server),
        None => Server::throwaway(Durability::Full),
    }
}
