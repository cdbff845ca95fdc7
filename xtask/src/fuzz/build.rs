//! Builds the targets, instrumented for libFuzzer.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::process;

/// What libFuzzer asks of a build: a counter for each edge of the code, where the edges are, and what is compared
/// with what. The pass belongs to every LLVM, so that the stable compiler runs it when it is told by name. The address
/// sanitizer would need a nightly toolchain, and finds little in code without `unsafe`.
const FLAGS: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
];

/// libFuzzer itself is compiled from its C++ sources.
pub(super) fn has_cpp_compiler() -> bool {
    let compiler = env::var_os("CXX").filter(|name| !name.is_empty()).unwrap_or_else(|| "c++".into());
    let probe = Command::new(compiler)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    probe.is_ok_and(|status| status.success())
}

/// Builds one target, or all.
pub(super) fn command(folder: &Path, target: Option<&str>) -> Result<Command> {
    let mut command = process::cargo();
    command.args(["build", "--quiet", "--release", "--locked", "--manifest-path", "fuzz/Cargo.toml"]);
    match target {
        Some(target) => command.args(["--bin", target]),
        None => command.arg("--bins"),
    };
    // With the machine named, build scripts and macros stay without the instruments: they have no fuzzer to call.
    command.args(["--target", &machine()?]).arg("--target-dir").arg(folder.join("build"));
    command.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
    Ok(command)
}

/// The folder of the programs that [`command`] builds.
pub(super) fn programs(folder: &Path) -> Result<PathBuf> {
    Ok(folder.join("build").join(machine()?).join("release"))
}

/// The machine that the compiler builds for, as it calls it.
fn machine() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").current_dir(process::root()).output();
    let text = String::from_utf8(output.context("cannot start `rustc`")?.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names the host")?.to_owned())
}
