//! Running other programs from the root of the workspace.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How often something is looked at that nobody announces.
const LOOK: Duration = Duration::from_millis(20);

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&manifest).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// `cargo` in the root of the workspace, as if it had been called from a shell.
///
/// `cargo run` describes this package to us in the environment. Handed on, that description would make the inner
/// cargo rebuild whatever reads it.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    for (name, _) in env::vars_os() {
        if let Some(name) = name.to_str()
            && (name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Whether `cargo <name>` is installed.
pub(crate) fn has_cargo_command(name: &str) -> bool {
    let probe = cargo()
        .args([name, "--version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    probe.is_ok_and(|status| status.success())
}

/// Runs a command to its end, with our standard streams.
///
/// # Errors
///
/// If the program cannot be started. A failing program is not an error: its status is the answer.
pub(crate) fn run(command: &mut Command) -> Result<ExitStatus> {
    command.status().with_context(|| format!("cannot start `{}`", command.get_program().display()))
}

/// The exit code to pass on; a program ended by a signal counts as 1.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    match status.code() {
        Some(code) => u8::try_from(code).unwrap_or(1),
        None => 1,
    }
}

/// Looks again and again until there is an answer; none if there is none within `limit`.
///
/// # Errors
///
/// Whatever looking fails with, which ends it.
pub(crate) fn until<T>(limit: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    let started = Instant::now();
    loop {
        let found = look()?;
        if found.is_some() || started.elapsed() > limit {
            return Ok(found);
        }
        thread::sleep(LOOK);
    }
}

/// Whether an environment variable is set and says yes.
pub(crate) fn is_set(name: &str) -> bool {
    env::var(name).is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// The command line that a person would type to repeat a call of cargo.
pub(crate) fn command_line<S: AsRef<OsStr>>(args: &[S]) -> String {
    let mut line = String::from("cargo");
    for arg in args {
        let arg = arg.as_ref().to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,".contains(c);
        line.push(' ');
        if !arg.is_empty() && arg.chars().all(plain) {
            line.push_str(&arg);
        } else {
            line.push_str(&format!("'{}'", arg.replace('\'', r"'\''")));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::command_line;

    #[test]
    fn a_command_line_can_be_pasted_into_a_shell() {
        assert_eq!(command_line(&["nextest", "run", "--workspace"]), "cargo nextest run --workspace");
        assert_eq!(command_line(&["run", "-E", "test(it's)"]), r"cargo run -E 'test(it'\''s)'");
    }
}
