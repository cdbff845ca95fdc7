//! `cargo xtask prune`: `goalwright admin prune`.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::process;
use crate::product::Product;

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
    /// Only tell what would be removed
    #[arg(long)]
    dry_run: bool,
    /// The folder with the database; else what the settings say
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut args = vec!["admin".to_owned(), "prune".to_owned()];
        for (name, value) in [
            ("--before", self.before),
            ("--older-than", self.older_than.map(|days| days.to_string())),
            ("--workspace", self.workspace),
        ] {
            args.extend(value.map(|value| [name.to_owned(), value]).into_iter().flatten());
        }
        if self.dry_run {
            args.push("--dry-run".to_owned());
        }
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        let status = process::run(&mut Product::build(self.data_dir.as_deref())?.command(&args))?;
        Ok(process::exit_code(status).into())
    }
}
