//! `goalwright completions`.

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::Shell;

use super::Cli;
use crate::failure::{Exit, Failure};
use crate::terminal::print_raw;

/// Print what makes a shell complete commands and options.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  goalwright completions bash > ~/.local/share/bash-completion/completions/goalwright\n  \
                  goalwright completions zsh > ~/.zfunc/_goalwright\n  \
                  goalwright completions fish > ~/.config/fish/completions/goalwright.fish"
)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Known,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub(super) fn execute(self) -> Result<Exit, Failure> {
        let shell = match self.shell {
            Known::Bash => Shell::Bash,
            Known::Zsh => Shell::Zsh,
            Known::Fish => Shell::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "goalwright", &mut script);
        print_raw(&String::from_utf8_lossy(&script));
        Ok(Exit::Success)
    }
}
