//! The commands.

mod admin;
mod agent;
mod analytics;
mod api_key;
mod budget;
mod completions;
mod decomposition;
pub(crate) mod duration;
mod event;
mod execution;
mod experience;
mod fields;
mod goal;
mod init;
mod input;
mod planning;
mod prompt;
pub mod run;
mod serve;
mod session;
mod task;
#[cfg(test)]
mod tests;
mod token;
mod usage;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::compose;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::lifecycle;
use crate::terminal::{self, Color};

/// Turns a written plan into finished, audited work.
#[derive(Debug, Parser)]
#[command(name = "goalwright", version, arg_required_else_help = true, after_help = AFTER)]
pub struct Cli {
    /// When to use colours: auto, always, never
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Global options",
        display_order = 900
    )]
    color: Color,
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "Settings come from the environment, then from goalwright.toml in the current folder; \
                     `goalwright init` writes one with all of them.\n\n\
                     Example:\n  goalwright run plan.md";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Serve(serve::Serve),
    Token(token::Token),
    /// State goals, read them, and make them of plans
    Goal(goal::Goal),
    /// List tasks, make them, order them, run and complete them
    Task(task::Task),
    /// Read what was planned for a goal, and apply or reject what was shown
    Decomposition(decomposition::Decomposition),
    /// Read and add versions of what models are told when they plan
    Prompt(prompt::Prompt),
    /// See what models cost
    Usage(usage::Usage),
    /// See and say what may be spent on models in a month
    Budget(budget::Budget),
    /// Say who can do tasks
    Agent(agent::Agent),
    /// Make and revoke what agents and services authenticate with
    ApiKey(api_key::ApiKey),
    /// Read what was done and learned, and add to it
    Experience(experience::Experience),
    /// Read what was executed: every attempt at a task
    Execution(execution::Execution),
    /// See how well things go
    Analytics(analytics::Analytics),
    /// Read the ledger: every change, with who made it
    Event(event::Event),
    /// Look after the database and the settings
    Admin(admin::Admin),
    /// Write a goalwright.toml with every setting
    Init(init::Init),
    /// Print what makes a shell complete commands and options
    Completions(completions::Completions),
}

/// Parses the command line, does what it says, and tells how it ended.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return answer(&error),
    };
    cli.color.choose();
    match cli.command.execute() {
        Ok(exit) => exit.into(),
        Err(failure) => {
            terminal::tell(&failure);
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
            terminal::tell_usage(mistake.trim_end());
        }
        None => drop(error.print()),
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// How clap ends what it says about mistakes.
const MORE: &str = "For more information, try '--help'";

impl Command {
    fn execute(self) -> Result<Exit, Failure> {
        match self {
            Self::Token(token) => token.execute(&Config::load()?),
            Self::Run(run) => {
                let config = Config::load()?;
                let observer = compose::observer(&config, false)?;
                let ended = block_on(run.execute(&config, observer.clone()));
                observer.finish();
                ended
            }
            Self::Serve(serve) => {
                let config = Config::load()?;
                let observer = compose::observer(&config, serve.has_figures(&config))?;
                let ended = block_on(serve.execute(&config, observer.clone()));
                // Whoever insisted does not wait for a collector.
                if !matches!(ended, Ok(Exit::Interrupted | Exit::Terminated)) {
                    observer.finish();
                }
                ended
            }
            Self::Goal(goal) => block_on(goal.execute()),
            Self::Task(task) => block_on(task.execute()),
            Self::Decomposition(decomposition) => block_on(decomposition.execute()),
            Self::Prompt(prompt) => block_on(prompt.execute()),
            Self::Usage(usage) => block_on(usage.execute()),
            Self::Budget(budget) => block_on(budget.execute()),
            Self::Agent(agent) => block_on(agent.execute()),
            Self::ApiKey(api_key) => block_on(api_key.execute()),
            Self::Experience(experience) => block_on(experience.execute()),
            Self::Execution(execution) => block_on(execution.execute()),
            Self::Analytics(analytics) => block_on(analytics.execute()),
            Self::Event(event) => block_on(event.execute()),
            Self::Admin(admin) => block_on(admin.execute()),
            Self::Init(init) => init.execute(),
            Self::Completions(completions) => completions.execute(),
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
