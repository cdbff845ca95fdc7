//! How well tasks go: figures over the executions of a stretch of time.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::Duration;
use goalwright_domain::{Timestamp, Violation};

use crate::experiences::Experiences;
use crate::ports::Clock;
use crate::read::{ExecutionStatus, Measured, Queries};
use crate::{Context, Error};

/// The longest stretch of time, in days.
pub const MAX_DAYS: i64 = 92;
/// The stretch of time unless asked otherwise, in days.
pub const DEFAULT_DAYS: i64 = 30;
/// At most so many executions are looked at, the newest.
pub const MAX_EXECUTIONS: u64 = 100_000;
/// At most so many groups are told of, those with most executions.
pub const MAX_GROUPS: usize = 200;

/// What figures are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Each task.
    Task,
    /// Each type of tasks.
    Type,
    /// Each agent.
    Agent,
    /// Each operation of a tool.
    Tool,
    /// Each day, in UTC.
    Day,
}

/// Figures of a group of executions.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// The task's or agent's id, the type, the operation or the day.
    pub key: String,
    /// The slug of a task.
    pub name: Option<String>,
    /// How many.
    pub executions: u64,
    /// With a result.
    pub succeeded: u64,
    /// With a part of the result.
    pub partial: u64,
    /// With an error.
    pub failed: u64,
    /// `succeeded / executions`.
    pub success_rate: f64,
    /// Executions that were not the first attempt.
    pub retries: u64,
    /// Half of them took no longer, in milliseconds.
    pub duration_p50_ms: i64,
    /// 95 of 100 took no longer, in milliseconds.
    pub duration_p95_ms: i64,
    /// Half of the first attempts waited no longer from being queued to being claimed; none where nobody knows.
    pub queue_p50_ms: Option<i64>,
    /// 95 of 100 of them waited no longer.
    pub queue_p95_ms: Option<i64>,
}

/// Figures over a stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// From then on.
    pub from: Timestamp,
    /// Until before then.
    pub to: Timestamp,
    /// Days in their order, all others by how many executions they have.
    pub items: Vec<Figures>,
    /// Whether all executions were looked at and all groups are told of.
    pub complete: bool,
}

/// Makes figures.
pub struct Analytics {
    experiences: Arc<Experiences>,
    queries: Arc<dyn Queries>,
    clock: Arc<dyn Clock>,
}

impl Analytics {
    /// Over these.
    pub fn new(experiences: Arc<Experiences>, queries: Arc<dyn Queries>, clock: Arc<dyn Clock>) -> Self {
        Self { experiences, queries, clock }
    }

    /// How well tasks went. Costs what the stretch of time has of executions, up to [`MAX_EXECUTIONS`].
    ///
    /// # Errors
    /// `Invalid` if the stretch of time ends before it begins or is too long.
    #[tracing::instrument(name = "analytics.tasks", skip_all)]
    pub async fn tasks(
        &self,
        context: &Context,
        by: By,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<Report, Error> {
        // What starts at this very moment counts.
        let to = to.unwrap_or_else(|| Timestamp::new(self.clock.now().utc() + Duration::milliseconds(1)));
        let from = from.unwrap_or_else(|| Timestamp::new(to.utc() - Duration::days(DEFAULT_DAYS)));
        if from >= to {
            let message = "ends before it begins; give a `to` that is later than `from`";
            return Err(Error::invalid(vec![Violation::new("to", "out_of_range", message)]));
        }
        if to.utc() - from.utc() > Duration::days(MAX_DAYS) {
            let message = format!("more than {MAX_DAYS} days; ask for a shorter time");
            return Err(Error::invalid(vec![Violation::new("from", "out_of_range", message)]));
        }
        self.experiences.catch_up().await;
        let measured = self.queries.measured(context.workspace(), from, to, MAX_EXECUTIONS + 1).await?;
        let all = u64::try_from(measured.len()).unwrap_or(u64::MAX) <= MAX_EXECUTIONS;
        let mut items = figures(by, &measured);
        let told = items.len() <= MAX_GROUPS;
        items.truncate(MAX_GROUPS);
        Ok(Report { from, to, items, complete: all && told })
    }
}

/// The figures of each group.
fn figures(by: By, measured: &[Measured]) -> Vec<Figures> {
    let mut groups: BTreeMap<String, Vec<&Measured>> = BTreeMap::new();
    for one in measured {
        groups.entry(key(by, one)).or_default().push(one);
    }
    let mut items: Vec<Figures> = groups.into_iter().map(|(key, group)| of_group(by, key, &group)).collect();
    if by != By::Day {
        items.sort_by(|a, b| b.executions.cmp(&a.executions).then_with(|| a.key.cmp(&b.key)));
    }
    items
}

fn key(by: By, one: &Measured) -> String {
    match by {
        By::Task => one.task_id.clone(),
        By::Type => one.task_type.clone(),
        By::Agent => one.agent_id.map(|agent| agent.to_string()).unwrap_or_default(),
        By::Tool => one.tool.clone().unwrap_or_default(),
        By::Day => one.started_at.utc().format("%Y-%m-%d").to_string(),
    }
}

fn of_group(by: By, key: String, group: &[&Measured]) -> Figures {
    let count =
        |status| u64::try_from(group.iter().filter(|one| one.status == status).count()).unwrap_or(u64::MAX);
    let executions = u64::try_from(group.len()).unwrap_or(u64::MAX);
    let succeeded = count(ExecutionStatus::Success);
    let durations: Vec<i64> = group.iter().map(|one| one.duration_ms).collect();
    let waits: Vec<i64> =
        group.iter().filter_map(|one| Some(one.started_at.millis_since(one.queued_at?))).collect();
    Figures {
        name: if by == By::Task { group.first().map(|one| one.task_slug.clone()) } else { None },
        key,
        executions,
        succeeded,
        partial: count(ExecutionStatus::Partial),
        failed: count(ExecutionStatus::Failed),
        success_rate: succeeded as f64 / executions.max(1) as f64,
        retries: u64::try_from(group.iter().filter(|one| one.attempt > 1).count()).unwrap_or(u64::MAX),
        duration_p50_ms: percentile(&durations, 50).unwrap_or(0),
        duration_p95_ms: percentile(&durations, 95).unwrap_or(0),
        queue_p50_ms: percentile(&waits, 50),
        queue_p95_ms: percentile(&waits, 95),
    }
}

/// The least of the values that is not below `percent` of them: one that is there, not one in between.
fn percentile(values: &[i64], percent: usize) -> Option<i64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_are_there() {
        assert_eq!(percentile(&[], 50), None);
        assert_eq!(percentile(&[7], 95), Some(7));
        assert_eq!(percentile(&[4, 1, 3, 2], 50), Some(2));
        let hundred: Vec<i64> = (1..=100).rev().collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 95)), (Some(50), Some(95)));
    }

    #[test]
    fn groups_are_counted() {
        let at: Timestamp = "2026-01-02T00:00:00Z".parse().expect("a time");
        let one = |slug: &str, status, attempt, duration_ms| Measured {
            task_id: format!("id of {slug}"),
            task_slug: slug.to_owned(),
            task_type: "tool".to_owned(),
            agent_id: None,
            tool: Some("time.now".to_owned()),
            status,
            attempt,
            duration_ms,
            queued_at: (attempt == 1).then_some(at),
            started_at: at,
        };
        use ExecutionStatus::{Failed, Partial, Success};
        let all = [
            one("a", Failed, 1, 10),
            one("a", Success, 2, 30),
            one("a", Partial, 1, 20),
            one("b", Success, 1, 5),
        ];
        let by_task = figures(By::Task, &all);
        assert_eq!(by_task.iter().map(|one| one.name.as_deref()).collect::<Vec<_>>(), [Some("a"), Some("b")]);
        let a = &by_task[0];
        assert_eq!((a.executions, a.succeeded, a.partial, a.failed, a.retries), (3, 1, 1, 1, 1));
        assert_eq!((a.duration_p50_ms, a.duration_p95_ms, a.queue_p50_ms), (20, 30, Some(0)));
        assert!((a.success_rate - 1.0 / 3.0).abs() < 1e-9);
        for (by, key) in
            [(By::Type, "tool"), (By::Tool, "time.now"), (By::Day, "2026-01-02"), (By::Agent, "")]
        {
            let figures = figures(by, &all);
            assert_eq!((figures.len(), figures[0].key.as_str(), figures[0].executions), (1, key, 4));
        }
    }
}
