//! `cargo xtask ci`: the whole gate, cheapest checks first, all tests and a short torture last.

use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::process;

/// Arguments of `cargo xtask ci`.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// One call of cargo.
struct Step {
    name: &'static str,
    env: Option<(&'static str, &'static str)>,
    args: &'static [&'static str],
    /// The cargo command it needs, for a step that is left out where that is not installed.
    optional: Option<&'static str>,
}

const STEP: Step = Step { name: "", env: None, args: &[], optional: None };

/// All but the steps about the domain crate build the whole workspace, so that they share their work.
const STEPS: &[Step] = &[
    Step { name: "format", args: &["fmt", "--all", "--check"], ..STEP },
    Step {
        name: "format of the fuzz targets",
        args: &["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"],
        ..STEP
    },
    Step {
        name: "dependencies",
        args: &["deny", "--workspace", "check", "bans", "licenses", "sources"],
        optional: Some("deny"),
        ..STEP
    },
    Step { name: "unused dependencies", args: &["machete"], optional: Some("machete"), ..STEP },
    Step { name: "lints", args: &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], ..STEP },
    Step {
        name: "documentation",
        env: Some(("RUSTDOCFLAGS", "-Dwarnings")),
        args: &["doc", "--workspace", "--no-deps"],
        ..STEP
    },
    Step { name: "layering", args: &["test", "--workspace", "--test", "architecture"], ..STEP },
    Step { name: "domain alone", args: &["test", "--package", "goalwright-domain"], ..STEP },
    Step {
        name: "domain embedded",
        args: &["run", "--package", "goalwright-domain", "--example", "embed"],
        ..STEP
    },
    Step { name: "fuzzing", args: &["xtask", "fuzz", "--seconds", "15"], ..STEP },
    Step { name: "tests", args: &["xtask", "test", "--postgres", "require"], ..STEP },
    Step { name: "torture", args: &["xtask", "torture", "--short"], ..STEP },
];

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let started = Instant::now();
        for step in STEPS {
            println!("\n=== {}: {}", step.name, step.line());
            if let Some(command) = step.optional.filter(|command| !process::has_cargo_command(command)) {
                println!("=== {} left out: cargo-{command} is not installed", step.name);
                continue;
            }
            let (code, took) = step.run()?;
            let took = took.as_secs_f64();
            if code != 0 {
                println!("\n=== {} FAILED with exit code {code} after {took:.1} s", step.name);
                println!("To repeat this step: {}", step.line());
                return Ok(code.into());
            }
            println!("=== {} passed in {took:.1} s", step.name);
        }
        println!("=== all passed in {:.1} s", started.elapsed().as_secs_f64());
        Ok(ExitCode::SUCCESS)
    }
}

impl Step {
    fn run(&self) -> Result<(u8, Duration)> {
        let mut command = process::cargo();
        command.args(self.args).envs(self.env).stdin(Stdio::null());
        let started = Instant::now();
        let status = process::run(&mut command)?;
        Ok((process::exit_code(status), started.elapsed()))
    }

    fn line(&self) -> String {
        let env = self.env.map(|(name, value)| format!("{name}={value} ")).unwrap_or_default();
        env + &process::command_line(self.args)
    }
}
