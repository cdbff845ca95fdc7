//! The product itself: `goalwright`, built beside this program, and what it answers.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process;

/// The program, and the folder and database that it works on.
pub(crate) struct Product {
    program: PathBuf,
    data: Option<PathBuf>,
    /// Whether the database is the one in the data folder, whatever the environment names.
    alone: bool,
}

impl Product {
    /// Builds the program. It works on `data`, else on what the settings say.
    ///
    /// # Errors
    ///
    /// If it cannot be built.
    pub(crate) fn build(data: Option<&Path>) -> Result<Self> {
        // With the whole workspace, so that its dependencies get the features that the tests share.
        let status = process::run(process::cargo().args(["build", "--workspace", "--bin", "goalwright"]))?;
        ensure!(status.success(), "`goalwright` could not be built");
        let program = env::current_exe()?.with_file_name(format!("goalwright{}", env::consts::EXE_SUFFIX));
        ensure!(program.is_file(), "there is no {}; build without --target", program.display());
        let data = data.map(std::path::absolute).transpose()?;
        Ok(Self { program, data, alone: false })
    }

    /// Uses the database in the data folder only: not one that the environment or a settings file names.
    pub(crate) fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    /// Where the program lies.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The program with these arguments, to be started where the caller stands.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).stdin(Stdio::null());
        for name in ["GOALWRIGHT_SERVER", "GOALWRIGHT_TOKEN"] {
            command.env_remove(name);
        }
        if let Some(data) = &self.data {
            command.env("GOALWRIGHT_DATA_DIR", data);
            if self.alone {
                command.env("DATABASE_URL", format!("sqlite://{}", data.join("goalwright.db").display()));
            }
        }
        command
    }

    /// What it answers as JSON; also where it ends with one of the codes of `also`, since a part was refused.
    ///
    /// # Errors
    ///
    /// If it ends otherwise, with what it said, or does not answer JSON.
    pub(crate) fn ask(&self, args: &[&str], also: &[i32]) -> Result<Value> {
        let output = self.said(&[args, &["--json"]].concat(), also)?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("`goalwright {}` did not answer JSON", args.join(" ")))
    }

    /// What it prints.
    ///
    /// # Errors
    ///
    /// If it fails, with what it said.
    pub(crate) fn print(&self, args: &[&str]) -> Result<String> {
        Ok(String::from_utf8(self.said(args, &[])?.stdout)?.trim_end().to_owned())
    }

    fn said(&self, args: &[&str], also: &[i32]) -> Result<Output> {
        finished(&mut self.command(args), also)
    }
}

/// Runs a command to its end. It may end with 0, or with one of `also`.
///
/// # Errors
///
/// If it ends otherwise, with what it said.
pub(crate) fn finished(command: &mut Command, also: &[i32]) -> Result<Output> {
    let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let output = command.output().context("cannot start `goalwright`")?;
    if !output.status.success() && !output.status.code().is_some_and(|code| also.contains(&code)) {
        bail!("`goalwright {}`:\n{}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(output)
}
