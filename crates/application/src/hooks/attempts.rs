//! The attempts of the run that an execution belongs to.

use goalwright_domain::execution::{Run, RunStatus};
use goalwright_domain::experience::{Experience, ExperienceType};
use goalwright_domain::workspace::WorkspaceId;
use uuid::Uuid;

use crate::Error;
use crate::read::{ExperienceFilter, MAX_LIMIT, PageRequest, Queries};

/// A run that this execution ended, with the records of all its attempts in their order, of very many the latest. None while
/// another attempt followed or may follow.
pub(super) async fn of_ended_run(
    queries: &dyn Queries,
    execution: &Experience,
) -> Result<Option<(Run, Vec<Experience>)>, Error> {
    let structured = &execution.content["structured"];
    let trace = structured["trace_id"].as_str().and_then(|trace| trace.parse().ok());
    let Some((trace, span)) = trace.zip(structured["span_id"].as_str()) else { return Ok(None) };
    let Some(run) = over(queries, execution.workspace_id, trace, span).await? else { return Ok(None) };
    let filter = ExperienceFilter {
        kind: Some(ExperienceType::TaskExecution),
        trace_id: Some(run.trace_id.to_string()),
        ..ExperienceFilter::default()
    };
    let page = PageRequest::first(MAX_LIMIT);
    let mut attempts = queries.experiences(run.workspace_id, &filter, &page).await?.items;
    attempts.sort_by_key(|attempt| attempt.content["structured"]["attempt"].as_i64());
    Ok(Some((run, attempts)))
}

/// The run of a trace, if this span was its last one and it is over.
async fn over(
    queries: &dyn Queries,
    workspace: WorkspaceId,
    trace: Uuid,
    span: &str,
) -> Result<Option<Run>, Error> {
    let runs = queries.runs_in_trace(workspace, trace, 1).await?;
    Ok(runs.into_iter().find(|run| {
        run.trace_id == trace
            && matches!(run.status, RunStatus::Succeeded | RunStatus::Failed)
            && run.last_span.is_some_and(|last| last.to_string() == span)
    }))
}
