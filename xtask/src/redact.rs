//! `cargo xtask redact`: `goalwright admin redact`.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::process;
use crate::product::Product;

/// Arguments of `cargo xtask redact`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A goal, a task or an agent; may be given again
    #[arg(long = "entity", value_name = "ID")]
    entities: Vec<String>,
    /// One event; may be given again
    #[arg(long = "event", value_name = "ID")]
    events: Vec<String>,
    /// One experience; may be given again
    #[arg(long = "experience", value_name = "ID")]
    experiences: Vec<String>,
    /// Why; kept for ever
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The workspace; else that of the local user
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// Only tell what would be redacted
    #[arg(long)]
    dry_run: bool,
    /// The folder with the database; else what the settings say
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut args = vec!["admin".to_owned(), "redact".to_owned()];
        for (name, values) in [
            ("--entity", self.entities),
            ("--event", self.events),
            ("--experience", self.experiences),
            ("--reason", vec![self.reason]),
            ("--workspace", self.workspace.into_iter().collect()),
        ] {
            args.extend(values.into_iter().flat_map(|value| [name.to_owned(), value]));
        }
        if self.dry_run {
            args.push("--dry-run".to_owned());
        }
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        let status = process::run(&mut Product::build(self.data_dir.as_deref())?.command(&args))?;
        Ok(process::exit_code(status).into())
    }
}
