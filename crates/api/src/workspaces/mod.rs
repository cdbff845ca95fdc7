//! Workspaces: their settings.

use goalwright_application::workspaces::{Settle, Settled};
use goalwright_application::{Error, Services};
use goalwright_domain::Violation;
use goalwright_domain::model::UnknownModel;
use goalwright_domain::workspace::{SettingsEdit, WorkspaceId};
use poem_openapi::param::Path;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::answer::Found;
use crate::auth::{Admin, Caller, Read};
use crate::body::Body;
use crate::changes::{kept, optional, valid};
use crate::document::Chapter;
use crate::nullable::Nullable;
use crate::problem::Problem;
use crate::tag::{IfMatch, Tag};
use crate::values::Moment;

/// Read and change what workspaces have settled.
pub(crate) struct Settings(pub(crate) Services);

/// What a workspace has settled for itself.
#[derive(Debug, Object)]
#[oai(rename = "WorkspaceSettings")]
pub(crate) struct SettingsBody {
    /// The workspace.
    workspace_id: Uuid,
    /// Who gets what no other agent is meant for.
    default_agent_id: Nullable<Uuid>,
    /// For how many days executions, experiences and events are kept at least; null keeps them for ever. What goes is told by
    /// an event, `ledger.pruned`.
    retention_days: Nullable<u32>,
    /// The model that is asked where nobody names one; null for the one in the settings of the server.
    model: Nullable<String>,
    /// Whether a conversation asks before it does what takes something away for good.
    confirm_destructive: bool,
    /// When it was last changed; null while nothing was settled but the default agent.
    updated_at: Nullable<Moment>,
}

/// What is to be settled otherwise. What is left out stays as it is.
#[derive(Debug, Object)]
#[oai(rename = "WorkspaceSettingsChanges", deny_unknown_fields)]
pub(crate) struct SettingsChangesBody {
    /// Who gets what no other agent is meant for.
    default_agent_id: MaybeUndefined<Uuid>,
    /// For how many days executions, experiences and events are kept at least; null keeps them for ever.
    retention_days: MaybeUndefined<u32>,
    /// The model that is asked where nobody names one, `anthropic/<model>` or `openai/<model>`; null leaves it to the settings
    /// of the server.
    model: MaybeUndefined<String>,
    /// Whether a conversation asks before it does what takes something away for good; null for `true`.
    confirm_destructive: MaybeUndefined<bool>,
}

impl SettingsChangesBody {
    fn settle(self) -> Result<Settle, Error> {
        let mut violations = Vec::new();
        let default_agent = kept("default_agent_id", self.default_agent_id, &mut violations);
        let model = optional(self.model).map(|model| match model.as_deref().map(str::parse) {
            None => None,
            Some(Ok(model)) => Some(model),
            Some(Err(UnknownModel)) => {
                violations.push(Violation::new("model", "unknown_model", UnknownModel.to_string()));
                None
            }
        });
        let edit = SettingsEdit {
            retention_days: optional(self.retention_days),
            model,
            confirm_destructive: optional(self.confirm_destructive).map(|confirm| confirm.unwrap_or(true)),
        };
        valid(Settle { edit, default_agent: default_agent.map(Into::into) }, violations)
    }
}

impl From<Settled> for SettingsBody {
    fn from(Settled { settings, default_agent }: Settled) -> Self {
        Self {
            workspace_id: settings.workspace_id().uuid(),
            default_agent_id: default_agent.map(|agent| agent.uuid()).into(),
            retention_days: settings.state().retention_days.into(),
            model: settings.state().model.as_ref().map(ToString::to_string).into(),
            confirm_destructive: settings.state().confirm_destructive,
            updated_at: settings.updated_at().map(Moment).into(),
        }
    }
}

fn found(settled: Settled) -> Found<SettingsBody> {
    Found { tag: Tag::new(settled.settings.workspace_id(), settled.revision()), body: settled.into() }
}

#[OpenApi(tag = "Chapter::Workspaces")]
impl Settings {
    /// Read a workspace's settings.
    ///
    /// Every member may read them.
    #[oai(path = "/v1/workspaces/:id/settings", method = "get", operation_id = "get_workspace_settings")]
    async fn get(
        &self,
        caller: Caller<Read>,
        /// The workspace's id.
        id: Path<Uuid>,
    ) -> Result<Found<SettingsBody>, Problem> {
        let within = self.0.workspaces.within(&caller.0, WorkspaceId::new(id.0)).await?;
        Ok(found(self.0.workspaces.settings(&within).await?))
    }

    /// Change a workspace's settings.
    ///
    /// Changes what is given and leaves the rest. With `If-Match` only what the caller has read. What is older than
    /// `retention_days` is removed within a day, unless it belongs to something that is worked on.
    #[oai(path = "/v1/workspaces/:id/settings", method = "patch", operation_id = "edit_workspace_settings")]
    async fn edit(
        &self,
        caller: Caller<Admin>,
        /// The workspace's id.
        id: Path<Uuid>,
        if_match: IfMatch,
        body: Body<SettingsChangesBody>,
    ) -> Result<Found<SettingsBody>, Problem> {
        let id = WorkspaceId::new(id.0);
        // Whoever is no member learns nothing about its tags.
        let within = self.0.workspaces.within(&caller.0, id).await?;
        Ok(found(self.0.workspaces.settle(&within, &body.0.settle()?, &if_match.of(id)?).await?))
    }
}
