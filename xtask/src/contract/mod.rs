//! `cargo xtask contract`: other people's tools against the HTTP interface and its document.

mod clients;
mod lint;
mod schemathesis;
mod server;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::product::Product;
use server::Server;
use tools::Tools;

/// A part of the proof.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Requests made up from the document, valid ones and others
    Schemathesis,
    /// The document against the rules of Redocly and Spectral
    Lint,
    /// Clients generated from the document, in TypeScript and Python
    Clients,
}

/// Arguments of `cargo xtask contract`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Make up fewer requests: about two minutes in all
    #[arg(long)]
    short: bool,
    /// Do one part only
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// An empty database, such as postgres://user@host:5432/name [default: a new SQLite file]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Make up the same requests as a run before, which has printed its seed
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u128>,
}

/// What a part has to say once it has passed.
struct Passed {
    name: &'static str,
    summary: String,
    took: Duration,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let started = Instant::now();
        let tools = Tools::install(&folder()?)?;
        let mut passed = Vec::new();
        // The cheapest first. A part that fails ends the run: its output is what one wants to see last.
        if self.does(Part::Lint) {
            passed.push(part("lint", || lint::run(&tools))?);
        }
        if self.does(Part::Clients) || self.does(Part::Schemathesis) {
            let product = Product::build(None)?;
            let mut server = Server::start(product.program(), &tools.folder(), self.database.as_deref())?;
            println!("=== serving {} on {}", server.database(), server.url());
            if self.does(Part::Clients) {
                passed.push(part("clients", || clients::run(&tools, &server))?);
            }
            if self.does(Part::Schemathesis) {
                let plan = schemathesis::Plan { short: self.short, seed: self.seed };
                passed.push(part("schemathesis", || schemathesis::run(&tools, &server, &plan))?);
            }
            server.is_sound()?;
        }
        println!();
        for Passed { name, summary, took } in passed {
            println!("=== {name} passed in {:.1} s: {summary}", took.as_secs_f64());
        }
        println!("=== all passed in {:.1} s", started.elapsed().as_secs_f64());
        Ok(ExitCode::SUCCESS)
    }

    fn does(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }
}

fn part(name: &'static str, work: impl FnOnce() -> Result<String>) -> Result<Passed> {
    println!("\n=== {name}");
    let started = Instant::now();
    let summary =
        work().with_context(|| format!("{name} failed; to repeat it: cargo xtask contract --only {name}"))?;
    Ok(Passed { name, summary, took: started.elapsed() })
}

/// Where cargo puts programs: where this one lies.
fn programs() -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program lies")?;
    own.parent().map(PathBuf::from).context("this program lies in no folder")
}

/// Where the tools and everything that they write go.
fn folder() -> Result<PathBuf> {
    let programs = programs()?;
    Ok(programs.parent().unwrap_or(&programs).join("contract"))
}
