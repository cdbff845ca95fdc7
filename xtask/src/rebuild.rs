//! `cargo xtask rebuild`: `goalwright admin rebuild`.

use std::process::ExitCode;

use anyhow::Result;

use crate::maintenance::Options;

/// Arguments of `cargo xtask rebuild`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    options: Options,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.options.run("rebuild")
    }
}
