//! `cargo xtask continue-ledger`: `goalwright admin continue-ledger`.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::process;
use crate::product::Product;

/// Arguments of `cargo xtask continue-ledger`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Why; kept for ever
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The key is lost; takes its fingerprint, which the error without this names
    #[arg(long, value_name = "FINGERPRINT")]
    key_is_lost: Option<String>,
    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,
    /// The folder with the database and the keys; else what the settings say
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut args = vec!["admin", "continue-ledger", "--reason", &self.reason];
        if let Some(fingerprint) = &self.key_is_lost {
            args.extend(["--key-is-lost", fingerprint]);
        }
        args.extend(self.dry_run.then_some("--dry-run"));
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        let status = process::run(&mut Product::build(self.data_dir.as_deref())?.command(&args))?;
        Ok(process::exit_code(status).into())
    }
}
