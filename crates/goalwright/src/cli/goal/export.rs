use std::path::PathBuf;

use clap::Args;

use crate::cli::session::Session;
use crate::client::{Call, Noun};
use crate::failure::{Exit, Failure};
use crate::terminal::{note, print_raw};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright goal export 1cef10aa --output plan.md")]
pub(super) struct Export {
    /// The goal: its id, or the beginning or end of it
    id: String,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Export {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let id = session.id(Noun::Goal, &self.id).await?;
        let plan = session.client.send(Call::get(&["goals", &id, "export"])).await?.text;
        let Some(path) = self.output else {
            print_raw(&plan);
            return Ok(Exit::Success);
        };
        std::fs::write(&path, plan).map_err(|error| {
            Failure::usage(
                format!("{} cannot be written: {error}", path.display()),
                "name another file with --output",
            )
        })?;
        if !session.quiet {
            note(&format!(
                "wrote {0}; edit it, and `goalwright goal import {0}` applies what differs",
                path.display()
            ));
        }
        Ok(Exit::Success)
    }
}
