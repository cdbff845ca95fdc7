//! `cargo xtask plans`: what the product makes of a folder of plans.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::product::Product;

/// Arguments of `cargo xtask plans`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder; every `.md` and `.json` below it is tried
    dir: PathBuf,
    /// Also export each goal, import the export, and tell what that changes
    #[arg(long)]
    round_trip: bool,
}

/// What came of a plan that was imported.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    tasks: usize,
    done: usize,
    parallel: usize,
    explicit: usize,
    findings: usize,
}

/// What is known after the last plan.
#[derive(Debug, Default)]
struct Totals {
    counts: Counts,
    plans: usize,
    refused: usize,
    changed: usize,
}

impl Args {
    /// Imports into a database of its own, which is removed at the end.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let folder = TempDir::new().context("no temporary folder")?;
        let product = Product::build(Some(folder.path()))?.alone();
        let dir = self.dir.to_str().context("the name of the folder is no UTF-8")?;
        // Refused plans end it with 2; they are told of, one by one.
        let answers = product.ask(&["goal", "import", dir], &[2])?;
        let mut totals = Totals::default();
        println!("{}", line("file", ["tasks", "done", "[P]", "explicit", "findings"], ""));
        for one in entries(&answers) {
            let path = Path::new(one["file"].as_str().unwrap_or_default());
            let file = path.strip_prefix(&self.dir).unwrap_or(path).display().to_string();
            if one["imported"].is_null() {
                totals.refused += 1;
                println!("{}", line(&file, [""; 5], &refusal(&one["error"])));
                continue;
            }
            let counts = Counts::of(one);
            let told = match self.round_trip {
                true => changes(&again(&product, folder.path(), &one["imported"])?),
                false => Vec::new(),
            };
            let came = match (self.round_trip, told.is_empty()) {
                (false, _) => String::new(),
                (true, true) => "unchanged".to_owned(),
                (true, false) => format!("CHANGED: {}", told.join(", ")),
            };
            println!("{}", line(&file, counts.cells().each_ref().map(String::as_str), &came));
            totals.add(&counts, !told.is_empty());
        }
        println!("{}", line("total", totals.counts.cells().each_ref().map(String::as_str), ""));
        println!("{totals}");
        Ok(if totals.changed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Exports the goal that was imported, and imports the export.
fn again(product: &Product, folder: &Path, imported: &Value) -> Result<Value> {
    let goal = imported["goal"]["id"].as_str().context("the answer names no goal")?;
    let export = folder.join("export.md").display().to_string();
    product.print(&["goal", "export", goal, "--output", &export])?;
    product.ask(&["goal", "import", &export], &[])
}

/// What an import changed in the goal, a word for each; nothing if it left all as it was.
fn changes(imported: &Value) -> Vec<String> {
    if imported["updated"] != true {
        return vec!["the export was not recognised and made a new goal".to_owned()];
    }
    let changes = imported["decomposition"]["changes"].as_object();
    let Some(changes) = changes else { return vec!["the answer tells of no changes".to_owned()] };
    let mut told: Vec<String> = changes
        .iter()
        .filter(|(kind, list)| *kind != "keep" && !entries(list).is_empty())
        .map(|(kind, list)| format!("{kind} {}", names(list)))
        .collect();
    let findings = entries(&imported["findings"]);
    told.extend(findings.iter().map(|finding| format!("finding {}", finding["code"])));
    told
}

fn names(list: &Value) -> String {
    let name = |one: &Value| match one {
        Value::String(name) => name.clone(),
        other => other["key"].as_str().map_or_else(|| other.to_string(), str::to_owned),
    };
    entries(list).iter().map(name).collect::<Vec<_>>().join(" ")
}

fn refusal(error: &Value) -> String {
    let details = entries(&error["details"]).iter().filter_map(Value::as_str);
    let told: Vec<&str> = error["message"].as_str().into_iter().chain(details).collect();
    format!("refused: {}", told.join("; "))
}

fn entries(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn line(file: &str, cells: [&str; 5], came: &str) -> String {
    let [tasks, done, parallel, explicit, findings] = cells;
    let text = format!("{file:<46} {tasks:>6} {done:>6} {parallel:>6} {explicit:>9} {findings:>9}  {came}");
    text.trim_end().to_owned()
}

impl Counts {
    /// Of an entry of the answer to an import of several plans.
    fn of(entry: &Value) -> Self {
        let plan = &entry["imported"]["decomposition"];
        let (tasks, edges) = (entries(&plan["tasks"]), entries(&plan["dependencies"]));
        Self {
            tasks: tasks.len(),
            done: tasks.iter().filter(|task| task["done"] == true).count(),
            parallel: tasks.iter().filter(|task| task["parallel"] == true).count(),
            explicit: edges.iter().filter(|edge| edge["origin"] == "explicit").count(),
            findings: entries(&entry["imported"]["findings"]).len(),
        }
    }

    fn cells(&self) -> [String; 5] {
        [self.tasks, self.done, self.parallel, self.explicit, self.findings].map(|count| count.to_string())
    }
}

impl Totals {
    fn add(&mut self, counts: &Counts, changed: bool) {
        let Counts { tasks, done, parallel, explicit, findings } = &mut self.counts;
        *tasks += counts.tasks;
        *done += counts.done;
        *parallel += counts.parallel;
        *explicit += counts.explicit;
        *findings += counts.findings;
        self.plans += 1;
        self.changed += usize::from(changed);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} imported, {} refused", self.plans, self.refused)?;
        match self.changed {
            0 => Ok(()),
            changed => write!(f, ", {changed} changed by a round trip"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_import_that_changes_something_says_what() {
        let imported = |updated: bool, change: Value| {
            json!({
                "updated": updated, "findings": [],
                "decomposition": {"changes": {"add": [], "keep": ["T001"], "change": change}},
            })
        };
        assert!(changes(&imported(true, json!([]))).is_empty());
        assert_eq!(changes(&imported(true, json!([{"key": "T002"}]))), ["change T002"]);
        assert_eq!(changes(&imported(false, json!([]))).len(), 1);
        assert_eq!(changes(&json!({"updated": true})).len(), 1);
    }

    #[test]
    fn what_is_counted_is_in_the_answer() {
        let entry = json!({"imported": {"findings": [{}], "decomposition": {
            "tasks": [{"done": true, "parallel": false}, {"done": false, "parallel": true}],
            "dependencies": [{"origin": "explicit"}, {"origin": "structural"}],
        }}});
        let counts = Counts { tasks: 2, done: 1, parallel: 1, explicit: 1, findings: 1 };
        assert_eq!(Counts::of(&entry), counts);
    }
}
