//! `cargo xtask fuzz`: coverage-guided fuzzing on the stable toolchain.
//!
//! The targets are the files of `fuzz/src/bin`. What is found lies in the folder for build products: the corpus,
//! inputs that broke a law, and libFuzzer's own words.

mod build;
mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};

use crate::process;
use run::Ran;

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long each target searches
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Run one input only, for example one that broke a law
    #[arg(long, value_name = "FILE", requires = "target")]
    repeat: Option<PathBuf>,
    /// Search with this target only
    target: Option<String>,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let targets = self.targets()?;
        if !build::has_cpp_compiler() {
            return without_compiler();
        }
        let folder = folder();
        if !process::run(&mut build::command(&folder, self.target.as_deref())?)?.success() {
            return Ok(ExitCode::FAILURE);
        }
        let programs = build::programs(&folder)?;
        if let (Some(input), Some(target)) = (&self.repeat, targets.first()) {
            let status = process::run(&mut run::once(&programs.join(target), input))?;
            return Ok(process::exit_code(status).into());
        }
        let mut broken = 0;
        for target in &targets {
            let ran = Ran::of(target, &programs, &folder, self.seconds)?;
            println!("{ran}");
            broken += u32::from(ran.broke());
        }
        println!("Inputs that were worth keeping, and logs: {}", folder.display());
        if broken > 0 {
            println!("{broken} of {} targets FAILED", targets.len());
        }
        Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn targets(&self) -> Result<Vec<String>> {
        let all = names(&process::root().join("fuzz/src/bin"))?;
        ensure!(!all.is_empty(), "there are no fuzz targets");
        match &self.target {
            None => Ok(all),
            Some(one) if all.contains(one) => Ok(vec![one.clone()]),
            Some(one) => bail!("there is no target `{one}`; there are: {}", all.join(", ")),
        }
    }
}

/// The sources in the folder, without their endings, in alphabetical order.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "rs") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Where everything goes that can be made again.
fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    process::root().join(target).join("fuzz")
}

fn without_compiler() -> Result<ExitCode> {
    let help = "libFuzzer is C++: install a compiler, on Debian and Ubuntu `apt-get install g++`, or name one in CXX";
    if process::is_set("CI") {
        bail!("the fuzz targets are required, but there is no C++ compiler\nhelp: {help}");
    }
    println!("The fuzz targets did NOT run: there is no C++ compiler.\n{help}.");
    Ok(ExitCode::SUCCESS)
}
