//! `cargo xtask redact`: `goalwright admin redact`.

use std::process::ExitCode;

use anyhow::Result;

use crate::maintenance::{Options, handed_on};

/// Arguments of `cargo xtask redact`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A goal, a task or an agent; may be given again
    #[arg(long = "entity", value_name = "ID")]
    entities: Vec<String>,
    /// One event; may be given again
    #[arg(long = "event", value_name = "ID")]
    events: Vec<String>,
    /// One experience; may be given again
    #[arg(long = "experience", value_name = "ID")]
    experiences: Vec<String>,
    /// Why; kept for ever
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The workspace; else that of the local user
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    #[command(flatten)]
    options: Options,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let more = handed_on([
            ("--entity", self.entities),
            ("--event", self.events),
            ("--experience", self.experiences),
            ("--reason", vec![self.reason]),
            ("--workspace", self.workspace.into_iter().collect()),
        ]);
        self.options.run_on("redact", &more)
    }
}
