//! What is told at the end, to people or to a program.

use std::path::Path;
use std::time::Duration;

use goalwright_application::{Context, Error};
use goalwright_domain::goal::{GoalId, TaskCounts};
use goalwright_domain::task::TaskStatus;
use serde::Serialize;
use uuid::Uuid;

use super::Ending;
use super::plan::Begun;
use super::show::{label, span};
use super::standing::Tasks;
use crate::cli::{remark, say};
use crate::compose::App;
use crate::config::Config;
use crate::failure::printable;

/// So many of a kind are named to people.
const NAMED: usize = 10;

/// The whole summary; its JSON is what `--json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    goal_id: GoalId,
    title: String,
    /// `achieved`, `failed`, `waiting`, `interrupted`.
    status: &'static str,
    /// Of the goal itself: `active`, `achieved`.
    goal_status: &'static str,
    /// In percent.
    progress: f64,
    tasks: TaskCounts,
    trace_ids: Vec<Uuid>,
    duration_ms: u64,
    failures: Vec<Failed>,
    waiting: Vec<Waits>,
    /// Why the goal is not further.
    reasons: Vec<Reason>,
    resumed: bool,
}

#[derive(Debug, Serialize)]
struct Failed {
    /// Its id in the plan, else its slug.
    task: String,
    title: String,
    error: Cause,
}

#[derive(Debug, Serialize)]
struct Cause {
    #[serde(rename = "type")]
    kind: String,
    message: String,
}

#[derive(Debug, Serialize)]
struct Waits {
    /// Its id in the plan, else its slug.
    task: String,
    title: String,
    /// What is waited for.
    message: String,
}

#[derive(Debug, Serialize)]
struct Reason {
    code: &'static str,
    message: String,
    mend: String,
}

impl Summary {
    /// Reads what became of the goal.
    pub(super) async fn gather(
        app: &App,
        context: &Context,
        begun: &Begun,
        ending: Ending,
        took: Duration,
    ) -> Result<Self, Error> {
        let goal = app.services.goals.get(context, begun.goal).await?;
        let progress = app.services.goals.progress(context, begun.goal).await?;
        let mut runs =
            app.services.queries.runs_of_goal(context.workspace(), begun.goal, u64::from(u32::MAX)).await?;
        // Run ids follow their age, so the traces are told in the order of the work.
        runs.sort_by_key(|run| run.id);
        let name = |key: &Option<String>, slug: &str| key.clone().unwrap_or_else(|| slug.to_owned());
        let failed = Tasks::of(begun.goal, TaskStatus::Failed).all(app, context).await?;
        let waiting = Tasks::of(begun.goal, TaskStatus::Waiting).all(app, context).await?;
        Ok(Self {
            goal_id: begun.goal,
            title: goal.state.title,
            status: ending.as_str(),
            goal_status: goal.state.status.as_str(),
            progress: goal.counts.percentage(),
            tasks: goal.counts,
            trace_ids: runs.iter().map(|run| run.trace_id).collect(),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            failures: failed
                .into_iter()
                .filter_map(|task| {
                    let error =
                        task.state.error.map(|error| Cause { kind: error.kind, message: error.message })?;
                    Some(Failed {
                        task: name(&task.state.key, &task.state.slug),
                        title: task.state.title,
                        error,
                    })
                })
                .collect(),
            waiting: waiting
                .into_iter()
                .filter_map(|task| {
                    let message = task.state.waiting.map(|wait| wait.message)?;
                    Some(Waits {
                        task: name(&task.state.key, &task.state.slug),
                        title: task.state.title,
                        message,
                    })
                })
                .collect(),
            reasons: progress
                .reasons
                .into_iter()
                .map(|reason| Reason { code: reason.code, message: reason.message, mend: reason.mend })
                .collect(),
            resumed: begun.resumed,
        })
    }

    /// As JSON for programs, or in words.
    pub(super) fn print(&self, json: bool, config: &Config, file: &Path) {
        if json {
            match serde_json::to_string_pretty(self) {
                Ok(text) => say(&text),
                Err(error) => remark(&format!("error: the summary cannot be written: {error}")),
            }
            return;
        }
        for line in self.lines(config) {
            say(&printable(&line));
        }
        if let Some(help) = self.help(file) {
            remark(&format!("help: {help}"));
        }
    }

    fn lines(&self, config: &Config) -> Vec<String> {
        let counts = &self.tasks;
        let total = counts.total();
        let took = span(i64::try_from(self.duration_ms).unwrap_or(i64::MAX));
        let mut lines = vec![
            String::new(),
            format!(
                "{}: {} — {} of {total} tasks done ({:.0} %), {took}",
                self.title,
                self.status,
                counts.completed,
                self.progress.floor()
            ),
        ];
        let by_status = TaskStatus::ALL.into_iter().filter(|status| counts.of(*status) > 0);
        let by_status: Vec<String> =
            by_status.map(|status| format!("{} {}", counts.of(status), status.as_str())).collect();
        lines.push(format!("  tasks   {}", by_status.join(", ")));
        named(&mut lines, &self.failures, |failed| {
            let name = label(Some(&failed.task), &failed.title);
            format!("  failed  {name}: {} ({})", failed.error.message, failed.error.kind)
        });
        named(&mut lines, &self.waiting, |waits| {
            let name = label(Some(&waits.task), &waits.title);
            if waits.message == waits.title {
                format!("  waits   {name}")
            } else {
                format!("  waits   {name}: {}", waits.message)
            }
        });
        if self.status == "waiting" && self.waiting.is_empty() {
            lines.extend(self.reasons.iter().map(|reason| format!("  {}; {}", reason.message, reason.mend)));
        }
        named(&mut lines, &self.trace_ids, |trace| format!("  trace   {trace}"));
        lines.push(format!("  goal    {}", self.goal_id));
        lines.push(format!("  record  {}", config.database_url));
        lines
    }

    fn help(&self, file: &Path) -> Option<String> {
        let resumption = resumption(file);
        match self.status {
            "failed" => Some(format!(
                "mend what failed, have it tried again with `goalwright task retry ID`, then {resumption}; `goalwright run --new {}` begins anew",
                file.display()
            )),
            "waiting" if !self.waiting.is_empty() => Some(format!(
                "{resumption} and answer on the terminal, or complete the tasks through `goalwright serve`"
            )),
            "waiting" => {
                Some(format!("give the tasks an agent through `goalwright serve`, then {resumption}"))
            }
            "interrupted" => Some(resumption),
            _ => None,
        }
    }
}

/// How to go on with an unfinished goal.
pub(super) fn resumption(file: &Path) -> String {
    format!("run `goalwright run {}` again to resume", file.display())
}

/// The first few, and how many there are besides.
fn named<T>(lines: &mut Vec<String>, items: &[T], line: impl Fn(&T) -> String) {
    lines.extend(items.iter().take(NAMED).map(line));
    if let more @ 1.. = items.len().saturating_sub(NAMED) {
        lines.push(format!("          and {more} more; --json lists all"));
    }
}
