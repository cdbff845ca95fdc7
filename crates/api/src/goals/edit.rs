use goalwright_application::{Error, Services};
use goalwright_domain::goal::{GoalEdit, GoalId, GoalStatus};
use poem_openapi::param::Path;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::GoalBody;
use crate::answer::{Deleted, Found};
use crate::auth::{Caller, Write};
use crate::body::Body;
use crate::changes::{cleared, kept, optional, valid};
use crate::document::Chapter;
use crate::problem::Problem;
use crate::tag::{IfMatch, Tag};
use crate::values::{Moment, Word};

/// Change goals.
pub(crate) struct Edit(pub(crate) Services);

/// What is to be changed of a goal. What is left out stays as it is.
#[derive(Debug, Object)]
#[oai(rename = "GoalChanges", deny_unknown_fields)]
pub(crate) struct GoalChangesBody {
    /// What is to be achieved.
    title: MaybeUndefined<String>,
    /// Details, Markdown; null takes them away.
    description: MaybeUndefined<String>,
    /// How people will know that it is achieved; null takes them away.
    success_criteria: MaybeUndefined<Vec<String>>,
    /// Until when; null takes the date away.
    due_at: MaybeUndefined<Moment>,
    /// `draft` and `abandoned` put it to rest: nothing of it is begun any more. `active` lets it go on.
    status: MaybeUndefined<Word<GoalStatus>>,
}

impl GoalChangesBody {
    fn edit(self) -> Result<GoalEdit, Error> {
        let mut violations = Vec::new();
        let edit = GoalEdit {
            title: kept("title", self.title, &mut violations),
            description: cleared(self.description),
            success_criteria: cleared(self.success_criteria),
            due_at: optional(self.due_at).map(|at| at.map(|at| at.0)),
            status: kept("status", self.status, &mut violations).map(|status| status.0),
        };
        valid(edit, violations)
    }
}

#[OpenApi(tag = "Chapter::Goals")]
impl Edit {
    /// Change a goal.
    ///
    /// Changes what is given and leaves the rest. With `If-Match` only the revision that the caller has read.
    #[oai(path = "/v1/goals/:id", method = "patch", operation_id = "edit_goal")]
    async fn edit(
        &self,
        caller: Caller<Write>,
        /// The goal's id.
        id: Path<Uuid>,
        if_match: IfMatch,
        body: Body<GoalChangesBody>,
    ) -> Result<Found<GoalBody>, Problem> {
        let id = GoalId::new(id.0);
        // Whoever has no such goal learns nothing about its tags.
        self.0.goals.get(&caller.0, id).await?;
        let goal = self.0.goals.edit(&caller.0, id, body.0.edit()?, &if_match.of(id)?).await?;
        Ok(Found { tag: Tag::new(id, goal.revision), body: goal.into() })
    }

    /// Delete a goal.
    ///
    /// Its tasks stay, without a goal; so does the record. Refused with `goal_running` while one of its tasks runs.
    #[oai(path = "/v1/goals/:id", method = "delete", operation_id = "delete_goal")]
    async fn delete(
        &self,
        caller: Caller<Write>,
        /// The goal's id.
        id: Path<Uuid>,
        if_match: IfMatch,
    ) -> Result<Deleted, Problem> {
        let id = GoalId::new(id.0);
        self.0.goals.get(&caller.0, id).await?;
        self.0.goals.delete(&caller.0, id, &if_match.of(id)?).await?;
        Ok(Deleted)
    }
}
