//! Asking for a plan, of a goal or of one of its tasks, and showing what came of it.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::fields::{count, number, text};
use super::input;
use super::session::Session;
use crate::client::{Answer, Noun, short};
use crate::failure::{Exit, Failure, printable};
use crate::terminal::{Column, Table, accent, note, print, print_raw, severity};

/// Who plans, and what for.
#[derive(Debug, Args)]
pub(super) struct Asked {
    /// A written plan, Markdown; `-` reads standard input. Without one a model is asked
    #[arg(long, value_name = "FILE", required_if_eq("planner", "outline"))]
    outline: Option<PathBuf>,
    /// Who plans: `outline` reads the plan in --outline, `llm` asks a model
    #[arg(long, value_name = "PLANNER", value_parser = ["outline", "llm"])]
    planner: Option<String>,
    /// What a model should mind; `@FILE` reads a file, `-` standard input
    #[arg(long, value_name = "TEXT", conflicts_with = "outline")]
    instructions: Option<String>,
    /// So many tasks a model may answer with; 100 unless given
    #[arg(long, value_name = "N", conflicts_with = "outline")]
    max_tasks: Option<u32>,
    /// The model to be asked, anthropic/MODEL or openai/MODEL; else that of the workspace or of the server
    #[arg(long, value_name = "MODEL", conflicts_with = "outline")]
    model: Option<String>,
    /// The version of the model's prompt; `goalwright prompt list` shows them
    #[arg(long, value_name = "VERSION", conflicts_with = "outline")]
    prompt_version: Option<String>,
    /// Only show the plan, and keep it to be applied or rejected
    #[arg(long)]
    pub(super) dry_run: bool,
}

impl Asked {
    /// The body of the request.
    pub(super) fn body(&self) -> Result<Map<String, Value>, Failure> {
        let usual = if self.outline.is_some() { "outline" } else { "llm" };
        let planner = self.planner.as_deref().unwrap_or(usual);
        let mut body = Map::from_iter([
            ("planner".to_owned(), json!(planner)),
            ("dry_run".to_owned(), json!(self.dry_run)),
        ]);
        if let Some(path) = &self.outline {
            body.insert("outline".to_owned(), json!(input::read(path)?));
        }
        if let Some(given) = &self.instructions {
            body.insert("instructions".to_owned(), json!(input::text_or_file(given.clone())?));
        }
        if let Some(most) = self.max_tasks {
            body.insert("max_tasks".to_owned(), json!(most));
        }
        for (field, given) in [("model", &self.model), ("prompt_version", &self.prompt_version)] {
            if let Some(given) = given {
                body.insert(field.to_owned(), json!(given));
            }
        }
        Ok(body)
    }

    /// Tells what came of it. Of a plan that was only shown, its id is what can be done something with; of one that was
    /// written, those of its tasks are.
    pub(super) fn tell(&self, session: &Session, answer: &Answer, noun: Noun, id: &str) -> Exit {
        let plan = &answer.value;
        let (word, named) = (noun.word(), short(id));
        let decomposition = text(plan, "decomposition_id");
        if session.json {
            print_raw(&answer.text);
            return Exit::Success;
        }
        if session.quiet {
            let tasks = plan["tasks"].as_array().into_iter().flatten();
            match self.dry_run {
                true => print(&decomposition),
                false => {
                    tasks.map(|task| text(task, "id")).filter(|id| !id.is_empty()).for_each(|id| print(&id));
                }
            }
            return Exit::Success;
        }
        findings(plan).iter().for_each(|line| note(line));
        if self.dry_run {
            plan_table(plan).lines().iter().for_each(|line| print(line));
        }
        if text(plan, "mode") == "update" {
            removed(&plan["changes"]).iter().for_each(|line| print(line));
            let verb = if self.dry_run { "would update" } else { "updated" };
            print(&format!("{verb} {word} {named}: {}{}", changes(&plan["changes"]), cost(plan)));
        } else {
            let verb = if self.dry_run { "would break down" } else { "broke down" };
            let (tasks, edges) = (count(plan, "tasks"), count(plan, "dependencies"));
            print(&format!(
                "{verb} {word} {named} into {tasks} tasks with {edges} dependencies{}",
                cost(plan)
            ));
        }
        note(&match self.dry_run {
            true => format!(
                "{} `goalwright decomposition apply {decomposition}` applies it, `goalwright decomposition reject {decomposition}` does not",
                accent("next:")
            ),
            false => format!("{} `goalwright {word} show {named}` shows it", accent("next:")),
        });
        Exit::Success
    }
}

/// What a model cost, behind what it made.
pub(super) fn cost(plan: &Value) -> String {
    let (model, usage) = (text(plan, "model"), &plan["usage"]);
    if model.is_empty() {
        return String::new();
    }
    format!(
        ", by {} for {} tokens{}",
        printable(&model),
        number(usage, "cost_tokens"),
        dollars(&usage["cost_usd"], ", ")
    )
}

/// An amount, behind what stands before it; nothing where it is not known.
pub(super) fn dollars(amount: &Value, before: &str) -> String {
    amount.as_f64().map(|dollars| format!("{before}${dollars:.4}")).unwrap_or_default()
}

/// What an update does, in numbers.
pub(super) fn changes(changes: &Value) -> String {
    let words = [
        ("add", "to add"),
        ("change", "to change"),
        ("remove", "to remove"),
        ("complete", "to tick off"),
        ("skip", "to leave out"),
    ];
    let told: Vec<String> = words
        .iter()
        .filter(|(field, _)| count(changes, field) > 0)
        .map(|(field, word)| format!("{} {word}", count(changes, field)))
        .collect();
    if told.is_empty() { "nothing about its tasks changes".to_owned() } else { told.join(", ") }
}

/// The tasks that an update removes, a line each: nothing else of it is lost.
pub(super) fn removed(changes: &Value) -> Vec<String> {
    let names = changes["remove"].as_array().into_iter().flatten().filter_map(Value::as_str);
    names.map(|name| format!("remove: {}", printable(name))).collect()
}

/// What the reader of a plan noticed, a line each.
pub(super) fn findings(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().map_or(&[][..], Vec::as_slice);
    let line = |finding: &Value| {
        let place = finding["line"].as_u64().map(|line| format!("line {line}: ")).unwrap_or_default();
        let message = printable(&text(finding, "message"));
        format!("{}: {place}{message}", severity(&text(finding, "severity")))
    };
    findings.iter().map(line).collect()
}

/// The tasks of a plan that was not applied.
pub(super) fn plan_table(plan: &Value) -> Table {
    let tasks = plan["tasks"].as_array().map_or(&[][..], Vec::as_slice);
    let edges = plan["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
    let name = |index: &Value| {
        let task = index.as_u64().and_then(|index| tasks.get(usize::try_from(index).ok()?));
        let key = task.map(|task| text(task, "key")).filter(|key| !key.is_empty());
        key.unwrap_or_else(|| format!("#{}", index.as_u64().unwrap_or_default() + 1))
    };
    let mut table = Table::new([
        Column::Word("KEY"),
        Column::Text("TITLE"),
        Column::Word("TYPE"),
        Column::Word("[P]"),
        Column::Text("WAITS FOR"),
    ]);
    for task in tasks {
        let waits = edges.iter().filter(|edge| edge["from_index"] == task["index"]);
        let waits: Vec<String> = waits.map(|edge| name(&edge["to_index"])).collect();
        table.row([
            name(&task["index"]),
            text(task, "title"),
            text(task, "task_type"),
            if task["parallel"] == true { "[P]".to_owned() } else { String::new() },
            waits.join(", "),
        ]);
    }
    table
}
