use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::import::{findings, plan_table};
use crate::cli::fields::{count, text};
use crate::cli::input;
use crate::cli::session::Session;
use crate::client::{Call, Noun, short};
use crate::failure::{Exit, Failure};
use crate::terminal::{accent, note, print};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  goalwright goal decompose 1cef10aa --outline plan.md --dry-run")]
pub(super) struct Decompose {
    /// The goal: its id, or the beginning or end of it
    id: String,
    /// The plan, Markdown; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    outline: PathBuf,
    /// Only show what would be made
    #[arg(long)]
    dry_run: bool,
    /// What becomes of the tasks that the goal has: `create` adds to them, `update` matches them with the plan
    #[arg(long, value_parser = ["create", "update"], default_value = "create")]
    mode: String,
}

impl Decompose {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let id = session.id(Noun::Goal, &self.id).await?;
        let body = json!({
            "planner": "outline", "outline": input::read(&self.outline)?,
            "dry_run": self.dry_run, "mode": self.mode,
        });
        let answer = session.client.send(Call::post(&["goals", &id, "decompose"], body)).await?;
        if session.json || session.quiet {
            let ids = || answer.value["tasks"].as_array().into_iter().flatten().map(|task| text(task, "id"));
            match session.json {
                true => crate::terminal::print_raw(&answer.text),
                false => ids().filter(|id| !id.is_empty()).for_each(|id| print(&id)),
            }
            return Ok(Exit::Success);
        }
        let plan = &answer.value;
        findings(plan).iter().for_each(|line| note(line));
        if self.dry_run {
            plan_table(plan).lines().iter().for_each(|line| print(line));
        }
        let verb = if self.dry_run { "would break down" } else { "broke down" };
        let (tasks, edges) = (count(plan, "tasks"), count(plan, "dependencies"));
        print(&format!("{verb} goal {} into {tasks} tasks with {edges} dependencies", short(&id)));
        if !self.dry_run {
            note(&format!("{} `goalwright goal show {}` shows it", accent("next:"), short(&id)));
        }
        Ok(Exit::Success)
    }
}
