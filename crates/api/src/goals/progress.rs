use goalwright_application::Services;
use goalwright_domain::goal::TaskCounts;
use goalwright_domain::progress::{Progress as Figures, Reason};
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::answer::Shown;
use crate::auth::{Caller, Read};
use crate::document::Chapter;
use crate::problem::Problem;
use crate::values::Moment;

/// Tell how far goals are.
pub(crate) struct Progress(pub(crate) Services);

/// How far a goal is, and why it is not further.
#[derive(Debug, Object)]
#[oai(rename = "Progress")]
pub(crate) struct ProgressBody {
    /// The goal.
    goal_id: Uuid,
    /// Whether the figures can be relied upon; if not, `errors` says why.
    valid: bool,
    /// `completed / total × 100`.
    percentage: f64,
    /// Completed tasks.
    completed: i64,
    /// Tasks that count: all but the cancelled and skipped.
    total: i64,
    /// Tasks by status.
    by_status: CountsBody,
    /// Why it stands where it stands.
    reasons: Vec<ReasonBody>,
    /// What makes the figures unreliable.
    errors: Vec<ReasonBody>,
    /// When this was computed.
    calculated_at: Moment,
    /// Raised with every change of a figure. Of a past moment, how often tasks of the goal had changed.
    revision: i64,
    /// The past moment at which it was so; not there for what it is now.
    #[oai(skip_serializing_if_is_none)]
    as_of: Option<Moment>,
}

/// Tasks by status.
#[derive(Debug, Object)]
#[oai(rename = "TaskCounts")]
pub(crate) struct CountsBody {
    /// Waiting for dependencies or an agent.
    pending: i64,
    /// Can be claimed.
    ready: i64,
    /// Being worked on.
    running: i64,
    /// Waiting for a person or a moment.
    waiting: i64,
    /// Done.
    completed: i64,
    /// Tried without success.
    failed: i64,
    /// Given up.
    cancelled: i64,
    /// Left out.
    skipped: i64,
}

/// A reason, with what can be done about it.
#[derive(Debug, Object)]
#[oai(rename = "Reason")]
pub(crate) struct ReasonBody {
    /// Stable.
    code: String,
    /// In words.
    message: String,
    /// How many tasks it concerns.
    count: i64,
    /// The first 20 of them.
    task_ids: Vec<Uuid>,
    /// What to do.
    mend: String,
}

#[OpenApi(tag = "Chapter::Goals")]
impl Progress {
    /// How far is a goal?
    ///
    /// The share of completed tasks, and the reasons why it is not larger. With `as_of` as it was at that moment, counted
    /// from the ledger; which tools and agents there were then is not known.
    #[oai(path = "/v1/goals/:id/progress", method = "get", operation_id = "get_goal_progress")]
    async fn progress(
        &self,
        caller: Caller<Read>,
        /// The goal's id.
        id: Path<Uuid>,
        /// A moment that is over: the progress as it was then.
        as_of: Query<Option<Moment>>,
    ) -> Result<Shown<ProgressBody>, Problem> {
        if let Some(at) = as_of.0 {
            let then = self.0.goals.progress_as_of(&caller.0, id.0.into(), at.0).await?;
            return Ok(Shown(ProgressBody { as_of: Some(then.at.into()), ..then.what.into() }));
        }
        Ok(Shown(self.0.goals.progress(&caller.0, id.0.into()).await?.into()))
    }
}

impl From<Figures> for ProgressBody {
    fn from(from: Figures) -> Self {
        Self {
            goal_id: from.goal_id.uuid(),
            valid: from.valid,
            percentage: from.percentage,
            completed: from.completed,
            total: from.total,
            by_status: from.by_status.into(),
            reasons: from.reasons.into_iter().map(ReasonBody::from).collect(),
            errors: from.errors.into_iter().map(ReasonBody::from).collect(),
            calculated_at: from.calculated_at.into(),
            revision: from.revision,
            as_of: None,
        }
    }
}

impl From<TaskCounts> for CountsBody {
    fn from(counts: TaskCounts) -> Self {
        let TaskCounts { pending, ready, running, waiting, completed, failed, cancelled, skipped } = counts;
        Self { pending, ready, running, waiting, completed, failed, cancelled, skipped }
    }
}

impl From<Reason> for ReasonBody {
    fn from(reason: Reason) -> Self {
        Self {
            code: reason.code.to_owned(),
            message: reason.message,
            count: reason.count,
            task_ids: reason.task_ids.into_iter().map(|id| id.uuid()).collect(),
            mend: reason.mend,
        }
    }
}
