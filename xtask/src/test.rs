//! `cargo xtask test`: all tests, on SQLite and on PostgreSQL.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::postgres::{self, Durability, Server};
use crate::process;

/// What to do about PostgreSQL.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Postgres {
    /// Use a server if one can be found; required when CI is set
    Auto,
    /// Fail without a server
    Require,
    /// Run the SQLite suites only
    Skip,
}

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Whether the PostgreSQL suites run
    #[arg(long, value_enum, default_value = "auto")]
    postgres: Postgres,
    /// Handed to the test runner: names of tests, or its options. Without a filter the doctests run, too
    #[arg(last = true)]
    filter: Vec<String>,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let server = self.server()?;
        let filtered = !self.filter.is_empty();
        let mut ran = Vec::new();
        for suite in suites(process::has_cargo_command("nextest"), self.filter) {
            ran.push(suite.run(server.as_ref().ok())?);
        }
        report(server, &ran, filtered);
        Ok(ran.iter().map(|one| one.code).find(|code| *code != 0).unwrap_or(0).into())
    }

    /// The server for the tests, or why there is none.
    fn server(&self) -> Result<Result<Server, String>> {
        if self.postgres == Postgres::Skip {
            return Ok(Err("left out by --postgres skip".to_owned()));
        }
        let server = match Server::named_by_environment()? {
            Some(server) => Ok(server),
            None => Server::throwaway(Durability::Process).map_err(|error| format!("{error:#}")),
        };
        match &server {
            Ok(server) => println!("PostgreSQL: {}", server.description()),
            Err(reason) if self.postgres == Postgres::Require || process::is_set("CI") => {
                bail!(
                    "the PostgreSQL suites are required, but there is no server: {reason}\nhelp: {HOW_TO_GET_ONE}"
                )
            }
            Err(_) => {}
        }
        Ok(server)
    }
}

const HOW_TO_GET_ONE: &str = "install the server binaries, on Debian and Ubuntu `apt-get install postgresql`, \
                              or name a server: GOALWRIGHT_TEST_POSTGRES=postgres://user@host:port/postgres";

/// One call of a test runner.
struct Suite {
    name: &'static str,
    args: Vec<String>,
}

struct Ran {
    name: &'static str,
    line: String,
    code: u8,
    took: Duration,
}

/// The calls that make up the tests. The largest comes last, so that its summary is what one sees at the end.
/// Always the whole workspace: a single package would build its dependencies again, with other features.
fn suites(nextest: bool, filter: Vec<String>) -> Vec<Suite> {
    let suite = |name, args: &[&str]| Suite { name, args: args.iter().map(|&arg| arg.to_owned()).collect() };
    let mut suites = Vec::new();
    if nextest {
        if filter.is_empty() {
            suites.push(suite("doctests", &["test", "--workspace", "--doc"]));
        }
        suites.push(suite("tests", &["nextest", "run", "--workspace"]));
    } else {
        let name = if filter.is_empty() { "tests and doctests" } else { "tests" };
        suites.push(suite(name, &["test", "--workspace", "--no-fail-fast"]));
    }
    if let Some(last) = suites.last_mut() {
        last.args.extend(filter);
    }
    suites
}

impl Suite {
    fn run(self, server: Option<&Server>) -> Result<Ran> {
        let mut command = process::cargo();
        command.args(&self.args);
        match server {
            Some(server) => command.env(postgres::VARIABLE, server.url()),
            None => command.env_remove(postgres::VARIABLE),
        };
        let started = Instant::now();
        let line = process::command_line(&self.args);
        let status = process::run(&mut command).with_context(|| line.clone())?;
        Ok(Ran { name: self.name, line, code: process::exit_code(status), took: started.elapsed() })
    }
}

/// Says what ran. What did not run comes last, where it is seen.
fn report(server: Result<Server, String>, ran: &[Ran], filtered: bool) {
    println!();
    for Ran { name, line, code, took } in ran {
        let result = if *code == 0 { "passed".to_owned() } else { format!("FAILED (exit code {code})") };
        println!("{name}: {result} in {:.1} s: {line}", took.as_secs_f64());
    }
    if filtered {
        println!("Only what the filter names ran, without doctests.");
    }
    match server {
        Ok(server) => println!("The PostgreSQL suites ran on {}.", server.description()),
        Err(reason) => {
            println!("The PostgreSQL suites did NOT run: {reason}.\nTo run them, {HOW_TO_GET_ONE}.",)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::suites;

    fn lines(nextest: bool, filter: &[&str]) -> Vec<String> {
        let filter = filter.iter().map(|&one| one.to_owned()).collect();
        suites(nextest, filter).into_iter().map(|suite| suite.args.join(" ")).collect()
    }

    #[test]
    fn everything_runs_without_a_filter() {
        assert_eq!(lines(true, &[]), ["test --workspace --doc", "nextest run --workspace"]);
        assert_eq!(lines(false, &[]), ["test --workspace --no-fail-fast"]);
    }

    #[test]
    fn a_filter_goes_to_the_runner_and_leaves_doctests_out() {
        assert_eq!(lines(true, &["-E", "package(x)"]), ["nextest run --workspace -E package(x)"]);
        assert_eq!(lines(false, &["settle"]), ["test --workspace --no-fail-fast settle"]);
    }
}
