use goalwright_application::read::{GoalView, PastGoal, Then};
use goalwright_domain::goal::{DraftGoal, GoalStatus, Origin};
use poem_openapi::Object;
use uuid::Uuid;

use crate::nullable::Nullable;
use crate::values::{Moment, Word};

/// A goal to be stated.
#[derive(Debug, Object)]
#[oai(rename = "NewGoal", deny_unknown_fields)]
pub(crate) struct NewGoalBody {
    /// What is to be achieved.
    title: String,
    /// Details, Markdown.
    description: Option<String>,
    /// How people will know that it is achieved.
    success_criteria: Option<Vec<String>>,
    /// Until when.
    due_at: Option<Moment>,
}

impl From<NewGoalBody> for DraftGoal {
    fn from(body: NewGoalBody) -> Self {
        Self {
            title: body.title,
            description: body.description.unwrap_or_default(),
            success_criteria: body.success_criteria.unwrap_or_default(),
            due_at: body.due_at.map(|at| at.0),
            origin: Origin::default(),
        }
    }
}

/// A goal.
#[derive(Debug, Object)]
#[oai(rename = "Goal")]
pub(crate) struct GoalBody {
    /// Its id.
    id: Uuid,
    /// The tenant.
    workspace_id: Uuid,
    /// What is to be achieved.
    title: String,
    /// Details, Markdown.
    description: String,
    /// How people will know that it is achieved.
    success_criteria: Vec<String>,
    /// Until when.
    due_at: Nullable<Moment>,
    /// Where it stands.
    status: Word<GoalStatus>,
    /// The folder that file tools may touch; null means the workspace's folder in the data directory.
    sandbox: Nullable<String>,
    /// The plan file that it was made from.
    source_path: Nullable<String>,
    /// The user who stated it.
    created_by: Uuid,
    /// Raised with every change; the `ETag`.
    revision: i64,
    /// When it was stated.
    created_at: Moment,
    /// When it last changed.
    updated_at: Moment,
    /// The past moment at which it was so; not there for what it is now.
    #[oai(skip_serializing_if_is_none)]
    as_of: Option<Moment>,
    /// Of the past, the fields whose values were redacted and stand here empty.
    #[oai(skip_serializing_if_is_none)]
    redacted: Option<Vec<String>>,
}

impl From<GoalView> for GoalBody {
    fn from(GoalView { state, revision, updated_at, .. }: GoalView) -> Self {
        PastGoal { state, revision, updated_at }.into()
    }
}

impl From<Then<PastGoal>> for GoalBody {
    fn from(Then { at, what, redacted }: Then<PastGoal>) -> Self {
        Self { as_of: Some(at.into()), redacted: Some(redacted), ..what.into() }
    }
}

impl From<PastGoal> for GoalBody {
    fn from(PastGoal { state, revision, updated_at }: PastGoal) -> Self {
        Self {
            id: state.id.uuid(),
            workspace_id: state.workspace_id.uuid(),
            title: state.title,
            description: state.description,
            success_criteria: state.success_criteria,
            due_at: state.due_at.map(Moment).into(),
            status: Word(state.status),
            sandbox: state.origin.sandbox.into(),
            source_path: state.origin.source_path.into(),
            created_by: state.created_by.uuid(),
            revision,
            created_at: state.created_at.into(),
            updated_at: updated_at.into(),
            as_of: None,
            redacted: None,
        }
    }
}
