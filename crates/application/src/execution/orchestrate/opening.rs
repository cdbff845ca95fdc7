//! What a model is told first about a task.

use std::collections::HashMap;
use std::fmt::Write as _;

use goalwright_domain::agent::Profile;
use goalwright_domain::canonical;
use goalwright_domain::execution::{Action, Dialogue, Opening};
use goalwright_domain::experience::{Experience, result_text};
use goalwright_domain::model::ModelName;
use goalwright_domain::task::TaskId;
use goalwright_domain::template;
use serde_json::{Value, json};

use super::toolbox::Toolbox;
use crate::Error;
use crate::execution::{Assignment, Kernel};
use crate::experiences::{Retrieved, Wanted};

/// What every model is told, before what its agent and its task say.
const RULES: &str = include_str!("agent-1.md");
/// So many experiences are looked up.
const EXPERIENCES: u64 = 5;
/// The most characters of an experience that are told.
const EXPERIENCE_CHARACTERS: usize = 1_000;
/// The most characters of the result of one earlier task.
const RESULT_CHARACTERS: usize = 20_000;
/// The most characters of all of them.
const RESULTS_CHARACTERS: usize = 80_000;
/// So many earlier tasks are told of.
const RESULTS: usize = 50;

/// What a dialogue rests on, besides its goal and the tasks before it.
pub(super) struct Basis<'a> {
    pub(super) profile: &'a Profile,
    /// The model that somebody named.
    pub(super) named: Option<&'a ModelName>,
    pub(super) wanted: Option<&'a [String]>,
    pub(super) form: Option<&'a Value>,
    pub(super) words: &'a str,
}

/// What there is to do, in words.
pub(super) enum Words {
    /// This.
    Are(String),
    /// They name what is not there.
    Unresolved(String),
}

impl Kernel {
    /// The words of the task, with the results of earlier ones in them where it says so.
    pub(super) async fn words(&self, assignment: &Assignment) -> Result<Words, Error> {
        let task = &assignment.task;
        let Some(Action::Orchestrated { instructions, .. }) = &task.action else {
            let mut words = task.title.clone();
            if !task.description.is_empty() {
                let _ = write!(words, "\n\n{}", task.description);
            }
            return Ok(Words::Are(words));
        };
        let parameters = Value::String(instructions.clone());
        let scope = self.scope(task, &parameters).await?;
        Ok(match template::resolve(&parameters, &scope, &template::Limits::default()) {
            Ok(resolved) => Words::Are(format!("{}\n\n{}", task.title, result_text(&resolved))),
            Err(error) => Words::Unresolved(error.to_string()),
        })
    }

    /// What the model is told first; none if there is a dialogue that rests on the same. Experiences are looked up only for a
    /// new one.
    pub(super) async fn opening(
        &self,
        assignment: &Assignment,
        basis: &Basis<'_>,
        (model, toolbox): (&ModelName, &Toolbox),
        dialogue: &Dialogue,
    ) -> Result<Option<Opening>, Error> {
        let mut system = RULES.trim_end().to_owned();
        if !basis.profile.instructions.trim().is_empty() {
            let _ = write!(system, "\n\n{}", basis.profile.instructions.trim());
        }
        let mut message = self.goal_of(assignment).await?;
        let _ = write!(message, "Your task:\n\n{}\n", basis.words);
        message.push_str(&self.earlier_results(assignment).await?);
        // Which tools there are and what every model is told differ from process to process, and a dialogue outlives them.
        let digest = canonical::digest(&json!({
            "model": basis.named, "instructions": basis.profile.instructions, "tools": basis.profile.tools,
            "wanted": basis.wanted, "form": basis.form, "message": message,
        }));
        if dialogue.opening().is_some_and(|known| known.digest == digest) {
            return Ok(None);
        }
        let retrieved = self.experiences_for(assignment, basis.words).await?;
        if let Some(retrieved) = &retrieved
            && !retrieved.hits.is_empty()
        {
            let told: Vec<Value> = retrieved.hits.iter().map(told).collect();
            let _ = write!(
                message,
                "\nEarlier experiences that may have to do with it:\n\n{}\n",
                quoted(&json!(told))
            );
        }
        let specs = toolbox.specs();
        Ok(Some(Opening {
            id: self.ids().random(),
            digest,
            before: dialogue.consumed(),
            model: model.to_string(),
            system,
            tools: specs.to_vec(),
            message,
            retrieval: retrieved.map(|retrieved| retrieved.provenance),
        }))
    }

    async fn goal_of(&self, assignment: &Assignment) -> Result<String, Error> {
        let task = &assignment.task;
        let Some(id) = task.goal_id else { return Ok(String::new()) };
        let Some(goal) = self.ports.queries.goal(task.workspace_id, id).await? else {
            return Ok(String::new());
        };
        let state = goal.state;
        let mut text = format!("The goal that it belongs to: {}\n", state.title);
        if !state.description.is_empty() {
            let _ = write!(text, "\n{}\n", state.description);
        }
        if !state.success_criteria.is_empty() {
            text.push_str("\nIt is achieved when:\n");
            for criterion in &state.success_criteria {
                let _ = writeln!(text, "- {criterion}");
            }
        }
        text.push('\n');
        Ok(text)
    }

    /// The results of the tasks that it waited for.
    async fn earlier_results(&self, assignment: &Assignment) -> Result<String, Error> {
        let task = &assignment.task;
        let Some(view) = self.ports.queries.task(task.workspace_id, task.id).await? else {
            return Ok(String::new());
        };
        let ids: Vec<TaskId> = view.depends_on.iter().map(|edge| edge.task_id).take(RESULTS).collect();
        if ids.is_empty() {
            return Ok(String::new());
        }
        let found = self.ports.queries.tasks_by_id(task.workspace_id, &ids).await?;
        let by_id: HashMap<TaskId, _> = found.into_iter().map(|view| (view.state.id, view.state)).collect();
        let mut results = Vec::new();
        let mut left = RESULTS_CHARACTERS;
        for state in ids.iter().filter_map(|id| by_id.get(id)) {
            let result = state.result.as_ref().map(result_text).unwrap_or_default();
            let shown = cut(&result, RESULT_CHARACTERS.min(left));
            left = left.saturating_sub(shown.chars().count());
            results.push(json!({"key": state.key, "title": state.title, "result": shown}));
        }
        let all = view.depends_on.len();
        let of = match all > ids.len() {
            true => format!("the first {} of the {all} tasks before it; the others are not shown", ids.len()),
            false => "the tasks before it".to_owned(),
        };
        Ok(format!("\nResults of {of}:\n\n{}\n", quoted(&json!(results))))
    }

    /// What the workspace has experienced that has to do with the task. A task without a word finds nothing.
    async fn experiences_for(
        &self,
        assignment: &Assignment,
        words: &str,
    ) -> Result<Option<Retrieved>, Error> {
        let wanted = Wanted { query: cut(words, 2_000), kind: None, limit: EXPERIENCES };
        match self.experiences.retrieve(assignment.run.workspace_id, &wanted).await {
            Ok(retrieved) => Ok(Some(retrieved)),
            Err(Error::Invalid { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn told(experience: &Experience) -> Value {
    let structured = &experience.content["structured"];
    let text = experience.content["text"].as_str().unwrap_or_default();
    json!({
        "type": experience.kind.as_str(), "task": structured["task_name"], "status": structured["status"],
        "text": cut(text.trim(), EXPERIENCE_CHARACTERS),
    })
}

/// What others said, as JSON: nothing in it can be taken for ours.
fn quoted(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// The beginning of a text, with what is missing said.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => {
            format!("{}\n… (cut off: {most} of {} characters are shown)", &text[..end], text.chars().count())
        }
        None => text.to_owned(),
    }
}
