//! What a model is told first about a task.

use std::collections::HashMap;
use std::fmt::Write as _;

use goalwright_domain::agent::Profile;
use goalwright_domain::canonical;
use goalwright_domain::execution::{Action, Opening};
use goalwright_domain::experience::{Experience, ExperienceType, result_text};
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

    /// What the model is told first. Experiences are looked up only if there is no dialogue with this digest yet.
    pub(super) async fn opening(
        &self,
        assignment: &Assignment,
        (profile, model): (&Profile, &ModelName),
        toolbox: &Toolbox,
        words: &str,
        known: Option<&Opening>,
    ) -> Result<Option<Opening>, Error> {
        let mut system = RULES.trim_end().to_owned();
        if !profile.instructions.trim().is_empty() {
            let _ = write!(system, "\n\n{}", profile.instructions.trim());
        }
        let mut message = self.goal_of(assignment).await?;
        let _ = write!(message, "Your task:\n\n{words}\n");
        message.push_str(&self.earlier_results(assignment).await?);
        let specs = toolbox.specs();
        let digest = canonical::digest(&json!({
            "model": model, "system": system, "tools": specs, "message": message,
        }));
        if known.is_some_and(|known| known.digest == digest) {
            return Ok(None);
        }
        let retrieved = self.experiences_for(assignment, words).await?;
        if let Some(retrieved) = &retrieved
            && !retrieved.hits.is_empty()
        {
            message.push_str("\nEarlier experiences that may have to do with it:\n");
            for experience in &retrieved.hits {
                let _ = write!(message, "\n- {}", told(experience));
            }
            message.push('\n');
        }
        Ok(Some(Opening {
            digest,
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
        let mut text = "\nResults of the tasks before it:\n".to_owned();
        let mut left = RESULTS_CHARACTERS;
        for state in ids.iter().filter_map(|id| by_id.get(id)) {
            let key = state.key.as_deref().map(|key| format!("{key} ")).unwrap_or_default();
            let result = state.result.as_ref().map(result_text).unwrap_or_default();
            let shown = cut(&result, RESULT_CHARACTERS.min(left));
            left = left.saturating_sub(shown.chars().count());
            let _ = write!(
                text,
                "\n### {key}{}\n\n{}\n",
                state.title,
                if shown.is_empty() { "(none)" } else { &shown }
            );
        }
        Ok(text)
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

fn told(experience: &Experience) -> String {
    let structured = &experience.content["structured"];
    let name = structured["task_name"].as_str().map(|name| format!("`{name}`: ")).unwrap_or_default();
    let how = match (experience.kind, structured["status"].as_str()) {
        (ExperienceType::TaskExecution, Some(status)) => format!(" ({status})"),
        _ => String::new(),
    };
    let text = experience.content["text"].as_str().unwrap_or_default();
    format!("{}{how}: {name}{}", experience.kind.as_str(), cut(text.trim(), EXPERIENCE_CHARACTERS))
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
