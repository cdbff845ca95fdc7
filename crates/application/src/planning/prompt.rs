//! What a model is told.

use std::collections::HashMap;
use std::fmt::Write as _;

use goalwright_domain::agent::Agent;
use goalwright_domain::model::Message;
use goalwright_domain::plan::answer::task_as_answered;
use goalwright_domain::plan::{PresentGoal, PresentTask};
use goalwright_domain::task::{GENERAL, TaskId, TaskStatus};
use serde_json::{Value, json};

use super::Mode;
use crate::planning::AnswerProblem;
use crate::ports::Tools;

/// The name of the prompt that comes with the product. A text that was released is never changed: a new one has a new name.
pub const BUILT_IN: &str = "goalwright-1";

/// The text of it.
pub(super) const BUILT_IN_TEXT: &str = include_str!("prompts/goalwright-1.md");

/// What stands before everything else, and is the same for every goal of a workspace as long as its tools are: the prompt's
/// text and the tools.
pub(super) fn system(prompt: &str, tools: &dyn Tools) -> String {
    let mut text = prompt.trim_end().to_owned();
    text.push_str("\n\n## Tools\n\n");
    for operation in tools.all() {
        let _ = writeln!(
            text,
            "- `{}.{}`: {} Parameters: {}",
            operation.tool, operation.operation, operation.summary, operation.parameters
        );
    }
    text
}

/// What the plan is for.
pub(super) struct Subject<'a> {
    pub(super) goal: &'a PresentGoal,
    pub(super) tasks: &'a [(String, PresentTask)],
    pub(super) agents: &'a [Agent],
    pub(super) mode: Mode,
    /// The name of the task that is to be broken further down, if it is not the goal.
    pub(super) expanded: Option<&'a str>,
    pub(super) instructions: Option<&'a str>,
    pub(super) max_tasks: usize,
}

/// The first message: the goal, and what it has already.
pub(super) fn subject(of: &Subject<'_>) -> Message {
    let goal = of.goal;
    let due = goal.due_at.map(|due| due.to_string());
    let mut text = format!(
        "The goal:\n\n{}\n",
        pretty(&json!({
            "title": goal.title, "description": goal.description, "success_criteria": goal.success_criteria, "due_at": due,
        }))
    );
    let mut types: Vec<&str> =
        of.agents.iter().flat_map(|agent| agent.state().capabilities.iter().map(String::as_str)).collect();
    types.push(GENERAL);
    types.sort_unstable();
    types.dedup();
    let _ = writeln!(text, "\nTypes of work: {}.", types.join(", "));
    if !of.tasks.is_empty() {
        let keys: HashMap<TaskId, &str> =
            of.tasks.iter().map(|(key, task)| (task.id, key.as_str())).collect();
        let tasks: Vec<Value> = of.tasks.iter().map(|(key, task)| shown(key, task, &keys)).collect();
        let meaning = match of.mode {
            Mode::Create if of.expanded.is_some() => {
                "The goal has these tasks already. They stay as they are."
            }
            Mode::Create => {
                "The goal has these tasks already. They stay as they are: answer with the tasks that are to be added, and \
                 give them other keys."
            }
            Mode::Update => {
                "The goal has these tasks already. Answer with the whole plan as it is to be from now on: every task that \
                 stays, under the key that it has, and unchanged where nothing is to change; new tasks under new keys. \
                 Tasks that are left out are removed. What is running, completed, cancelled or skipped cannot be changed: \
                 repeat it as it is."
            }
        };
        let _ = write!(text, "\n{meaning}\n\n{}\n", pretty(&Value::Array(tasks)));
        let standings = standings(of.tasks);
        if !standings.is_empty() {
            let _ = writeln!(text, "\nOf these, {}.", standings.join(", "));
        }
    }
    if let Some(expanded) = of.expanded {
        let _ = write!(
            text,
            "\nBreak the task `{expanded}` further down. Answer with its parts alone: steps that together do exactly what \
             `{expanded}` says, and nothing that another task does already. Name them `{expanded}_1`, `{expanded}_2` and so \
             on, from the first number that is free. Every part waits for what `{expanded}` waits for, and `{expanded}` \
             waits for all of its parts and brings them together: that is so without your saying it. In `depends_on`, name \
             parts alone. What parts `use` may read results of earlier parts and of what `{expanded}` waits for, and of no \
             other task.\n"
        );
    }
    if let Some(instructions) = of.instructions.filter(|given| !given.trim().is_empty()) {
        let _ = write!(text, "\nWhat whoever asks wants you to mind:\n\n{}\n", instructions.trim());
    }
    let _ = write!(text, "\nAnswer with at most {} tasks.", of.max_tasks);
    Message::user(text)
}

fn shown(key: &str, task: &PresentTask, keys: &HashMap<TaskId, &str>) -> Value {
    let waits_for = task.depends_on.iter().filter_map(|edge| keys.get(&edge.task_id));
    task_as_answered(key, &task.fields, waits_for.map(|key| (*key).to_owned()).collect())
}

/// Which tasks are not simply still to be done.
fn standings(tasks: &[(String, PresentTask)]) -> Vec<String> {
    let told = |(key, task): &(String, PresentTask)| match task.status {
        TaskStatus::Pending | TaskStatus::Ready => None,
        status => Some(format!("{key} is {}", status.as_str())),
    };
    tasks.iter().filter_map(told).collect()
}

/// What is said to an answer that cannot be used.
pub(super) fn repair(problems: &[AnswerProblem]) -> Message {
    const MOST: usize = 100;
    let mut text = "The plan cannot be used as it is. All of this is wrong with it:\n\n".to_owned();
    for AnswerProblem { path, code, message } in problems.iter().take(MOST) {
        let path = if path.is_empty() { "the answer" } else { path };
        let _ = writeln!(text, "- {path} ({code}): {message}");
    }
    if problems.len() > MOST {
        let _ = writeln!(text, "- and {} more of the same kinds", problems.len() - MOST);
    }
    text.push_str("\nAnswer with the whole plan again, with this put right and everything else as it was.");
    Message::user(text)
}

/// What is said to an answer that was cut off behind whole tasks.
pub(super) fn go_on(last: &str) -> Message {
    Message::user(format!(
        "Your answer reached the limit of its length and was cut off. The tasks up to `{last}` arrived. Answer with the \
         remaining tasks only, in the same form, from the one behind `{last}` on; they may depend on those that arrived."
    ))
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
