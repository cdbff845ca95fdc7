use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use super::plan_files::plan_files;
use crate::cli::fields::{count, number, short_id, text};
use crate::cli::input;
use crate::cli::planning::{changes, findings, plan_table, removed};
use crate::cli::session::Session;
use crate::client::{Answer, Call, Noun};
use crate::failure::{Exit, Failure, printable};
use crate::terminal::{Column, Table, accent, note, print, print_raw};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  goalwright goal import plan.md\n  goalwright goal import specs/ --dry-run"
)]
pub(super) struct Import {
    /// Plan files, or folders of them; `-` reads standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only show what would be made
    #[arg(long)]
    dry_run: bool,
    /// The goal's title; else the plan's
    #[arg(long)]
    title: Option<String>,
    /// How the plan is written
    #[arg(long, value_parser = ["auto", "markdown", "taskmaster"])]
    format: Option<String>,
    /// Apply the plan to this goal; needs --update
    #[arg(long, value_name = "ID", requires = "update")]
    goal: Option<String>,
    /// Match the plan with the tasks that the goal has
    #[arg(long, requires = "goal")]
    update: bool,
}

/// What came of one file.
struct Tried {
    path: PathBuf,
    came: Result<(Answer, Option<i64>), Failure>,
}

impl Import {
    pub(super) async fn execute(self, session: &Session) -> Result<Exit, Failure> {
        let files = plan_files(&self.paths)?;
        let goal = session.id_if(Noun::Goal, self.goal.as_deref()).await?;
        if let ([path], [named]) = (files.as_slice(), self.paths.as_slice())
            && path == named
        {
            let answer = self.import(session, path, goal.as_deref()).await?;
            return Ok(self.tell_one(session, &answer));
        }
        if let Some(option) = [("--title", self.title.is_some()), ("--goal", goal.is_some())]
            .iter()
            .find_map(|(option, given)| given.then_some(option))
        {
            return Err(Failure::usage(
                format!("{option} is for one plan, and {} are given", files.len()),
                "import them one by one",
            ));
        }
        self.import_all(session, files).await
    }

    async fn import_all(&self, session: &Session, files: Vec<PathBuf>) -> Result<Exit, Failure> {
        let bar = bar(files.len());
        let mut tried = Vec::with_capacity(files.len());
        for path in files {
            bar.set_message(printable(&path.display().to_string()));
            let came = match self.import(session, &path, None).await {
                Ok(answer) => {
                    let done = self.done(session, &answer).await?;
                    Ok((answer, done))
                }
                // A server that is not there, or not for us, has nothing to do with the plan.
                Err(failure) if failure.exit != Exit::Usage => {
                    bar.finish_and_clear();
                    return Err(failure);
                }
                Err(failure) => Err(failure),
            };
            tried.push(Tried { path, came });
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(self.tell_all(session, &tried))
    }

    async fn import(&self, session: &Session, path: &Path, goal: Option<&str>) -> Result<Answer, Failure> {
        let mut body = Map::from_iter([
            ("content".to_owned(), json!(input::read(path)?)),
            ("dry_run".to_owned(), json!(self.dry_run)),
        ]);
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
            body.insert("name".to_owned(), json!(name));
        }
        if let Some(title) = &self.title {
            body.insert("title".to_owned(), json!(title));
        }
        if let Some(format) = &self.format {
            body.insert("format".to_owned(), json!(format));
        }
        if let Some(goal) = goal {
            body.insert("goal_id".to_owned(), json!(goal));
        }
        session.client.send(Call::post(&["goals", "import"], Value::Object(body))).await
    }

    /// How many tasks the plan says are done: as the answer tells, else as the new goal does.
    async fn done(&self, session: &Session, answer: &Answer) -> Result<Option<i64>, Failure> {
        let plan = &answer.value["decomposition"];
        let tasks = plan["tasks"].as_array().map_or(&[][..], Vec::as_slice);
        if tasks.iter().any(|task| task["done"].is_boolean()) {
            let done = tasks.iter().filter(|task| task["done"] == true).count();
            return Ok(i64::try_from(done).ok());
        }
        let Some(goal) = answer.value["goal"]["id"].as_str() else { return Ok(None) };
        let figures = session.client.send(Call::get(&["goals", goal, "progress"])).await?;
        Ok(Some(number(&figures.value["by_status"], "completed")))
    }

    fn tell_one(&self, session: &Session, answer: &Answer) -> Exit {
        let (goal, plan) = (&answer.value["goal"], &answer.value["decomposition"]);
        if session.json {
            print_raw(&answer.text);
            return Exit::Success;
        }
        if !session.quiet {
            findings(&answer.value).iter().for_each(|line| note(line));
        }
        let updated = answer.value["updated"] == true;
        if goal.is_object() && !self.dry_run {
            let verb = if updated { "updated" } else { "imported" };
            let next = format!(
                "`goalwright goal show {0}` shows it, `goalwright serve` works on it",
                short_id(goal, "id")
            );
            return session.done_to(verb, Noun::Goal, answer, goal, Some(next));
        }
        if !session.quiet {
            plan_table(plan).lines().iter().for_each(|line| print(line));
            let (tasks, edges) = (count(plan, "tasks"), count(plan, "dependencies"));
            let title = printable(&text(&answer.value, "title"));
            removed(&plan["changes"]).iter().for_each(|line| print(line));
            print(&if updated {
                format!("would update “{title}”: {}", changes(&plan["changes"]))
            } else {
                format!("would import “{title}” with {tasks} tasks and {edges} dependencies")
            });
        }
        Exit::Success
    }

    fn tell_all(&self, session: &Session, tried: &[Tried]) -> Exit {
        let refused = tried.iter().filter(|one| one.came.is_err()).count();
        if session.json {
            let documents: Vec<Value> = tried.iter().map(Tried::document).collect();
            print_raw(&Value::Array(documents).to_string());
        } else if session.quiet {
            let made = tried.iter().filter_map(|one| one.came.as_ref().ok());
            made.map(|(answer, _)| text(&answer.value["goal"], "id"))
                .filter(|id| !id.is_empty())
                .for_each(|id| print(&id));
        } else {
            summary_table(tried).lines().iter().for_each(|line| print(line));
            let verb = if self.dry_run { "would import" } else { "imported" };
            let counted = format!("{verb} {} of {} plans", tried.len() - refused, tried.len());
            let why = "`goalwright goal import FILE --dry-run` tells everything about one of them";
            note(&if refused > 0 { format!("{counted}; {} {why}", accent("next:")) } else { counted });
        }
        if refused > 0 { Exit::Usage } else { Exit::Success }
    }
}

impl Tried {
    fn document(&self) -> Value {
        let file = self.path.display().to_string();
        match &self.came {
            Ok((answer, done)) => json!({"file": file, "imported": answer.value, "done": done}),
            Err(failure) => {
                json!({"file": file, "error": {"message": failure.message, "details": failure.details}})
            }
        }
    }
}

fn summary_table(tried: &[Tried]) -> Table {
    let mut table = Table::new([
        Column::Text("FILE"),
        Column::Number("TASKS"),
        Column::Number("DONE"),
        Column::Number("PARALLEL"),
        Column::Number("EXPLICIT"),
        Column::Number("FINDINGS"),
        Column::Word("GOAL"),
        Column::Text("REFUSED"),
    ]);
    for one in tried {
        let file = one.path.strip_prefix(".").unwrap_or(&one.path).display().to_string();
        match &one.came {
            Ok((answer, done)) => {
                let plan = &answer.value["decomposition"];
                let of = |list: &str, holds: &dyn Fn(&Value) -> bool| {
                    let entries = plan[list].as_array().map_or(&[][..], Vec::as_slice);
                    entries.iter().filter(|entry| holds(entry)).count().to_string()
                };
                table.row([
                    file,
                    of("tasks", &|_| true),
                    done.map_or_else(|| "–".to_owned(), |done| done.to_string()),
                    of("tasks", &|task| task["parallel"] == true),
                    of("dependencies", &|edge| edge["origin"] == "explicit"),
                    count(&answer.value, "findings").to_string(),
                    short_id(&answer.value["goal"], "id"),
                    String::new(),
                ]);
            }
            Err(failure) => {
                let mut cells = vec![file];
                cells.extend(std::iter::repeat_n(String::new(), 6));
                let first = failure.details.first().map(|detail| format!(": {detail}")).unwrap_or_default();
                cells.push(format!("{}{first}", failure.message));
                table.row(cells);
            }
        }
    }
    table
}

fn bar(files: usize) -> ProgressBar {
    let bar = ProgressBar::new(files as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}") {
        bar.set_style(style);
    }
    bar
}
