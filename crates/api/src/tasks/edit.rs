use goalwright_application::{Error, Services};
use goalwright_domain::execution::OnExhausted;
use goalwright_domain::task::{TaskEdit, TaskId};
use poem_openapi::param::Path;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::action::ActionBody;
use super::bodies::TaskBody;
use super::retry::RetryBody;
use super::schedule::ScheduleBody;
use crate::answer::{Deleted, Found};
use crate::auth::{Caller, Write};
use crate::body::Body;
use crate::changes::{cleared, kept, optional, valid};
use crate::document::Chapter;
use crate::problem::Problem;
use crate::tag::{IfMatch, Tag};
use crate::values::{Moment, Word};

/// Change tasks.
pub(crate) struct Edit(pub(crate) Services);

/// What is to be changed of a task. What is left out stays as it is; null takes away what can be taken away.
#[derive(Debug, Object)]
#[oai(rename = "TaskChanges", deny_unknown_fields)]
pub(crate) struct TaskChangesBody {
    /// What is to be done.
    title: MaybeUndefined<String>,
    /// The goal it serves.
    goal_id: MaybeUndefined<Uuid>,
    /// Its name in the goal.
    key: MaybeUndefined<String>,
    /// Its name in the workspace.
    slug: MaybeUndefined<String>,
    /// Details, Markdown.
    description: MaybeUndefined<String>,
    /// Matched with the agents' capabilities.
    task_type: MaybeUndefined<String>,
    /// Higher first.
    priority: MaybeUndefined<i32>,
    /// What to do, if it is more than words.
    action: MaybeUndefined<ActionBody>,
    /// Free words.
    labels: MaybeUndefined<Vec<String>>,
    /// Independent of its neighbours.
    parallel: MaybeUndefined<bool>,
    /// Expected effort.
    estimate_minutes: MaybeUndefined<u32>,
    /// 1 (trivial) to 10.
    complexity: MaybeUndefined<u32>,
    /// Why it is that complex.
    complexity_reason: MaybeUndefined<String>,
    /// Attempts in all before it fails.
    max_attempts: MaybeUndefined<u32>,
    /// When it is tried again; null for the usual delays.
    retry: MaybeUndefined<RetryBody>,
    /// What becomes of it when it is not tried again; null for `fail`.
    on_exhausted: MaybeUndefined<Word<OnExhausted>>,
    /// When it is meant to run.
    scheduled_at: MaybeUndefined<Moment>,
    /// When it recurs, from now on; null for no longer. A time that has fired does not fire again.
    schedule: MaybeUndefined<ScheduleBody>,
}

/// What a task waits for.
#[derive(Debug, Object)]
#[oai(rename = "Dependencies", deny_unknown_fields)]
pub(crate) struct DependenciesBody {
    /// All tasks that it waits for from now on; at most 1,000.
    depends_on: Vec<Uuid>,
}

impl TaskChangesBody {
    fn edit(self) -> Result<TaskEdit, Error> {
        let mut violations = Vec::new();
        let action = match optional(self.action) {
            Some(Some(action)) => match action.action() {
                Ok(action) => Some(Some(action)),
                Err(more) => {
                    violations.extend(more);
                    None
                }
            },
            Some(None) => Some(None),
            None => None,
        };
        let schedule = match optional(self.schedule) {
            Some(Some(schedule)) => match schedule.schedule() {
                Ok(schedule) => Some(Some(schedule)),
                Err(more) => {
                    violations.extend(more);
                    None
                }
            },
            Some(None) => Some(None),
            None => None,
        };
        let edit = TaskEdit {
            title: kept("title", self.title, &mut violations),
            description: cleared(self.description),
            labels: cleared(self.labels),
            priority: cleared(self.priority),
            parallel: cleared(self.parallel),
            estimate_minutes: optional(self.estimate_minutes),
            // What does not fit is out of the range that the domain names.
            complexity: optional(self.complexity)
                .map(|given| given.map(|given| u8::try_from(given).unwrap_or(u8::MAX))),
            complexity_reason: optional(self.complexity_reason),
            slug: kept("slug", self.slug, &mut violations),
            key: optional(self.key),
            goal_id: optional(self.goal_id).map(|goal| goal.map(Into::into)),
            task_type: kept("task_type", self.task_type, &mut violations),
            action,
            max_attempts: kept("max_attempts", self.max_attempts, &mut violations),
            retry: optional(self.retry).map(|retry| retry.map(Into::into)),
            on_exhausted: optional(self.on_exhausted).map(|word| word.map(|word| word.0).unwrap_or_default()),
            scheduled_at: optional(self.scheduled_at).map(|at| at.map(|at| at.0)),
            schedule,
        };
        valid(edit, violations)
    }
}

#[OpenApi(tag = "Chapter::Tasks")]
impl Edit {
    /// Change a task.
    ///
    /// Changes what is given and leaves the rest. What concerns how it is performed cannot be changed once it is done or
    /// waits for a person's work; after a failure, or while a person decides what follows, it can, and `retry` goes on with
    /// it. Nothing can be changed while a worker holds it.
    #[oai(path = "/v1/tasks/:id", method = "patch", operation_id = "edit_task")]
    async fn edit(
        &self,
        caller: Caller<Write>,
        /// The task's id.
        id: Path<Uuid>,
        if_match: IfMatch,
        body: Body<TaskChangesBody>,
    ) -> Result<Found<TaskBody>, Problem> {
        let id = TaskId::new(id.0);
        // Whoever has no such task learns nothing about its tags.
        self.0.tasks.get(&caller.0, id).await?;
        let task = self.0.tasks.edit(&caller.0, id, body.0.edit()?, &if_match.of(id)?).await?;
        Ok(Found { tag: Tag::new(id, task.revision), body: task.into() })
    }

    /// Delete a task.
    ///
    /// What waited for it waits for one less. Its executions and its experiences stay.
    #[oai(path = "/v1/tasks/:id", method = "delete", operation_id = "delete_task")]
    async fn delete(
        &self,
        caller: Caller<Write>,
        /// The task's id.
        id: Path<Uuid>,
        if_match: IfMatch,
    ) -> Result<Deleted, Problem> {
        let id = TaskId::new(id.0);
        self.0.tasks.get(&caller.0, id).await?;
        self.0.tasks.delete(&caller.0, id, &if_match.of(id)?).await?;
        Ok(Deleted)
    }

    /// Replace what a task waits for.
    ///
    /// A ready task with an open dependency is pending again. Tasks that would wait for each other in a circle are refused
    /// with `dependency_cycle`, which names the circle.
    #[oai(path = "/v1/tasks/:id/dependencies", method = "put", operation_id = "set_dependencies")]
    async fn depend(
        &self,
        caller: Caller<Write>,
        /// The task's id.
        id: Path<Uuid>,
        if_match: IfMatch,
        body: Body<DependenciesBody>,
    ) -> Result<Found<TaskBody>, Problem> {
        let id = TaskId::new(id.0);
        self.0.tasks.get(&caller.0, id).await?;
        let on: Vec<TaskId> = body.0.depends_on.into_iter().map(Into::into).collect();
        let task = self.0.tasks.depend(&caller.0, id, &on, &if_match.of(id)?).await?;
        Ok(Found { tag: Tag::new(id, task.revision), body: task.into() })
    }
}
