use std::sync::Arc;

use async_trait::async_trait;
use goalwright_domain::execution::{Run, RunStatus};
use goalwright_domain::experience::{Experience, ExperienceType, lesson};
use goalwright_domain::workspace::WorkspaceId;
use uuid::Uuid;

use super::{Hook, HookFailure};
use crate::Error;
use crate::ports::{Clock, Interest};
use crate::read::{ExperienceFilter, MAX_LIMIT, PageRequest, Queries};

/// Notes what a run taught that did not go smoothly: a task that failed for good leaves a reflection, one that was done at
/// last a belief, which the next one that has to do with the same words finds.
pub struct Notes {
    queries: Arc<dyn Queries>,
    clock: Arc<dyn Clock>,
}

impl Notes {
    /// Its name.
    pub const NAME: &'static str = "notes";

    /// Over these ports.
    pub fn new(queries: Arc<dyn Queries>, clock: Arc<dyn Clock>) -> Self {
        Self { queries, clock }
    }

    /// The run of a trace, if this span was its last one and it is over.
    async fn over(&self, workspace: WorkspaceId, trace: Uuid, span: &str) -> Result<Option<Run>, Error> {
        let runs = self.queries.runs_in_trace(workspace, trace, 1).await?;
        Ok(runs.into_iter().find(|run| {
            run.trace_id == trace
                && matches!(run.status, RunStatus::Succeeded | RunStatus::Failed)
                && run.last_span.is_some_and(|last| last.to_string() == span)
        }))
    }

    /// The records of all attempts of a run, in their order; of very many the latest.
    async fn attempts(&self, run: &Run) -> Result<Vec<Experience>, Error> {
        let filter = ExperienceFilter {
            kind: Some(ExperienceType::TaskExecution),
            trace_id: Some(run.trace_id.to_string()),
            ..ExperienceFilter::default()
        };
        let page = PageRequest::first(MAX_LIMIT);
        let mut attempts = self.queries.experiences(run.workspace_id, &filter, &page).await?.items;
        attempts.sort_by_key(|attempt| attempt.content["structured"]["attempt"].as_i64());
        Ok(attempts)
    }
}

#[async_trait]
impl Hook for Notes {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn interest(&self) -> Interest {
        Interest::Troubled
    }

    async fn after(&self, execution: &Experience) -> Result<Vec<Experience>, HookFailure> {
        let structured = &execution.content["structured"];
        let trace = structured["trace_id"].as_str().and_then(|trace| trace.parse().ok());
        let Some((trace, span)) = trace.zip(structured["span_id"].as_str()) else { return Ok(Vec::new()) };
        // An attempt that another one followed, or may follow, taught nothing yet.
        let Some(run) = self.over(execution.workspace_id, trace, span).await? else { return Ok(Vec::new()) };
        let attempts = self.attempts(&run).await?;
        let now = self.clock.now();
        Ok(lesson(&attempts).and_then(|lesson| lesson.experience(&attempts, now)).into_iter().collect())
    }
}
