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
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return answer(&error),
    };
    let ended = Config::load().map_err(Failure::from).and_then(|config| cli.command.execute(&config));
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "{failure}");
            failure.exit.into()
        }
    }
}

/// Prints what clap has to say instead of a command line: help and version with 0; with 2 a mistake, in the shape
/// that all errors have.
fn answer(error: &clap::Error) -> ExitCode {
    let told = error.to_string();
    match told.split_once(MORE) {
        // Nothing can be done about a terminal that takes no text.
        Some((mistake, _)) => {
            let help = "help: `goalwright --help` and `goalwright help COMMAND` show what can be given";
            let _ = writeln!(std::io::stderr(), "{}\n{help}", mistake.trim_end());
        }
        None => drop(error.print()),
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// How clap ends what it says about mistakes.
const MORE: &str = "For more information, try '--help'";

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
