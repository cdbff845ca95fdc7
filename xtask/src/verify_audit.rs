//! `cargo xtask verify-audit`: `goalwright admin verify-audit`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::process;
use crate::product::Product;

/// Arguments of `cargo xtask verify-audit`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder with the database; else what the settings say
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let product = Product::build(self.data_dir.as_deref())?;
        let status = process::run(&mut product.command(&["admin", "verify-audit"]))?;
        Ok(process::exit_code(status).into())
    }
}
