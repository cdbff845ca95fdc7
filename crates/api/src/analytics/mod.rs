//! Figures: how well tasks go.

use goalwright_application::Services;
use goalwright_application::analytics::{By, Figures, Report};
use poem_openapi::param::Query;
use poem_openapi::{Object, OpenApi};

use crate::answer::Shown;
use crate::auth::{Caller, Read};
use crate::document::Chapter;
use crate::nullable::Nullable;
use crate::problem::Problem;
use crate::values::{Moment, Word, vocabulary};

vocabulary!(By, "figures by", { Task: "task", Type: "type", Agent: "agent", Tool: "tool", Day: "day" });

/// Make figures.
pub(crate) struct Analytics(pub(crate) Services);

/// How well tasks went.
#[derive(Debug, Object)]
#[oai(rename = "TaskAnalytics")]
struct AnalyticsBody {
    /// From then on.
    from: Moment,
    /// Until before then.
    to: Moment,
    /// Days in their order, all others by how many executions they have.
    items: Vec<FiguresBody>,
    /// Whether all executions were looked at and all groups are told of; if not, ask for a shorter time.
    complete: bool,
}

/// Figures of a group of executions.
#[derive(Debug, Object)]
#[oai(rename = "TaskFigures")]
struct FiguresBody {
    /// The task's or agent's id, the type, the operation or the day; empty where there is none.
    key: String,
    /// The slug of a task.
    name: Nullable<String>,
    /// How many.
    executions: u64,
    /// With a result.
    succeeded: u64,
    /// With a part of the result.
    partial: u64,
    /// With an error.
    failed: u64,
    /// `succeeded / executions`.
    success_rate: f64,
    /// Executions that were not the first attempt.
    retries: u64,
    /// Half of them took no longer.
    duration_p50_ms: i64,
    /// 95 of 100 took no longer.
    duration_p95_ms: i64,
    /// Half of the first attempts waited no longer from being queued to being claimed.
    queue_p50_ms: Nullable<i64>,
    /// 95 of 100 of them waited no longer.
    queue_p95_ms: Nullable<i64>,
    /// What it cost in US dollars; null where no price is known.
    cost_usd: Nullable<f64>,
}

#[OpenApi(tag = "Chapter::Experiences")]
impl Analytics {
    /// How well do tasks go?
    ///
    /// Success, retries, durations and waiting of the executions that began in a stretch of time, at most 92 days: the
    /// last 30 unless said. The newest 100,000 executions are looked at.
    #[oai(path = "/v1/analytics/tasks", method = "get", operation_id = "get_task_analytics")]
    async fn tasks(
        &self,
        caller: Caller<Read>,
        /// What the figures are about; each task unless said.
        by: Query<Option<Word<By>>>,
        /// From then on.
        from: Query<Option<Moment>>,
        /// Until before then.
        to: Query<Option<Moment>>,
    ) -> Result<Shown<AnalyticsBody>, Problem> {
        let by = by.0.map_or(By::Task, |word| word.0);
        let (from, to) = (from.0.map(|moment| moment.0), to.0.map(|moment| moment.0));
        Ok(Shown(self.0.analytics.tasks(&caller.0, by, from, to).await?.into()))
    }
}

impl From<Report> for AnalyticsBody {
    fn from(report: Report) -> Self {
        Self {
            from: report.from.into(),
            to: report.to.into(),
            items: report.items.into_iter().map(FiguresBody::from).collect(),
            complete: report.complete,
        }
    }
}

impl From<Figures> for FiguresBody {
    fn from(figures: Figures) -> Self {
        Self {
            key: figures.key,
            name: figures.name.into(),
            executions: figures.executions,
            succeeded: figures.succeeded,
            partial: figures.partial,
            failed: figures.failed,
            success_rate: figures.success_rate,
            retries: figures.retries,
            duration_p50_ms: figures.duration_p50_ms,
            duration_p95_ms: figures.duration_p95_ms,
            queue_p50_ms: figures.queue_p50_ms.into(),
            queue_p95_ms: figures.queue_p95_ms.into(),
            // No execution calls a model yet, so none has a price.
            cost_usd: None.into(),
        }
    }
}
