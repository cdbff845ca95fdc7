//! Runs a target, and says in one line what came of it.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::process;

/// The longest input that is made up, in bytes. The product's own fixtures are shorter.
const LONGEST: u32 = 8 * 1024;
/// An input that takes longer than so many seconds counts as one that hangs.
const HANGS: u32 = 20;
/// MiB that a target may take.
const MEMORY: u32 = 2048;

/// What a search came to.
pub(super) struct Ran {
    target: String,
    /// libFuzzer's words.
    log: String,
    success: bool,
    /// Inputs that were kept before the search.
    before: usize,
    /// Inputs that are kept after it.
    after: usize,
}

/// Runs one input, with the fuzzer's words on the screen.
pub(super) fn once(program: &Path, input: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg(input).arg(format!("-timeout={HANGS}")).arg(format!("-rss_limit_mb={MEMORY}"));
    command
}

impl Ran {
    /// Searches from the seeds, and from what earlier searches kept.
    pub(super) fn of(target: &str, programs: &Path, folder: &Path, seconds: u32) -> Result<Self> {
        let (corpus, crashes) = (folder.join("corpus").join(target), folder.join("crashes").join(target));
        for made in [&corpus, &crashes] {
            fs::create_dir_all(made).with_context(|| format!("cannot make {}", made.display()))?;
        }
        let log = folder.join(format!("{target}.log"));
        let words = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let before = count(&corpus)?;
        let mut command = Command::new(programs.join(target));
        command.arg(&corpus).args(seeds(target)).args([
            format!("-max_total_time={seconds}"),
            format!("-max_len={LONGEST}"),
            format!("-timeout={HANGS}"),
            format!("-rss_limit_mb={MEMORY}"),
            format!("-artifact_prefix={}/", crashes.display()),
            "-print_final_stats=1".to_owned(),
        ]);
        let words_to_try = process::root().join("fuzz/dictionaries").join(target);
        if words_to_try.is_file() {
            command.arg(format!("-dict={}", words_to_try.display()));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words);
        let success = process::run(&mut command)?.success();
        let log = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        Ok(Self { target: target.to_owned(), log, success, before, after: count(&corpus)? })
    }

    /// Whether an input broke a law, or the search could not start.
    pub(super) fn broke(&self) -> bool {
        !self.success
    }

    /// The input that broke a law.
    fn input(&self) -> Option<&str> {
        self.log.lines().find_map(|line| Some(line.split_once("Test unit written to ")?.1.trim()))
    }

    fn stat(&self, name: &str) -> &str {
        let stat = |line: &'_ str| line.strip_prefix("stat::").is_some_and(|line| line.starts_with(name));
        self.log
            .lines()
            .find(|line| stat(line))
            .and_then(|line| line.split_whitespace().last())
            .unwrap_or("?")
    }

    /// The edges of the code that were reached, from the last line that tells.
    fn coverage(&self) -> &str {
        let told = self.log.lines().rev().find_map(|line| Some(line.split_once(" cov: ")?.1));
        told.and_then(|rest| rest.split_whitespace().next()).unwrap_or("?")
    }

    /// What was wrong, in the words of the law, or the fuzzer's.
    fn complaint(&self) -> String {
        let lines: Vec<&str> = self.log.lines().collect();
        let panicked = lines.iter().position(|line| line.contains("panicked at"));
        let own = lines.iter().position(|line| line.contains("ERROR: libFuzzer"));
        let from = panicked.or(own).unwrap_or(lines.len().saturating_sub(10));
        lines[from..].iter().take(4).map(|line| format!("    {line}\n")).collect()
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, before, after, .. } = self;
        let (runs, coverage) = (self.stat("number_of_executed_units"), self.coverage());
        let kept = format!("{} new inputs kept, {after} in all", after.saturating_sub(*before));
        if self.success {
            return write!(f, "{target}: {runs} runs, {coverage} edges reached, {kept}");
        }
        writeln!(f, "{target}: FAILED after {runs} runs, {coverage} edges reached, {kept}")?;
        write!(f, "{}", self.complaint())?;
        match self.input() {
            Some(input) => {
                write!(f, "  the input: {input}\n  to repeat it: cargo xtask fuzz --repeat {input} {target}")
            }
            None => write!(f, "  no input was kept: the search itself failed"),
        }
    }
}

/// Our own inputs: those of the target, and plans that the domain's tests read.
fn seeds(target: &str) -> Vec<PathBuf> {
    let root = process::root();
    let folders = [root.join("fuzz/seeds").join(target), root.join("crates/domain/fixtures")];
    folders.into_iter().filter(|folder| folder.is_dir()).collect()
}

fn count(folder: &Path) -> Result<usize> {
    Ok(fs::read_dir(folder)?.count())
}

#[cfg(test)]
mod tests {
    use super::Ran;

    fn ran(success: bool, log: &str) -> String {
        let ran = Ran { target: "outline".into(), log: log.into(), success, before: 1, after: 4 };
        ran.to_string()
    }

    #[test]
    fn a_search_is_told_in_one_line() {
        let log = "#2\tINITED cov: 12 ft: 13 corp: 1/1b\n#900\tDONE   cov: 57 ft: 80 corp: 4/9b\n\
                   stat::number_of_executed_units: 900\nstat::new_units_added: 3\n";
        assert_eq!(ran(true, log), "outline: 900 runs, 57 edges reached, 3 new inputs kept, 4 in all");
    }

    #[test]
    fn an_input_that_broke_a_law_is_named_with_the_law() {
        let log = "#9\tNEW    cov: 12 ft: 13\nthread '<unnamed>' panicked at src/outline.rs:9:5:\n\
                   edges are sorted\n==7== ERROR: libFuzzer: deadly signal\n\
                   artifact_prefix='c/'; Test unit written to c/crash-1\nstat::number_of_executed_units: 9\n";
        let told = ran(false, log);
        assert!(told.starts_with("outline: FAILED after 9 runs, 12 edges reached"), "{told}");
        assert!(told.contains("    edges are sorted\n"), "{told}");
        assert!(told.ends_with("to repeat it: cargo xtask fuzz --repeat c/crash-1 outline"), "{told}");
    }
}
