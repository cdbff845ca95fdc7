//! `experience.search` and `experience.add`.

use std::sync::Arc;

use chrono::SecondsFormat;
use goalwright_application::Error;
use goalwright_application::experiences::{Experiences, MAX_HITS, ToolNote, Wanted};
use goalwright_application::ports::tools::{Reply, ToolFailure};
use goalwright_domain::experience::{Experience, ExperienceType, Note};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::failure::failure;
use super::operation::{Call, done, to_value};

/// Characters of a hit's text.
const SHOWN: usize = 4_000;

/// The types that can be looked for.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Kind {
    Observation,
    Conversation,
    Reflection,
    Belief,
    TaskExecution,
    ChainExecution,
}

impl Kind {
    const fn of_experience(self) -> ExperienceType {
        match self {
            Self::Observation => ExperienceType::Observation,
            Self::Conversation => ExperienceType::Conversation,
            Self::Reflection => ExperienceType::Reflection,
            Self::Belief => ExperienceType::Belief,
            Self::TaskExecution => ExperienceType::TaskExecution,
            Self::ChainExecution => ExperienceType::ChainExecution,
        }
    }
}

/// The types that can be added.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum AddedKind {
    Observation,
    Conversation,
    Reflection,
    Belief,
}

/// Parameters of `experience.search`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchParameters {
    /// What it should have to do with, in words; the first 16 count.
    query: String,
    /// Only experiences of this type.
    r#type: Option<Kind>,
    /// At most so many: 10 unless given, at most 50.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<u64>,
}

/// What was found.
#[derive(Serialize, JsonSchema)]
pub(super) struct Found {
    /// The most relevant first.
    hits: Vec<Hit>,
}

/// An experience that was found.
#[derive(Serialize, JsonSchema)]
pub(super) struct Hit {
    /// Its id.
    id: String,
    /// Its type.
    r#type: String,
    /// What people read of it, up to 4,000 characters.
    text: String,
    /// The slug of its task, if it has one.
    task_slug: Option<String>,
    /// When it began, RFC 3339.
    created_at: String,
}

/// Parameters of `experience.add`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddParameters {
    /// What people read.
    text: String,
    /// `OBSERVATION` unless given.
    r#type: Option<AddedKind>,
    /// Fields of your own.
    structured: Option<Map<String, Value>>,
    /// Ids of experiences that it came from.
    parents: Option<Vec<String>>,
}

/// What was added.
#[derive(Serialize, JsonSchema)]
pub(super) struct Added {
    /// Its id.
    id: String,
}

pub(super) async fn search(
    experiences: Option<Arc<Experiences>>,
    call: Call,
    parameters: SearchParameters,
) -> Result<Reply, ToolFailure> {
    let experiences = experiences.ok_or_else(unavailable)?;
    let wanted = Wanted {
        query: parameters.query,
        kind: parameters.r#type.map(Kind::of_experience),
        limit: parameters.limit.unwrap_or(10).min(MAX_HITS),
    };
    let found = experiences.retrieve(call.workspace, &wanted).await.map_err(refused)?;
    let hits = found.hits.iter().map(Hit::of).collect();
    let result = to_value(Found { hits })?;
    Ok(Reply::Done { result, files_written: Vec::new(), retrieval: Some(found.provenance), script: None })
}

pub(super) async fn add(
    experiences: Option<Arc<Experiences>>,
    call: Call,
    parameters: AddParameters,
) -> Result<Reply, ToolFailure> {
    let experiences = experiences.ok_or_else(unavailable)?;
    let kind = match parameters.r#type {
        None | Some(AddedKind::Observation) => ExperienceType::Observation,
        Some(AddedKind::Conversation) => ExperienceType::Conversation,
        Some(AddedKind::Reflection) => ExperienceType::Reflection,
        Some(AddedKind::Belief) => ExperienceType::Belief,
    };
    let note = Note {
        text: parameters.text,
        structured: parameters.structured.unwrap_or_default(),
        parents: parameters.parents.unwrap_or_default(),
        causes: call.task.iter().map(ToString::to_string).collect(),
        ..Note::default()
    };
    let by = ToolNote { workspace: call.workspace, idempotency_key: &call.idempotency_key };
    done(Added { id: experiences.add_by_tool(by, kind, note).await.map_err(refused)? })
}

impl Hit {
    fn of(experience: &Experience) -> Self {
        let text = experience.content["text"].as_str().unwrap_or_default();
        Self {
            id: experience.id.clone(),
            r#type: experience.kind.as_str().to_owned(),
            text: text.chars().take(SHOWN).collect(),
            task_slug: experience.content["structured"]["task_slug"].as_str().map(str::to_owned),
            created_at: experience.created_at.utc().to_rfc3339_opts(SecondsFormat::Micros, true),
        }
    }
}

fn unavailable() -> ToolFailure {
    failure(
        "ExperiencesUnavailable",
        "there is no store of experiences here; run the task where there is one",
    )
}

fn refused(error: Error) -> ToolFailure {
    let retryable = !matches!(error, Error::Invalid { .. } | Error::NotFound { .. });
    let kind = if retryable { "StorageUnavailable" } else { "InvalidParameters" };
    let message = match &error {
        Error::Invalid { violations, .. } if !violations.is_empty() => {
            let told: Vec<String> =
                violations.iter().map(|one| format!("{}: {}", one.path, one.message)).collect();
            told.join("; ")
        }
        _ => error.to_string(),
    };
    ToolFailure { retryable, ..ToolFailure::new(kind, message) }
}
