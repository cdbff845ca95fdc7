//! `cargo xtask openapi`: writes docs/openapi.json anew.

use std::process::ExitCode;

use anyhow::Result;

use crate::process;

/// Arguments of `cargo xtask openapi`.
#[derive(clap::Args)]
pub(crate) struct Args {}

impl Args {
    /// The document is a by-product of the test that compares it, so that the two cannot differ.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut command = process::cargo();
        command
            .args(["test", "--workspace", "--test", "http", "document::the_checked_in_document"])
            .env("GOALWRIGHT_WRITE_OPENAPI", "1");
        let status = process::run(&mut command)?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
