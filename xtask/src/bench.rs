//! `cargo xtask bench`: the product against its databases, built for release.

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::ValueEnum;

use crate::postgres::{self, Durability, Server};
use crate::process;

/// What can be measured by itself.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// Everything, in a file on this machine's disk
    Sqlite,
    /// Everything, on a throwaway server that waits for the disk, unless GOALWRIGHT_TEST_POSTGRES names one
    Postgres,
    /// Imports
    Imports,
    /// Decompositions by a model that answers at once
    Decompose,
    /// Claims and settlements
    Claims,
    /// The worker loop with everything it records, and one task on an idle system
    Drain,
    /// The worker loop behind many finished tasks, against empty tables; only if it is named
    Aged,
    /// The start of `serve` on what a worker loop has left
    Serve,
    /// Lists and progress, with a small and a large tenant
    Lists,
}

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Tasks that claims, settlements and the worker loop get, 100 to 10000 [default: 5000]
    #[arg(long)]
    tasks: Option<u32>,
    /// Tasks that the worker loop drains, 100 to 1000000 [default: 20000]
    #[arg(long)]
    drain_tasks: Option<u32>,
    /// Finished tasks behind which the worker loop drains with `--only aged`, 20000 to 10000000 [default: 1000000]
    #[arg(long)]
    finished_tasks: Option<u32>,
    /// Tasks of the large tenant whose lists are measured, 10000 to 5000000 [default: 1000000]
    #[arg(long)]
    list_tasks: Option<u32>,
    /// Measure one database or one part only; several with commas between them
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Only>,
    /// Print one JSON object to standard output, and everything for people to standard error
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let named = |one| self.only.contains(&one);
        let server = match (named(Only::Sqlite), named(Only::Postgres)) {
            (true, false) => None,
            (_, true) => Some(server()?),
            (false, false) => match server() {
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
        let status = process::run(&mut self.command(server.as_ref(), self.serves()?))?;
        Ok(process::exit_code(status).into())
    }

    /// Builds the program whose start is measured, if that is wanted: it lies next to the one that measures.
    fn serves(&self) -> Result<bool> {
        let parts = [Only::Imports, Only::Decompose, Only::Claims, Only::Drain, Only::Aged, Only::Lists];
        if !self.only.contains(&Only::Serve) && self.only.iter().any(|only| parts.contains(only)) {
            return Ok(false);
        }
        let built = process::run(process::cargo().args(["build", "--release", "--package", "goalwright"]))?;
        Ok(built.success())
    }

    fn command(&self, server: Option<&Server>, serve: bool) -> Command {
        let mut command = process::cargo();
        command.args(["run", "--release", "--package", "goalwright-tests", "--bin", "bench", "--"]);
        if let Some(tasks) = self.tasks {
            command.args(["--tasks", &tasks.to_string()]);
        }
        if let Some(tasks) = self.drain_tasks {
            command.args(["--drain-tasks", &tasks.to_string()]);
        }
        if let Some(tasks) = self.finished_tasks {
            command.args(["--finished-tasks", &tasks.to_string()]);
        }
        if let Some(tasks) = self.list_tasks {
            command.args(["--list-tasks", &tasks.to_string()]);
        }
        for name in self.only.iter().filter_map(ValueEnum::to_possible_value) {
            command.args(["--only", name.get_name()]);
        }
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
