//! Maintenance commands: `goalwright admin …`, built from this checkout.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

use crate::process;
use crate::product::Product;

/// What each of them takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,
    /// The folder with the database; else what the settings say
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Options {
    /// Hands over; the product's output and its exit code are ours.
    pub(crate) fn run(&self, action: &str) -> Result<ExitCode> {
        self.run_on(action, None)
    }

    /// The same for an action that takes a folder.
    pub(crate) fn run_on(&self, action: &str, folder: Option<&Path>) -> Result<ExitCode> {
        let data: Option<&Path> = self.data_dir.as_deref();
        let mut args = vec![OsStr::new("admin"), OsStr::new(action)];
        args.extend(self.dry_run.then_some(OsStr::new("--dry-run")));
        args.extend(folder.map(Path::as_os_str));
        let status = process::run(&mut Product::build(data)?.command(&args))?;
        Ok(process::exit_code(status).into())
    }
}
