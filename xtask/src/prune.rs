//! `cargo xtask prune`: `goalwright admin prune`.

use std::process::ExitCode;

use anyhow::Result;

use crate::maintenance::{Options, handed_on};

/// Arguments of `cargo xtask prune`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What was before this day or moment
    #[arg(long, value_name = "DATE", conflicts_with = "older_than", required_unless_present = "older_than")]
    before: Option<String>,
    /// What is older than so many days
    #[arg(long, value_name = "DAYS")]
    older_than: Option<u32>,
    /// The workspace; else that of the local user
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    #[command(flatten)]
    options: Options,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let more = handed_on([
            ("--before", self.before.into_iter().collect()),
            ("--older-than", self.older_than.into_iter().map(|days| days.to_string()).collect()),
            ("--workspace", self.workspace.into_iter().collect()),
        ]);
        self.options.run_on("prune", &more)
    }
}
