//! What a workspace has settled for itself.

use serde::{Deserialize, Serialize};

use super::WorkspaceId;
use crate::ledger::Fact;
use crate::model::ModelName;
use crate::{Timestamp, Violation};

/// The most days that can be asked for: a hundred years.
pub const RETENTION_LIMIT: u32 = 36_500;

/// Everything that is settled. A new setting is a field here, and has an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SettingsState {
    /// For how many days what was executed, and what the ledger tells, is kept at least; none for ever.
    pub retention_days: Option<u32>,
    /// The model that is asked where nobody names one; none for the one that the operator set.
    pub model: Option<ModelName>,
    /// Whether a conversation asks a person before it does what takes something away for good.
    pub confirm_destructive: bool,
}

impl Default for SettingsState {
    /// Everything is kept, the operator's model is asked, and nothing is taken away without asking.
    fn default() -> Self {
        Self { retention_days: None, model: None, confirm_destructive: true }
    }
}

/// What somebody wants settled otherwise; what is none stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettingsEdit {
    /// See [`SettingsState::retention_days`]; none inside keeps everything.
    pub retention_days: Option<Option<u32>>,
    /// See [`SettingsState::model`]; none inside leaves it to the operator.
    pub model: Option<Option<ModelName>>,
    /// See [`SettingsState::confirm_destructive`].
    pub confirm_destructive: Option<bool>,
}

/// The settings of a workspace, with the facts that changes of them left.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    workspace_id: WorkspaceId,
    state: SettingsState,
    revision: i64,
    updated_at: Option<Timestamp>,
    facts: Vec<Fact>,
}

impl Settings {
    /// Of a workspace that has settled nothing.
    pub fn usual(workspace_id: WorkspaceId) -> Self {
        Self {
            workspace_id,
            state: SettingsState::default(),
            revision: 0,
            updated_at: None,
            facts: Vec::new(),
        }
    }

    /// Trusts storage.
    pub fn rehydrate(
        workspace_id: WorkspaceId,
        state: SettingsState,
        revision: i64,
        updated_at: Timestamp,
    ) -> Self {
        Self { workspace_id, state, revision, updated_at: Some(updated_at), facts: Vec::new() }
    }

    /// All of them.
    pub const fn state(&self) -> &SettingsState {
        &self.state
    }

    /// Whose they are.
    pub const fn workspace_id(&self) -> WorkspaceId {
        self.workspace_id
    }

    /// How often they were changed.
    pub const fn revision(&self) -> i64 {
        self.revision
    }

    /// When they last were.
    pub const fn updated_at(&self) -> Option<Timestamp> {
        self.updated_at
    }

    /// The facts since they were loaded; they are taken out.
    pub fn take_facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.facts)
    }

    /// Changes what is given. What is the same already changes nothing, and leaves no fact.
    ///
    /// # Errors
    /// Every violation at once.
    pub fn edit(&mut self, edit: SettingsEdit, now: Timestamp) -> Result<(), Vec<Violation>> {
        let edited = SettingsState {
            retention_days: edit.retention_days.unwrap_or(self.state.retention_days),
            model: edit.model.unwrap_or_else(|| self.state.model.clone()),
            confirm_destructive: edit.confirm_destructive.unwrap_or(self.state.confirm_destructive),
        };
        if edited.retention_days.is_some_and(|days| days == 0 || days > RETENTION_LIMIT) {
            let message = format!("1 to {RETENTION_LIMIT} days, or null to keep everything for ever");
            return Err(vec![Violation::new("retention_days", "out_of_range", message)]);
        }
        if edited == self.state {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.state, edited);
        self.revision += 1;
        self.updated_at = Some(now);
        let event = "workspace.settings_changed";
        self.facts.push(Fact::changed("workspace", event, self.workspace_id, &before, &self.state));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_differs_is_changed_and_told() {
        let now = "2026-01-01T00:00:00Z".parse().expect("a moment");
        let mut settings = Settings::usual(WorkspaceId::new(Uuid::from_u128(1)));
        let days = |days| SettingsEdit { retention_days: Some(days), ..SettingsEdit::default() };
        settings.edit(days(None), now).expect("the same");
        assert_eq!((settings.revision(), settings.take_facts()), (0, vec![]));
        settings.edit(days(Some(90)), now).expect("fits");
        let facts = settings.take_facts();
        assert_eq!(facts[0].changes, json!({"retention_days": {"from": null, "to": 90}}));
        assert_eq!((settings.revision(), settings.updated_at()), (1, Some(now)));
        for wrong in [0, RETENTION_LIMIT + 1] {
            let refused = settings.edit(days(Some(wrong)), now).expect_err("out of range");
            assert_eq!(refused[0].path, "retention_days");
        }
        assert_eq!(settings.state().retention_days, Some(90));
        let model = "anthropic/claude-sonnet-4-5".parse().ok();
        let edit = SettingsEdit { model: Some(model.clone()), ..SettingsEdit::default() };
        settings.edit(edit, now).expect("fits");
        let told = json!({"model": {"from": null, "to": "anthropic/claude-sonnet-4-5"}});
        assert_eq!(settings.take_facts()[0].changes, told);
        assert_eq!((settings.state().retention_days, &settings.state().model), (Some(90), &model));
        assert!(settings.state().confirm_destructive, "unless somebody says otherwise");
        let edit = SettingsEdit { confirm_destructive: Some(false), ..SettingsEdit::default() };
        settings.edit(edit, now).expect("fits");
        assert_eq!(
            settings.take_facts()[0].changes,
            json!({"confirm_destructive": {"from": true, "to": false}})
        );
    }
}
