//! `cargo xtask seed-demo`: goals in every state, to look at.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::product::{Product, finished};

/// Achieved by tools, failed, and in the hands of people.
const NOTES: &str = include_str!("../demo/notes.md");
const LIGHTHOUSE: &str = include_str!("../demo/lighthouse.md");
const BAKERY: &str = include_str!("../demo/bakery.md");
/// The goal by which demo data is known.
const KNOWN: &str = "Open the bakery";
/// What `goalwright run` ends with where a task failed.
const FAILED: i32 = 1;

/// Arguments of `cargo xtask seed-demo`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder for database and files; else what the settings say
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let product = Product::build(self.data_dir.as_deref())?;
        let goals = product.ask(&["goal", "list", "--all"], &[])?;
        if holds(&goals, KNOWN) {
            println!("the demo data is there already");
        } else {
            let folder = data_folder(&product)?.join("demo");
            write(&folder)?;
            by_tools(&product, &folder)?;
            by_people(&product, &folder)?;
            print!("{}", product.print(&["goal", "list"])? + "\n");
        }
        println!("next: `goalwright goal show ID` shows a goal, `goalwright serve` serves them all");
        if let Some(data) = &self.data_dir {
            println!("      with GOALWRIGHT_DATA_DIR={}", std::path::absolute(data)?.display());
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn holds(goals: &Value, title: &str) -> bool {
    goals["items"].as_array().is_some_and(|goals| goals.iter().any(|goal| goal["title"] == title))
}

fn data_folder(product: &Product) -> Result<PathBuf> {
    let settings = product.ask(&["admin", "config"], &[])?;
    let folder = settings["data_dir"]["value"].as_str().context("the settings name no data folder")?;
    Ok(folder.into())
}

/// The plans, and the files that they work on.
fn write(folder: &Path) -> Result<()> {
    let files = [
        ("notes.md", NOTES),
        ("lighthouse.md", LIGHTHOUSE),
        ("bakery.md", BAKERY),
        ("notes/harbour.md", "The quay is quiet in the morning.\n"),
        ("notes/market.md", "Bread, salt, twelve candles.\n"),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// One goal that is achieved, and one with a task that failed.
fn by_tools(product: &Product, folder: &Path) -> Result<()> {
    for (plan, also) in [("notes.md", &[][..]), ("lighthouse.md", &[FAILED][..])] {
        let mut run = product.command(&["run", plan, "--no-input"]);
        finished(run.current_dir(folder), also)?;
    }
    Ok(())
}

/// A goal that people work on, one without a plan, somebody who reviews, and an observation.
fn by_people(product: &Product, folder: &Path) -> Result<()> {
    let plan = folder.join("bakery.md").display().to_string();
    let goal = product.print(&["goal", "import", &plan, "--quiet"])?;
    let task = |key: &str| -> Result<String> {
        let tasks = product.ask(&["task", "list", "--goal", &goal, "--all"], &[])?;
        let found = tasks["items"].as_array().and_then(|tasks| tasks.iter().find(|task| task["key"] == key));
        let id = found.and_then(|task| task["id"].as_str());
        Ok(id.with_context(|| format!("the demo has no task {key}"))?.to_owned())
    };
    let reviewer = ["agent", "create", "reviewer", "--kind", "human", "--capability", "review", "--quiet"];
    for args in [
        &["task", "complete", &task("T003")?, "--summary", "Forty sacks", "--result", r#"{"sacks": 40}"#][..],
        &["task", "skip", &task("T004")?, "--reason", "Everybody knows already"],
        &["goal", "create", "Paint the ferry", "--criterion", "It is green", "--due", "2030-05-31"],
        &reviewer,
        &["task", "create", "Read the menu", "--type", "review"],
        &["experience", "add", "The oven is slow on Mondays"],
    ] {
        product.print(args)?;
    }
    Ok(())
}
