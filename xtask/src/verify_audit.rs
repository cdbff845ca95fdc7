//! `cargo xtask verify-audit`: `goalwright admin verify-audit`.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::maintenance;

/// Arguments of `cargo xtask verify-audit`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder with the database; else what the settings say
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        maintenance::admin(self.data_dir.as_deref(), &[OsStr::new("verify-audit")])
    }
}
