//! `cargo xtask backfill`: `goalwright admin backfill`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::maintenance::Options;

/// Arguments of `cargo xtask backfill`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder with the files
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    options: Options,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        self.options.run_on("backfill", &[&self.folder])
    }
}
