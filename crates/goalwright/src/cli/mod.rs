//! The commands.

mod duration;
pub mod run;
mod serve;
mod token;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::lifecycle;

/// Turns a written plan into finished, audited work.
#[derive(Debug, Parser)]
#[command(name = "goalwright", version, arg_required_else_help = true, after_help = AFTER)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "Settings come from the environment, then from goalwright.toml in the current folder; \
                     goalwright.example.toml lists them all.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a plan to its end and print a summary; no server is needed
    Run(run::Run),
    /// Serve the HTTP API, and work on what is asked for through it
    Serve(serve::Serve),
    /// Mint a token for the HTTP API with the local key
    Token(token::Token),
}

/// Parses the command line, does what it says, and tells how it ended.
pub fn main() -> ExitCode {
    // clap ends the process itself: with 2 for mistakes, with 0 for help and version.
    let cli = Cli::parse();
    let ended = Config::load().map_err(Failure::from).and_then(|config| cli.command.execute(&config));
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "{failure}");
            failure.exit.into()
        }
    }
}

impl Command {
    fn execute(self, config: &Config) -> Result<Exit, Failure> {
        match self {
            Self::Token(token) => token.execute(config),
            Self::Run(run) => block_on(run.execute(config)),
            Self::Serve(serve) => block_on(serve.execute(config)),
        }
    }
}

fn block_on(command: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = lifecycle::runtime()?;
    let ended = runtime.block_on(command);
    // A thread may still wait for a line from the keyboard; nobody waits for it.
    runtime.shutdown_background();
    ended
}

/// Writes a line to stdout. A reader that has gone away, as with `| head`, is no reason to fail.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes a line to stderr.
pub(crate) fn remark(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn mistakes_end_with_2_and_help_with_0() {
        for (arguments, code) in [
            (vec!["goalwright", "run"], 2),
            (vec!["goalwright", "fly"], 2),
            (vec!["goalwright", "token", "--expires", "soon"], 2),
            (vec!["goalwright", "serve", "--roles", "cook"], 2),
            (vec!["goalwright", "--help"], 0),
            (vec!["goalwright", "--version"], 0),
        ] {
            let error = Cli::try_parse_from(&arguments).expect_err("not run");
            assert_eq!(error.exit_code(), code, "{arguments:?}");
        }
    }
}
