use goalwright_application::selection::LeftOut;
use goalwright_application::tasks::{Ending, Next, Readiness};
use goalwright_application::{Context, Services};
use goalwright_domain::task::TaskId;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::bodies::TaskBody;
use crate::answer::{Found, Shown};
use crate::auth::{Caller, Read, Write};
use crate::body::Body;
use crate::document::Chapter;
use crate::nullable::Nullable;
use crate::problem::Problem;
use crate::tag::Tag;

/// Decide about tasks.
pub(crate) struct Decide(pub(crate) Services);

/// To whom a task is given.
#[derive(Debug, Object)]
#[oai(rename = "Assign", deny_unknown_fields)]
pub(crate) struct AssignBody {
    /// An active agent that can perform the task's action.
    agent_id: Uuid,
}

/// Why a task is ended.
#[derive(Debug, Object)]
#[oai(rename = "EndTask", deny_unknown_fields)]
pub(crate) struct EndBody {
    /// In words, for the record; at most 1,000 characters.
    reason: Option<String>,
}

/// Whether a task can be worked on.
#[derive(Debug, Object)]
#[oai(rename = "Readiness")]
pub(crate) struct ReadinessBody {
    /// Nothing is in the way.
    ready: bool,
    /// Everything that is.
    failures: Vec<UnreadyBody>,
}

/// One thing that is in the way of a task.
#[derive(Debug, Object)]
#[oai(rename = "ReadinessFailure")]
pub(crate) struct UnreadyBody {
    /// `no_agent`, `goal_not_active`, `resource_missing`, `dependency_cycle`, `dependencies_open`, `not_open`.
    code: String,
    /// In words, with what to do.
    message: String,
    /// The tasks, the agent or the goal that it is about.
    related: Vec<Uuid>,
}

/// What to work on now.
#[derive(Debug, Object)]
#[oai(rename = "NextTask")]
pub(crate) struct NextBody {
    /// The task; null if there is nothing that a person could do now.
    task: Nullable<TaskBody>,
    /// Why this one, or why none.
    reason: ReasonBody,
    /// Open tasks that nobody can be asked to do now, by what is in their way.
    left_out: Vec<LeftOutBody>,
}

/// Why a task is next, or why none is.
#[derive(Debug, Object)]
#[oai(rename = "NextReason")]
pub(crate) struct ReasonBody {
    /// `waiting_for_person`, `highest_priority`, `unblocks_most`, `oldest`, `only_one`; `nothing_to_do`, `all_blocked`,
    /// `scheduled_later`, `in_progress` where there is none.
    code: String,
    /// In words.
    message: String,
}

/// Open tasks that were left out for one reason.
#[derive(Debug, Object)]
#[oai(rename = "LeftOut")]
pub(crate) struct LeftOutBody {
    /// `unassigned`, `dependencies_open`, `goal_not_active`, `scheduled_later`, `waiting_for_person`, `in_progress`,
    /// `with_workers`; to a worker that claims also `other_queue`, `other_types`, `agent_busy`, `claimable_now`.
    code: String,
    /// In words, with what to do.
    message: String,
    /// How many tasks; there may be more where it is 200.
    count: i64,
}

impl From<LeftOut> for LeftOutBody {
    fn from(from: LeftOut) -> Self {
        Self { code: from.code.to_owned(), message: from.message, count: from.count }
    }
}

impl From<Readiness> for ReadinessBody {
    fn from(from: Readiness) -> Self {
        let failures = from.failures.into_iter().map(|failure| UnreadyBody {
            code: failure.code.to_owned(),
            message: failure.message,
            related: failure.related,
        });
        Self { ready: from.ready, failures: failures.collect() }
    }
}

impl From<Next> for NextBody {
    fn from(from: Next) -> Self {
        Self {
            task: from.task.map(TaskBody::from).into(),
            reason: ReasonBody { code: from.reason.code.to_owned(), message: from.reason.message },
            left_out: from.left_out.into_iter().map(Into::into).collect(),
        }
    }
}

#[OpenApi(tag = "Chapter::Tasks")]
impl Decide {
    /// Ask what to do next.
    ///
    /// What a person should work on now: first what waits for a person, then what is most urgent, then what most others
    /// wait for, then what is oldest. The reason is told, and what is left out for which reason.
    #[oai(path = "/v1/tasks/next", method = "get", operation_id = "next_task")]
    async fn next(
        &self,
        caller: Caller<Read>,
        /// Only tasks of this goal.
        goal_id: Query<Option<Uuid>>,
    ) -> Result<Shown<NextBody>, Problem> {
        let next = self.0.tasks.next(&caller.0, goal_id.0.map(Into::into)).await?;
        Ok(Shown(next.into()))
    }

    /// Ask whether a task can be worked on.
    ///
    /// Names everything that is in its way, at once.
    #[oai(path = "/v1/tasks/:id/readiness", method = "get", operation_id = "get_task_readiness")]
    async fn readiness(
        &self,
        caller: Caller<Read>,
        /// The task's id.
        id: Path<Uuid>,
    ) -> Result<Shown<ReadinessBody>, Problem> {
        Ok(Shown(self.0.tasks.readiness(&caller.0, id.0.into()).await?.into()))
    }

    /// Assign a task.
    ///
    /// Gives a pending or ready task to an agent. One that waits for nothing becomes ready.
    #[oai(path = "/v1/tasks/:id/assign", method = "post", operation_id = "assign_task")]
    async fn assign(
        &self,
        caller: Caller<Write>,
        /// The task's id.
        id: Path<Uuid>,
        body: Body<AssignBody>,
    ) -> Result<Found<TaskBody>, Problem> {
        let id = TaskId::new(id.0);
        let task = self.0.tasks.assign(&caller.0, id, body.0.agent_id.into()).await?;
        Ok(Found { tag: Tag::new(id, task.revision), body: task.into() })
    }

    /// Cancel a task.
    ///
    /// It is given up, for good. What waits for it stays blocked, visibly; take the dependency away to let it go on.
    #[oai(path = "/v1/tasks/:id/cancel", method = "post", operation_id = "cancel_task")]
    async fn cancel(
        &self,
        caller: Caller<Write>,
        /// The task's id.
        id: Path<Uuid>,
        body: Body<EndBody>,
    ) -> Result<Found<TaskBody>, Problem> {
        self.end(&caller.0, id.0, Ending::Cancelled, body.0).await
    }

    /// Skip a task.
    ///
    /// It is left out, for good. What waits for it need not wait any longer.
    #[oai(path = "/v1/tasks/:id/skip", method = "post", operation_id = "skip_task")]
    async fn skip(
        &self,
        caller: Caller<Write>,
        /// The task's id.
        id: Path<Uuid>,
        body: Body<EndBody>,
    ) -> Result<Found<TaskBody>, Problem> {
        self.end(&caller.0, id.0, Ending::Skipped, body.0).await
    }
}

impl Decide {
    async fn end(
        &self,
        context: &Context,
        id: Uuid,
        ending: Ending,
        body: EndBody,
    ) -> Result<Found<TaskBody>, Problem> {
        let id = TaskId::new(id);
        let reason = body.reason.unwrap_or_default();
        let task = self.0.tasks.end(context, id, ending, &reason).await?;
        Ok(Found { tag: Tag::new(id, task.revision), body: task.into() })
    }
}
