//! Versions of what a model is told when it plans.

use goalwright_domain::Violation;
use goalwright_domain::ledger::Fact;
use serde_json::json;

use super::Planning;
use super::prompt::{BUILT_IN, BUILT_IN_TEXT};
use crate::ports::{Prompt, StorageError};
use crate::retrying::retrying;
use crate::{Context, Error};

/// The most characters of a prompt.
pub const PROMPT_LIMIT: usize = 50_000;
/// The most characters of its name.
const NAME_LIMIT: usize = 64;
/// The most versions of a workspace.
const MOST: usize = 500;

impl Planning {
    /// Every version: the one that comes with the product, and those that the workspace wrote, by name.
    ///
    /// # Errors
    /// What storage says.
    pub async fn prompts(&self, context: &Context) -> Result<Vec<Prompt>, Error> {
        let mut all = vec![built_in()];
        all.extend(self.queries.prompts(context.workspace()).await?);
        Ok(all)
    }

    /// The version with this name; the one that comes with the product if nobody names one.
    ///
    /// # Errors
    /// `Invalid` if there is none with this name.
    pub(super) async fn prompt(&self, context: &Context, version: Option<&str>) -> Result<Prompt, Error> {
        let Some(version) = version.filter(|version| *version != BUILT_IN) else { return Ok(built_in()) };
        let found = self.queries.prompt(context.workspace(), version).await?;
        found.ok_or_else(|| {
            let message =
                format!("there is no version `{version}` of the prompt; `GET /v1/prompts` lists them");
            Error::invalid(vec![Violation::new("prompt_version", "unknown_prompt", message)])
        })
    }

    /// Adds a version. It is never changed: other words are another version.
    ///
    /// # Errors
    /// `Invalid` for a name or a text that is none; `Conflict` (`name_taken`) if there is such a version.
    #[tracing::instrument(name = "prompt.add", skip_all, fields(prompt.version = version))]
    pub async fn add_prompt(&self, context: &Context, version: &str, content: &str) -> Result<Prompt, Error> {
        let mut violations = Violation::of_text("content", content, PROMPT_LIMIT);
        if content.trim().is_empty() {
            let message = "what the model is told before it hears of the goal";
            violations.push(Violation::new("content", "required", message));
        }
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if version.is_empty() || version.len() > NAME_LIMIT || !version.chars().all(sound) {
            let message = format!("1 to {NAME_LIMIT} letters, digits, `.`, `_` and `-`");
            violations.push(Violation::new("version", "invalid_name", message));
        }
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        let known = self.queries.prompts(context.workspace()).await?;
        if version == BUILT_IN || known.iter().any(|one| one.version == version) {
            return Err(taken(version));
        }
        if known.len() >= MOST {
            let message = format!("a workspace has at most {MOST} versions of the prompt");
            return Err(Error::invalid(vec![Violation::new("version", "too_many", message)]));
        }
        let added = retrying(|| async {
            let now = self.clock.now();
            let prompt = Prompt {
                version: version.to_owned(),
                content: content.to_owned(),
                created_by: Some(context.principal.user_id),
                created_at: Some(now),
            };
            let unit = self.transactions.begin().await?;
            unit.usage().add_prompt(context.workspace(), &prompt).await.map_err(|error| match error {
                StorageError::Duplicate { .. } => taken(version),
                other => other.into(),
            })?;
            let fact = Fact {
                entity_type: "prompt",
                entity_id: version.to_owned(),
                event_type: "prompt.created",
                changes: json!({"version": {"from": null, "to": version}, "content": {"from": null, "to": content}}),
                metadata: json!({}),
            };
            unit.outbox().append(&context.events(&*self.ids, vec![fact], now)).await?;
            context.remember(&*unit, "prompt", version, now).await?;
            unit.commit().await?;
            Ok::<_, Error>(prompt)
        })
        .await?;
        self.signals.events_appended();
        Ok(added)
    }
}

fn built_in() -> Prompt {
    Prompt {
        version: BUILT_IN.to_owned(),
        content: BUILT_IN_TEXT.to_owned(),
        created_by: None,
        created_at: None,
    }
}

fn taken(version: &str) -> Error {
    let message = format!(
        "there is a version `{version}` of the prompt already, and versions are never changed; choose another name"
    );
    Error::Conflict { code: "name_taken", message }
}
