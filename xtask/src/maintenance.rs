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
    /// Hands over to an action that takes nothing else.
    pub(crate) fn run(&self, action: &str) -> Result<ExitCode> {
        self.run_on::<&str>(action, &[])
    }

    /// The same with more arguments.
    pub(crate) fn run_on<S: AsRef<OsStr>>(&self, action: &str, more: &[S]) -> Result<ExitCode> {
        let mut args = vec![OsStr::new(action)];
        args.extend(self.dry_run.then_some(OsStr::new("--dry-run")));
        args.extend(more.iter().map(AsRef::as_ref));
        admin(self.data_dir.as_deref(), &args)
    }
}

/// `goalwright admin` with these arguments, on the database in this folder or else what the settings say; its output and
/// its exit code are ours.
pub(crate) fn admin(data: Option<&Path>, args: &[&OsStr]) -> Result<ExitCode> {
    let args = [&[OsStr::new("admin")], args].concat();
    let status = process::run(&mut Product::build(data)?.command(&args))?;
    Ok(process::exit_code(status).into())
}

/// Options as they were given to us: each with all its values.
pub(crate) fn handed_on<const N: usize>(options: [(&str, Vec<String>); N]) -> Vec<String> {
    let each = |(name, values): (&str, Vec<String>)| -> Vec<String> {
        values.into_iter().flat_map(|value| [name.to_owned(), value]).collect()
    };
    options.into_iter().flat_map(each).collect()
}
