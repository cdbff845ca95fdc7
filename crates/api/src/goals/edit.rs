use goalwright_application::{Error, Services};
use goalwright_domain::Violation;
use goalwright_domain::goal::{GoalEdit, GoalId};
use poem_openapi::param::Path;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::GoalBody;
use crate::answer::Found;
use crate::auth::Caller;
use crate::body::Body;
use crate::document::Chapter;
use crate::problem::Problem;
use crate::tag::{IfMatch, Tag};
use crate::values::Moment;

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
}

impl GoalChangesBody {
    fn edit(self) -> Result<GoalEdit, Error> {
        if self.title.is_null() {
            let message = "a goal needs a title; leave the field out to keep the one it has";
            return Err(Error::invalid(vec![Violation::new("title", "required", message)]));
        }
        Ok(GoalEdit {
            title: self.title.take(),
            description: cleared(self.description),
            success_criteria: cleared(self.success_criteria),
            due_at: match self.due_at {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(at) => Some(Some(at.0)),
            },
        })
    }
}

/// The new value: an empty one for null, none where nothing is said.
fn cleared<T: Default>(field: MaybeUndefined<T>) -> Option<T> {
    match field {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(T::default()),
        MaybeUndefined::Value(value) => Some(value),
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
        caller: Caller,
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
}
