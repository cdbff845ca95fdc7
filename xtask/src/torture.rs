//! `cargo xtask torture`: real processes over one database, killed and replaced while they work.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, ExitCode, ExitStatus};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::postgres::{self, Durability, Server};
use crate::process;

/// Where whoever tortures asks for a restart of the server: it connects, and is answered when the server is back.
const RESTART: &str = "GOALWRIGHT_TORTURE_RESTART";

/// What can be tortured by itself.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// One process, again and again
    Sqlite,
    /// Several workers on one server, a throwaway one unless GOALWRIGHT_TEST_POSTGRES names one
    Postgres,
    /// Pruning, by processes that are killed while they do, on both databases
    Prune,
}

/// Arguments of `cargo xtask torture`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Decides the work and the faults; one is made up and printed if you give none
    #[arg(long)]
    seed: Option<u64>,
    /// Tasks on PostgreSQL, SQLite gets a fifth of them [default: 5000]; and tasks whose history is pruned [default: 34000]
    #[arg(long, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    tasks: Option<u32>,
    /// After so many seconds a database counts as stuck [default: 900, with --short 120]
    #[arg(long)]
    seconds: Option<u64>,
    /// Torture one database, or pruning, only
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// Little work and few faults, in about a minute
    #[arg(long)]
    short: bool,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let seed = match self.seed {
            Some(seed) => seed,
            // Short enough to be typed.
            None => RandomState::new().build_hasher().finish() % 1_000_000_000,
        };
        println!("seed {seed}");
        let server = match self.only {
            Some(Only::Sqlite) => None,
            Some(Only::Postgres) => Some(server()?),
            Some(Only::Prune) | None => match server() {
                Ok(server) => Some(server),
                Err(error) if process::is_set("CI") => return Err(error.context("PostgreSQL is required")),
                Err(error) => {
                    println!("PostgreSQL is left out: {error:#}");
                    None
                }
            },
        };
        if let Some(server) = &server {
            println!("PostgreSQL: {}", server.description());
        }
        // With the whole workspace, so that its dependencies get the features that the tests share.
        let bins = ["build", "--workspace", "--bin", "goalwright", "--bin", "torture"];
        ensure!(process::run(process::cargo().args(bins))?.success(), "the product could not be built");
        let status = self.watch(self.command(seed)?, server.as_ref())?;
        if !status.success() {
            let again = if self.short { " --short" } else { "" };
            println!("To repeat it: cargo xtask torture --seed {seed}{again}");
        }
        Ok(process::exit_code(status).into())
    }

    fn command(&self, seed: u64) -> Result<Command> {
        // Not by `cargo run`: that would build a single package, with other features.
        let program = std::env::current_exe()?.with_file_name("torture");
        ensure!(program.is_file(), "there is no {}; build without --target", program.display());
        let mut command = Command::new(program);
        command.args(["--seed", &seed.to_string()]);
        if let Some(tasks) = self.tasks {
            command.args(["--tasks", &tasks.to_string()]);
        }
        if let Some(seconds) = self.seconds {
            command.args(["--seconds", &seconds.to_string()]);
        }
        if let Some(only) = self.only.as_ref().and_then(ValueEnum::to_possible_value) {
            command.args(["--only", only.get_name()]);
        }
        if self.short {
            command.arg("--short");
        }
        Ok(command)
    }

    /// Runs it to its end, and restarts the server when it asks for that.
    fn watch(&self, mut command: Command, server: Option<&Server>) -> Result<ExitStatus> {
        match server {
            Some(server) => command.env(postgres::VARIABLE, server.url()),
            None => command.env_remove(postgres::VARIABLE),
        };
        let orders = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        orders.set_nonblocking(true)?;
        if server.is_some_and(Server::is_ours) {
            command.env(RESTART, orders.local_addr()?.to_string());
        } else {
            command.env_remove(RESTART);
        }
        let mut running = command.spawn().context("cannot start the torture")?;
        loop {
            if let Some(status) = running.try_wait()? {
                return Ok(status);
            }
            if let (Ok((mut asking, _)), Some(server)) = (orders.accept(), server) {
                server.restart()?;
                asking.write_all(b"restarted\n")?;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn server() -> Result<Server> {
    match Server::named_by_environment()? {
        Some(server) => Ok(server),
        None => Server::throwaway(Durability::Full),
    }
}
