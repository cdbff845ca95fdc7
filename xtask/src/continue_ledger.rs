//! `cargo xtask continue-ledger`: `goalwright admin continue-ledger`.

use std::process::ExitCode;

use anyhow::Result;

use crate::maintenance::{Options, handed_on};

/// Arguments of `cargo xtask continue-ledger`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Why; kept for ever
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The key is lost; takes its fingerprint, which the error without this names
    #[arg(long, value_name = "FINGERPRINT")]
    key_is_lost: Option<String>,
    #[command(flatten)]
    options: Options,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let more = handed_on([
            ("--reason", vec![self.reason]),
            ("--key-is-lost", self.key_is_lost.into_iter().collect()),
        ]);
        self.options.run_on("continue-ledger", &more)
    }
}
