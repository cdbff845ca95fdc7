//! Requests made up from the document: as it wants them, and as it does not.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::server::Server;
use super::tools::Tools;
use crate::process;

/// How many requests are made up for each operation and phase.
const EXAMPLES: u32 = 200;
/// The same for a short run.
const FEW_EXAMPLES: u32 = 50;

/// How much is asked for.
pub(super) struct Plan {
    pub(super) short: bool,
    pub(super) seed: Option<u128>,
}

/// # Errors
///
/// If an answer is not what the document says, or a 5xx.
pub(super) fn run(tools: &Tools, server: &Server, plan: &Plan) -> Result<String> {
    // Where it keeps what it found before, to try that first.
    let folder = tools.folder().join("schemathesis");
    fs::create_dir_all(&folder)?;
    let examples = if plan.short { FEW_EXAMPLES } else { EXAMPLES };
    let mut command = tools.python("schemathesis");
    let ours = process::root().join("tests/contract");
    command.arg("--config-file").arg(ours.join("schemathesis.toml"));
    command.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", &ours).env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg("run").arg(format!("{}/openapi.json", server.url()));
    command.args(["--phases", "examples,coverage,fuzzing,stateful", "--mode", "all", "--checks", "all"]);
    command.arg("--continue-on-failure").args(["--max-examples", &examples.to_string()]);
    command.env("GOALWRIGHT_TOKEN", server.token());
    if let Some(seed) = plan.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    command.current_dir(folder).stdout(Stdio::piped());
    let mut running = command.spawn().context("cannot start schemathesis")?;
    let output = running.stdout.take().context("schemathesis has no output")?;
    let mut said = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        said.push(line);
    }
    let status = running.wait()?;
    ensure!(status.success(), "schemathesis found something; `cargo xtask contract --seed` repeats a run");
    Ok(summary(&said))
}

/// What it counted, from the words of its last lines.
fn summary(said: &[String]) -> String {
    let after =
        |start: &str| said.iter().rev().find_map(|line| line.trim().strip_prefix(start)).map(str::trim);
    let cases = said.iter().rev().map(|line| line.trim()).find(|line| line.contains(" generated"));
    let operations = after("Tested:").unwrap_or("?");
    format!("{operations} operations, {}, seed {}", cases.unwrap_or("?"), after("Seed:").unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn the_counts_are_read_from_what_it_says() {
        let said = [
            "  Selected: 22/22",
            "  Tested: 22",
            "Test cases:",
            "  1727 generated, 1727 passed",
            "",
            "Seed: 7",
        ];
        let said: Vec<String> = said.iter().map(|&line| line.to_owned()).collect();
        assert_eq!(summary(&said), "22 operations, 1727 generated, 1727 passed, seed 7");
    }
}
